// SPDX-License-Identifier: Apache-2.0
// Effect of a container that calls without a pause on one that calls now and then.
import { type Aim, atMost } from '../aims.ts';
import { type Contender, agentRead, bareRead } from '../contender.ts';
import { runLoad } from '../load.ts';
import type { CpuChoice } from '../machine.ts';
import type { Measurement, Quantity } from '../rounds.ts';
import type { Group } from './group.ts';

const loopThreads = 32;
const quietPauseUs = 500;
const warmUpCalls = 500;
const durationMs = 1000;

function alone({ name }: Contender): string {
  return `${name}: quiet alone`;
}

function besideLoop({ name }: Contender): string {
  return `${name}: quiet beside the loop`;
}

function quietCaller(
  contender: Contender,
  { hasLoop, cpus }: { readonly hasLoop: boolean; readonly cpus: () => string },
): Measurement {
  const { syscall, expectedErrno, start } = contender;
  return {
    name: hasLoop ? besideLoop(contender) : alone(contender),
    run: async () => {
      const cpuList = cpus();
      await using agent = await start(cpuList);
      const { quiet } = await runLoad({
        socket: agent.socket,
        cpus: cpuList,
        syscall,
        expectedErrno,
        containers: hasLoop ? 1 : 0,
        threads: loopThreads,
        quietPauseUs,
        warmUpCalls,
        length: { kind: 'time', durationMs },
      });
      return { ...quiet };
    },
  };
}

function loadedToIdle(contender: Contender): Quantity {
  return { kind: 'ratio', of: besideLoop(contender), to: alone(contender), figure: 'p99Ns' };
}

const aims: readonly Aim[] = [
  {
    title: `quiet caller beside a loop of ${loopThreads} threads: p99, to its p99 alone`,
    quantity: loadedToIdle(agentRead),
    limit: atMost(2),
    floor: loadedToIdle(bareRead),
  },
  {
    title: 'the same p99 beside that of bare C',
    quantity: {
      kind: 'ratio',
      of: besideLoop(agentRead),
      to: besideLoop(bareRead),
      figure: 'p99Ns',
    },
  },
];

export function fairness({ two }: CpuChoice): Group {
  const contenders = [bareRead, agentRead];
  return {
    title:
      `a caller that pauses ${quietPauseUs} µs before each call, alone and beside a container ` +
      `of ${loopThreads} threads in a loop, all on two CPUs`,
    limits: { rounds: 9, seconds: 60 },
    measurements: contenders.flatMap((contender) => [
      quietCaller(contender, { hasLoop: false, cpus: two }),
      quietCaller(contender, { hasLoop: true, cpus: two }),
    ]),
    columns: ['p50Ns', 'p90Ns', 'p99Ns', 'maxNs', 'callsPerSecond'],
    aims,
  };
}
