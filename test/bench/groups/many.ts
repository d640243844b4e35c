// SPDX-License-Identifier: Apache-2.0
// Many containers in a loop on two cores: beside one thread of C that reads as much.
import { type Aim, atLeast, atMost } from '../aims.ts';
import { type Contender, agentRead, bareRead } from '../contender.ts';
import { runLoad } from '../load.ts';
import type { CpuChoice } from '../machine.ts';
import type { Measurement } from '../rounds.ts';
import type { Group } from './group.ts';

const sizes = [8, 64] as const;
const warmUpCalls = 1000;
const durationMs = 1000;
const longestStallNs = 20e6;

function nameOf({ name }: Contender, containers: number): string {
  return `${name}, ${containers} containers`;
}

function loop(contender: Contender, containers: number, cpus: () => string): Measurement {
  const { syscall, expectedErrno, start } = contender;
  return {
    name: nameOf(contender, containers),
    run: async () => {
      const cpuList = cpus();
      await using agent = await start(cpuList);
      const { loops } = await runLoad({
        socket: agent.socket,
        cpus: cpuList,
        syscall,
        expectedErrno,
        containers,
        warmUpCalls,
        length: { kind: 'time', durationMs },
      });
      return { ...loops, agentThreads: agent.threads };
    },
  };
}

function aimsFor(containers: number): readonly Aim[] {
  const [of, to] = [nameOf(agentRead, containers), nameOf(bareRead, containers)];
  return [
    {
      title: `${containers} containers, beside bare C: calls per second`,
      quantity: { kind: 'ratio', of, to, figure: 'callsPerSecond' },
      limit: atLeast(1.2),
    },
    {
      title: `${containers} containers, beside bare C: p99`,
      quantity: { kind: 'ratio', of, to, figure: 'p99Ns' },
      limit: atMost(1),
    },
    {
      title: `${containers} containers: most beside least served`,
      quantity: { kind: 'value', of, figure: 'mostToLeast' },
      limit: atMost(1.1),
    },
    {
      title: `${containers} containers: longest stall`,
      quantity: { kind: 'value', of, figure: 'maxNs' },
      limit: atMost(longestStallNs),
      judged: 'worst',
    },
  ];
}

export function many({ two }: CpuChoice): Group {
  return {
    title: `containers in a loop, ${durationMs} ms a run, all on two CPUs`,
    limits: { rounds: 9, seconds: 75 },
    measurements: sizes.flatMap((size) => [loop(bareRead, size, two), loop(agentRead, size, two)]),
    columns: [
      'callsPerSecond',
      'p50Ns',
      'p99Ns',
      'maxNs',
      'least',
      'most',
      'mostToLeast',
      'agentThreads',
    ],
    aims: sizes.flatMap(aimsFor),
  };
}
