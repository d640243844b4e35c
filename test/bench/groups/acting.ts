// SPDX-License-Identifier: Apache-2.0
// What it costs to act for a caller: mkdir as the caller, beside a bare agent that does the same.
import { type Aim, atMost } from '../aims.ts';
import { type StartedAgent, startAgent, startBare } from '../agents.ts';
import type { Figures } from '../figures.ts';
import { runLoad } from '../load.ts';
import type { CpuChoice } from '../machine.ts';
import type { Measurement } from '../rounds.ts';
import type { Group } from './group.ts';

const warmUpCalls = 2000;
const timedCalls = 5000;

type Start = (cpus: string) => Promise<StartedAgent>;

const startBareMkdir: Start = (cpus) => startBare('mkdir', cpus);
const startAgentMkdir: Start = (cpus) => startAgent({ bundle: 'mkdir-suffix', cpus });

const bareName = 'bare, mkdir as the caller';
const agentName = 'agent, mkdir as the caller';
/** The agent's whole work; without the flag it also makes sure that no signal loses an answer. */
const killableName = 'agent, mkdir, WAIT_KILLABLE_RECV';
const bareKillableName = 'bare, mkdir, WAIT_KILLABLE_RECV';
const firstName = 'agent, first mkdir of a container';

interface Loop {
  readonly warmUp: number;
  readonly calls: number;
  readonly waitsKillable?: boolean;
}

async function makeDirectories(
  { socket }: StartedAgent,
  cpus: string,
  { warmUp, calls, ...flags }: Loop,
): Promise<Figures> {
  const { loops } = await runLoad({
    socket,
    cpus,
    syscall: 'mkdir',
    expectedErrno: 0,
    hasOwnRoot: true,
    ...flags,
    containers: 1,
    warmUpCalls: warmUp,
    length: { kind: 'calls', calls },
  });
  return { ...loops };
}

function inLoop(name: string, start: Start, cpus: string, waitsKillable: boolean): Measurement {
  return {
    name,
    run: async () => {
      await using agent = await start(cpus);
      return await makeDirectories(agent, cpus, {
        warmUp: warmUpCalls,
        calls: timedCalls,
        waitsKillable,
      });
    },
  };
}

/** Of an agent that has served another container before. */
function firstOne(name: string, start: Start, cpus: string): Measurement {
  return {
    name,
    run: async () => {
      await using agent = await start(cpus);
      await makeDirectories(agent, cpus, { warmUp: 0, calls: 100 });
      return await makeDirectories(agent, cpus, { warmUp: 0, calls: 1 });
    },
  };
}

const aims: readonly Aim[] = [
  {
    title: 'mkdir as the caller, WAIT_KILLABLE_RECV, beside bare C: p50',
    quantity: { kind: 'ratio', of: killableName, to: bareKillableName, figure: 'p50Ns' },
    limit: atMost(1.3),
  },
  {
    title: 'mkdir as the caller, beside bare C: p50',
    quantity: { kind: 'ratio', of: agentName, to: bareName, figure: 'p50Ns' },
    limit: atMost(1.3),
  },
  {
    title: 'first mkdir of a container',
    quantity: { kind: 'value', of: firstName, figure: 'maxNs' },
    limit: atMost(5_000_000),
  },
];

export function acting({ one }: CpuChoice): Group {
  return {
    title: `1 caller, both ends on CPU ${one}`,
    limits: { rounds: 11, seconds: 60 },
    measurements: [
      inLoop(bareName, startBareMkdir, one, false),
      inLoop(agentName, startAgentMkdir, one, false),
      inLoop(bareKillableName, startBareMkdir, one, true),
      inLoop(killableName, startAgentMkdir, one, true),
      firstOne(firstName, startAgentMkdir, one),
    ],
    columns: ['p50Ns', 'p90Ns', 'p99Ns', 'maxNs', 'callsPerSecond'],
    aims,
  };
}
