// SPDX-License-Identifier: Apache-2.0
// What it costs to act for a caller: mkdir and open beside a bare agent that does the same, and mounts of
// proc in containers whose own proc hides something.
import { type Aim, atMost } from '../aims.ts';
import { type StartedAgent, startAgent, startBare } from '../agents.ts';
import type { Figures } from '../figures.ts';
import { type LoadSyscall, runLoad } from '../load.ts';
import type { CpuChoice } from '../machine.ts';
import type { Measurement } from '../rounds.ts';
import type { Group } from './group.ts';

interface Contender {
  readonly name: string;
  readonly syscall: LoadSyscall & ('mkdir' | 'mount' | 'open');
  readonly start: (cpus: string) => Promise<StartedAgent>;
  /** Without it, agents also have to make sure that no signal loses an answer. */
  readonly waitsKillable?: boolean;
}

interface Length {
  readonly warmUpCalls: number;
  readonly calls: number;
}

const bare: Contender = {
  name: 'bare, mkdir as the caller',
  syscall: 'mkdir',
  start: (cpus) => startBare('mkdir', cpus),
};
/** As it is right: what is made is charged to the container, where whoever makes it is. */
const inside: Contender = {
  name: 'bare, mkdir from the inside',
  syscall: 'mkdir',
  start: (cpus) => startBare('inside', cpus),
};
const agent: Contender = {
  name: 'agent, mkdir as the caller',
  syscall: 'mkdir',
  start: (cpus) => startAgent({ bundle: 'mkdir-suffix', cpus }),
};
const killable = { waitsKillable: true } as const;
const bareKillable = { ...bare, ...killable, name: 'bare, mkdir, WAIT_KILLABLE_RECV' };
const insideKillable = { ...inside, ...killable, name: `${inside.name}, WAIT_KILLABLE_RECV` };
const agentKillable = { ...agent, ...killable, name: 'agent, mkdir, WAIT_KILLABLE_RECV' };
const bareOpen: Contender = {
  name: 'bare, open as the caller',
  syscall: 'open',
  start: (cpus) => startBare('open', cpus),
  ...killable,
};
const agentOpen: Contender = {
  name: 'agent, open as the caller',
  syscall: 'open',
  start: (cpus) => startAgent({ bundle: 'perform', cpus }),
  ...killable,
};
/** Its handler has the path looked up first, and approves of what was found. */
const agentFoundOpen: Contender = {
  name: 'agent, open of what a path leads to',
  syscall: 'open',
  start: (cpus) => startAgent({ bundle: 'resolve', cpus }),
  ...killable,
};
const mountsOfProc: Contender = {
  name: 'agent, mount of proc with masks',
  syscall: 'mount',
  start: (cpus) => startAgent({ bundle: 'unprivileged-build', cpus }),
};
const mountsKillable = {
  ...mountsOfProc,
  ...killable,
  name: `${mountsOfProc.name}, WAIT_KILLABLE_RECV`,
};
const firstMkdir = { ...agent, name: 'agent, first mkdir of a container' };
const firstMount = { ...mountsOfProc, name: 'agent, first mount of a container' };

const manyMkdirs: Length = { warmUpCalls: 2000, calls: 5000 };
const manyMounts: Length = { warmUpCalls: 200, calls: 1000 };
const few: Length = { warmUpCalls: 0, calls: 20 };
const single: Length = { warmUpCalls: 0, calls: 1 };

async function makeCalls(
  { socket }: StartedAgent,
  { syscall, waitsKillable }: Contender,
  cpus: string,
  { warmUpCalls, calls }: Length,
): Promise<Figures> {
  const { loops } = await runLoad({
    socket,
    cpus,
    syscall,
    expectedErrno: 0,
    hasOwnRoot: syscall !== 'mount',
    ...(waitsKillable === undefined ? {} : { waitsKillable }),
    containers: 1,
    warmUpCalls,
    length: { kind: 'calls', calls },
  });
  return { ...loops };
}

function inLoop(contender: Contender, cpus: string, length: Length): Measurement {
  return {
    name: contender.name,
    run: async () => {
      await using started = await contender.start(cpus);
      return await makeCalls(started, contender, cpus, length);
    },
  };
}

/** Of an agent that has served another container before. */
function firstOne(contender: Contender, cpus: string): Measurement {
  return {
    name: contender.name,
    run: async () => {
      await using started = await contender.start(cpus);
      await makeCalls(started, contender, cpus, few);
      return await makeCalls(started, contender, cpus, single);
    },
  };
}

function besideBare(title: string, [of, to]: readonly [Contender, Contender]): Aim {
  return {
    title,
    quantity: { kind: 'ratio', of: of.name, to: to.name, figure: 'p50Ns' },
    limit: atMost(1.3),
  };
}

function afterLookUp(call: string, of: Contender, to: Contender): Aim {
  return {
    title: `${call} of what was looked up, beside ${call} alone: p50`,
    quantity: { kind: 'ratio', of: of.name, to: to.name, figure: 'p50Ns' },
    limit: atMost(1.25),
  };
}

function takes(title: string, { name }: Contender, figure: 'p50Ns' | 'maxNs', most: number): Aim {
  return { title, quantity: { kind: 'value', of: name, figure }, limit: atMost(most) };
}

const aims: readonly Aim[] = [
  besideBare('mkdir, WAIT_KILLABLE_RECV, beside bare C from the inside: p50', [
    agentKillable,
    insideKillable,
  ]),
  besideBare('mkdir without that flag, beside bare C from the inside: p50', [agent, inside]),
  {
    title: 'open, beside bare C: p50',
    quantity: { kind: 'ratio', of: agentOpen.name, to: bareOpen.name, figure: 'p50Ns' },
    limit: atMost(1.2),
  },
  afterLookUp('open', agentFoundOpen, agentOpen),
  takes('first mkdir of a container', firstMkdir, 'maxNs', 5_000_000),
  takes('mount of proc with masks, WAIT_KILLABLE_RECV: p50', mountsKillable, 'p50Ns', 300_000),
  takes('mount of proc with masks, without: p50', mountsOfProc, 'p50Ns', 300_000),
  takes('first mount of a container', firstMount, 'maxNs', 5_000_000),
];

export function acting({ one }: CpuChoice): Group {
  return {
    title: `1 caller, both ends on CPU ${one}`,
    limits: { rounds: 11, seconds: 130 },
    measurements: [
      ...[
        bare,
        inside,
        agent,
        bareKillable,
        insideKillable,
        agentKillable,
        bareOpen,
        agentOpen,
        agentFoundOpen,
      ].map((contender) => inLoop(contender, one, manyMkdirs)),
      firstOne(firstMkdir, one),
      ...[mountsOfProc, mountsKillable].map((contender) => inLoop(contender, one, manyMounts)),
      firstOne(firstMount, one),
    ],
    columns: ['p50Ns', 'p90Ns', 'p99Ns', 'maxNs', 'callsPerSecond'],
    aims,
  };
}
