// SPDX-License-Identifier: Apache-2.0
// `npm run soak:kills`: containers that are killed in the middle of their calls, a hundred thousand
// times, while others call. Their numbers are used again at once: nothing is done to who has them
// then, and the agent has no more descriptors and threads afterwards, and is idle.
import { readdirSync } from 'node:fs';
import { setTimeout as pause } from 'node:timers/promises';
import { parseArgs } from 'node:util';

import { runCommand } from '../support/command.ts';
import { compiled } from '../support/compile.ts';
import { makeFolder } from '../support/folder-contents.ts';
import { until } from '../support/polling.ts';
import { cpuTicks, settledFdCount, threadCount } from '../support/process-resources.ts';
import { TemporaryFolder } from '../support/temporary-folder.ts';
import { buildTestBundles, testBundle } from '../support/test-bundles.ts';
import { TimedCalls } from '../support/timed-calls.ts';
import { startWatchedAgent } from '../support/watched-agent.ts';

const usage = `usage: kills.ts [options]
  --kills N    at least so many (100000)
  --help`;

/** So many for each agent, which lives for two minutes at most. */
const killsOfRound = 10_000;
const firstKills = 500;
const deadlineMs = 100_000;
/** A call takes less. */
const killUs = 200;
const loads = 2;
const idleMs = 2000;
/** Connections and helpers that are just ending. */
const maxMoreFds = 12;

function wantedKills(): number | undefined {
  const { values } = parseArgs({
    options: {
      kills: { type: 'string', default: '100000' },
      help: { type: 'boolean', default: false },
    },
  });
  if (values.help) return undefined;
  const kills = Number(values.kills);
  if (Number.isSafeInteger(kills) && kills > 0) return kills;
  throw new Error(`--kills wants a positive whole number, not ${values.kills}`);
}

/** @returns what is in the folder of those that got the numbers of the killed */
async function kill(socket: string, count: number): Promise<readonly string[]> {
  using folder = new TemporaryFolder();
  const own = makeFolder(folder.path, 'of-the-containers');
  const other = makeFolder(folder.path, 'of-the-new-processes');
  const options = { '-s': socket, '-o': own, '-r': other, '-n': count, '-d': killUs };
  const { code, stderr } = await runCommand(
    [compiled('pid-reuse'), ...Object.entries(options).flat().map(String)],
    { deadlineMs },
  );
  if (code !== 0) throw new Error(`pid-reuse: ${code} ${stderr}`);
  return readdirSync(other);
}

/** @returns whether nothing was done to others, and nothing is left */
async function round(): Promise<boolean> {
  await using agent = await startWatchedAgent({ bundle: testBundle('perform'), log: 'warn' });
  const { socket, pid } = agent;
  let found = await kill(socket, firstKills);
  const start = { fds: await settledFdCount(pid), threads: threadCount(pid) };
  {
    await using stack = new AsyncDisposableStack();
    const calls = Array.from({ length: loads }, () =>
      stack.use(new TimedCalls({ socket, call: 'getpgid:0', calls: 0 })),
    );
    await Promise.all(calls.map(async (each) => each.ready()));
    for (const each of calls) each.begin();
    found = [...found, ...(await kill(socket, killsOfRound))];
    for (const each of calls) each.finish();
    await Promise.all(calls.map(async (each) => each.result()));
  }
  await until('the pool to shrink', () => threadCount(pid) <= start.threads || undefined);
  await pause(idleMs);
  const end = { fds: await settledFdCount(pid), threads: threadCount(pid) };
  const before = cpuTicks(pid);
  await pause(idleMs);
  const ticks = cpuTicks(pid) - before;
  console.log(`${start.fds} to ${end.fds}, ${start.threads} to ${end.threads}, ${ticks}`);
  for (const name of found) console.log(`made by who had the number next: ${name}`);
  for (const line of agent.log()) console.log(line);
  return (
    found.length === 0 &&
    agent.log().length === 0 &&
    end.fds - start.fds <= maxMoreFds &&
    ticks <= 2
  );
}

async function soak(kills: number): Promise<boolean> {
  await buildTestBundles();
  console.log('descriptors, threads, ticks of the processor when idle');
  for (let made = 0; made < kills; made += killsOfRound) {
    if (!(await round())) return false;
  }
  return true;
}

const kills = wantedKills();
if (kills === undefined) console.log(usage);
else process.exitCode = (await soak(kills)) ? 0 : 1;
