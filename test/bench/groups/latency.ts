// SPDX-License-Identifier: Apache-2.0
// Cost of an answer for one caller: beside the bare agent on one core, and with more workers.
import { type Aim, atMost } from '../aims.ts';
import {
  type Contender,
  agentAllWorkers,
  agentErrno,
  agentObserver,
  agentOneWorker,
  agentRead,
  bareContinue,
  bareErrno,
  bareRead,
} from '../contender.ts';
import type { FigureKey } from '../figures.ts';
import { runLoad } from '../load.ts';
import type { CpuChoice } from '../machine.ts';
import { hasPerfBench, runPerfBench } from '../perf.ts';
import type { Measurement } from '../rounds.ts';
import type { Group } from './group.ts';

const warmUpCalls = 20_000;
const timedCalls = 20_000;
const perfName = 'perf bench sched seccomp-notify';

function oneCaller(contender: Contender, cpus: () => string): Measurement {
  const { name, syscall, expectedErrno, start } = contender;
  return {
    name,
    run: async () => {
      const cpuList = cpus();
      await using agent = await start(cpuList);
      const { loops } = await runLoad({
        socket: agent.socket,
        cpus: cpuList,
        syscall,
        expectedErrno,
        containers: 1,
        warmUpCalls,
        length: { kind: 'calls', calls: timedCalls },
      });
      return { ...loops, agentThreads: agent.threads };
    },
  };
}

/** The first contender beside the second one. */
function beside(
  pair: readonly [Contender, Contender],
  figure: FigureKey,
  most: number,
): Omit<Aim, 'title'> {
  const [of, to] = pair;
  return {
    quantity: { kind: 'ratio', of: of.name, to: to.name, figure },
    limit: atMost(most),
  };
}

const aims: readonly Aim[] = [
  {
    title: 'errno, nothing read, beside bare C: p50',
    ...beside([agentErrno, bareErrno], 'p50Ns', 1.1),
  },
  {
    title: 'errno, nothing read, beside bare C: p99',
    ...beside([agentErrno, bareErrno], 'p99Ns', 1.5),
  },
  {
    title: 'errno after a path read, beside bare C: p50',
    ...beside([agentRead, bareRead], 'p50Ns', 1.1),
  },
  {
    title: 'errno after a path read, beside bare C: p99',
    ...beside([agentRead, bareRead], 'p99Ns', 1.5),
  },
  {
    title: 'observer that continues, beside bare C: p50',
    ...beside([agentObserver, bareContinue], 'p50Ns', 1.2),
  },
  {
    title: '1 caller, all workers beside one worker: p50',
    ...beside([agentAllWorkers, agentOneWorker], 'p50Ns', 1.05),
  },
  {
    title: '1 caller, all workers beside one worker: p99',
    ...beside([agentAllWorkers, agentOneWorker], 'p99Ns', 1.05),
  },
];

export function latency({ one, two }: CpuChoice): Group {
  const onOneCore = [bareErrno, agentErrno, bareRead, agentRead, bareContinue, agentObserver];
  const hasPerf = hasPerfBench();
  return {
    title: `1 caller, both ends on CPU ${one}; one worker and all workers: both ends on two CPUs`,
    limits: { rounds: 15, seconds: 120 },
    measurements: [
      ...onOneCore.map((contender) => oneCaller(contender, () => one)),
      ...(hasPerf ? [{ name: perfName, run: () => runPerfBench(one) }] : []),
      oneCaller(agentOneWorker, two),
      oneCaller(agentAllWorkers, two),
    ],
    columns: ['p50Ns', 'p90Ns', 'p99Ns', 'maxNs', 'meanNs', 'callsPerSecond', 'agentThreads'],
    aims: [
      ...aims,
      {
        title: perfName,
        quantity: { kind: 'value', of: perfName, figure: 'meanNs' },
      },
    ],
    notes: hasPerf ? [] : [`${perfName}: there is no perf here that has it`],
  };
}
