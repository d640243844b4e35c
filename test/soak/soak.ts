// SPDX-License-Identifier: Apache-2.0
// `npm run soak`: an agent under load for millions of calls, whose memory, descriptors and threads
// must not grow with them. Containers come and go meanwhile.
import { parseArgs } from 'node:util';

import { buildAgent, startAgent } from '../bench/agents.ts';
import { EBADMSG, runLoad } from '../bench/load.ts';
import { residentBytes } from '../support/process-memory.ts';
import { openFdCount, threadCount } from '../support/process-resources.ts';
import { buildTestBundles } from '../support/test-bundles.ts';

const usage = `usage: soak.ts [options]
  --calls N    at least so many calls (10000000)
  --help`;

/** The agent's size after its pool had time to grow is its limit for good. */
const resourceNames = ['megabytes', 'descriptors', 'threads'] as const;
const maxGrowth = { megabytes: 24, descriptors: 12, threads: 6 } as const;
const containers = 8;
const callsOfARound = 100_000;
const megabyte = 2 ** 20;

interface Resources {
  readonly megabytes: number;
  readonly descriptors: number;
  readonly threads: number;
}

function resourcesOf(pid: number): Resources {
  return {
    megabytes: Math.round(residentBytes(pid) / megabyte),
    descriptors: openFdCount(pid),
    threads: threadCount(pid),
  };
}

function wantedCalls(): number | undefined {
  const { values } = parseArgs({
    options: {
      calls: { type: 'string', default: '10000000' },
      help: { type: 'boolean', default: false },
    },
  });
  if (values.help) return undefined;
  const calls = Number(values.calls);
  if (Number.isSafeInteger(calls) && calls > 0) return calls;
  throw new Error(`--calls wants a positive whole number, not ${values.calls}`);
}

/** @returns the calls that were made */
async function round(socket: string): Promise<number> {
  const common = {
    socket,
    cpus: '0,1',
    expectedErrno: EBADMSG,
    warmUpCalls: 0,
    length: { kind: 'calls', calls: callsOfARound / 2 },
  } as const;
  await runLoad({ ...common, syscall: 'chmod', containers });
  await runLoad({ ...common, syscall: 'chmod', containers: 1, threads: containers });
  return containers * callsOfARound;
}

async function soak(calls: number): Promise<boolean> {
  await buildTestBundles();
  buildAgent();
  await using agent = await startAgent({ bundle: 'errno-after-read', cpus: '0,1' });
  let made = 0;
  console.log('calls, resident MB, descriptors, threads');
  const tell = ({ megabytes, descriptors, threads }: Resources): void => {
    console.log(`${made}, ${megabytes}, ${descriptors}, ${threads}`);
  };
  const callUntil = async (wanted: number): Promise<Resources> => {
    for (;;) {
      made += await round(agent.socket);
      const now = resourcesOf(agent.pid);
      tell(now);
      if (made >= wanted) return now;
    }
  };
  const start = await callUntil(calls / 2);
  const now = await callUntil(calls);
  const grown = resourceNames.filter((name) => now[name] - start[name] > maxGrowth[name]);
  for (const name of grown) console.log(`grown by more than ${maxGrowth[name]}: ${name}`);
  return grown.length === 0;
}

const calls = wantedCalls();
if (calls === undefined) console.log(usage);
else process.exitCode = (await soak(calls)) ? 0 : 1;
