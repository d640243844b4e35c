// SPDX-License-Identifier: Apache-2.0
// `npm run soak:attacks`: what takes longer than tests may. A million tries to have something made
// outside of a caller's root; and containers that keep helpers in a file system that never answers,
// beside one that is to be served all the while.
import { setTimeout as pause } from 'node:timers/promises';
import { parseArgs } from 'node:util';

import { RunningCommand, runCommand } from '../support/command.ts';
import { compiled } from '../support/compile.ts';
import { makeFolder } from '../support/folder-contents.ts';
import { flipLinks } from '../support/link-flipper.ts';
import { TemporaryFolder } from '../support/temporary-folder.ts';
import { buildTestBundles, testBundle } from '../support/test-bundles.ts';
import { startWatchedAgent } from '../support/watched-agent.ts';

const usage = `usage: attacks.ts [options]
  --tries N    at least so many (1000000)
  --help`;

/** So many for each container: it, and its agent, live for two minutes at most. */
const triesOfRound = 25_000;
const deadlineMs = 110_000;

function wantedTries(): number | undefined {
  const { values } = parseArgs({
    options: {
      tries: { type: 'string', default: '1000000' },
      help: { type: 'boolean', default: false },
    },
  });
  if (values.help) return undefined;
  const tries = Number(values.tries);
  if (Number.isSafeInteger(tries) && tries > 0) return tries;
  throw new Error(`--tries wants a positive whole number, not ${values.tries}`);
}

const hangingMs = 90_000;
const hangingContainers = 40;
const hangingThreads = 8;
const lookMs = 3000;

/** @returns whether another container was served all the while */
async function hang(): Promise<boolean> {
  await using agent = await startWatchedAgent({ bundle: testBundle('perform'), log: 'fatal' });
  using folder = new TemporaryFolder();
  await using attackers = new AsyncDisposableStack();
  // each of them is killed when we exit
  process.setMaxListeners(hangingContainers * 2);
  for (let index = 0; index < hangingContainers; index += 1) {
    const path = makeFolder(folder.path, `attacker-${index}`);
    const calls = Array.from({ length: hangingThreads }, () => 'fuse-open');
    const command = ['-s', agent.socket, '-l', path, ...calls];
    const options = { deadlineMs: hangingMs + deadlineMs };
    attackers.use(new RunningCommand([compiled('stuck-caller'), ...command], options));
  }
  const end = performance.now() + hangingMs;
  let answers = 0;
  for (let look = 0; performance.now() < end; look += 1) {
    await pause(lookMs);
    const path = makeFolder(folder.path, `bystander-${look}`);
    const bystander = [compiled('file-caller'), '-k', '-s', agent.socket, path] as const;
    const { stdout, stderr } = await runCommand(bystander);
    // the policy's answer to what the agent could not do; no call of it gets that otherwise
    if (stdout === '' || /EPERM/u.test(stdout)) {
      console.log(`not served: ${stdout} ${stderr}`);
      return false;
    }
    answers += stdout.split('\n').length - 1;
  }
  console.log(`${answers} answers while others hang`);
  return true;
}

/** @returns whether all stayed inside */
async function flip(wanted: number): Promise<boolean> {
  console.log('tries, answers, inside');
  // most of the time links, sometimes moves
  for (let made = 0, round = 0; made < wanted; made += triesOfRound, round += 1) {
    await using agent = await startWatchedAgent({ bundle: testBundle('perform'), log: 'warn' });
    const { answers, inside, outside } = await flipLinks({
      socket: agent.socket,
      tries: triesOfRound,
      isMoved: round % 3 === 2,
      deadlineMs,
    });
    const shown = [...answers].map(([answer, count]) => `${answer} ${count}`).join(' ');
    console.log(`${made + triesOfRound}, ${shown}, ${inside}`);
    for (const where of outside) console.log(`made outside: ${where}`);
    for (const line of agent.log()) console.log(line);
    if (outside.length > 0 || inside !== answers.get('OK')) return false;
  }
  return true;
}

const tries = wantedTries();
if (tries === undefined) console.log(usage);
else {
  await buildTestBundles();
  process.exitCode = (await flip(tries)) && (await hang()) ? 0 : 1;
}
