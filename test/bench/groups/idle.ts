// SPDX-License-Identifier: Apache-2.0
// Cost of idle containers: memory and processor time of the agent.
import { readFileSync } from 'node:fs';
import { setTimeout as pause } from 'node:timers/promises';

import { cpuTicks, openFdCount } from '../../support/process-resources.ts';
import { until } from '../../support/polling.ts';
import { type Aim, atMost } from '../aims.ts';
import { startAgent } from '../agents.ts';
import type { StartedAgent } from '../agents.ts';
import type { Figures } from '../figures.ts';
import { EBADMSG, holdLoad, runLoad } from '../load.ts';
import type { CpuChoice } from '../machine.ts';
import type { Measurement } from '../rounds.ts';
import type { Group } from './group.ts';

const containers = 250;
const watchedMs = 5000;
/** Clock ticks of /proc: 100 Hz on every machine. */
const tickMs = 10;
/** Of each of the containers that are gone before any memory is measured. */
const warmUpCalls = 2000;
const settledMs = 1000;
const settleLimitMs = 15_000;
const maxRssBytes = 150e6;
const maxBytesPerContainer = 64 * 1024;

/** By the calls that each container makes before it idles. */
const cases = [
  { name: 'never called', calls: 0 },
  { name: 'called once each', calls: 1 },
] as const;

function rssBytes(pid: number): number {
  const status = readFileSync(`/proc/${pid}/status`, 'utf8');
  return Number(/^VmRSS:\s*(\d+) kB$/mu.exec(status)?.[1]) * 1024;
}

/** Resolves once the memory has not changed for a while. */
async function settledRssBytes(pid: number): Promise<number> {
  let last = rssBytes(pid);
  let since = performance.now();
  const isSettled = (): number | undefined => {
    const now = rssBytes(pid);
    if (now !== last) since = performance.now();
    last = now;
    return performance.now() - since > settledMs ? now : undefined;
  };
  return until(`the memory of process ${pid} to settle`, isSettled, settleLimitMs);
}

async function idlePercent(pid: number): Promise<number> {
  const before = cpuTicks(pid);
  await pause(watchedMs);
  return (((cpuTicks(pid) - before) * tickMs) / watchedMs) * 100;
}

/** So that what a worker needs for its first calls is not taken for the containers'. */
async function warmUp({ socket }: StartedAgent, cpus: string): Promise<void> {
  await runLoad({
    socket,
    cpus,
    syscall: 'chmod',
    expectedErrno: EBADMSG,
    containers: 8,
    warmUpCalls: 0,
    length: { kind: 'calls', calls: warmUpCalls },
  });
}

async function idle(calls: number, cpus: string): Promise<Figures> {
  await using agent = await startAgent({ bundle: 'demo-basic', cpus });
  const { pid, socket } = agent;
  if (calls > 0) await warmUp(agent, cpus);
  const emptyBytes = await settledRssBytes(pid);
  const emptyFds = openFdCount(pid);
  await using _containers = await holdLoad({
    socket,
    cpus,
    syscall: 'chmod',
    expectedErrno: EBADMSG,
    containers,
    warmUpCalls: calls,
    length: { kind: 'calls', calls: 0 },
  });
  await until(
    `${containers} listeners in the agent`,
    () => openFdCount(pid) >= emptyFds + containers || undefined,
  );
  const bytes = await settledRssBytes(pid);
  return {
    rssBytes: bytes,
    bytesPerContainer: (bytes - emptyBytes) / containers,
    cpuPercent: await idlePercent(pid),
    agentThreads: agent.threads,
  };
}

function aimsFor(name: string): readonly Aim[] {
  return [
    {
      title: `${containers} idle containers, ${name}: memory in all`,
      quantity: { kind: 'value', of: name, figure: 'rssBytes' },
      limit: atMost(maxRssBytes),
    },
    {
      title: `${containers} idle containers, ${name}: memory of each`,
      quantity: { kind: 'value', of: name, figure: 'bytesPerContainer' },
      limit: atMost(maxBytesPerContainer),
    },
    {
      title: `${containers} idle containers, ${name}: processor time`,
      quantity: { kind: 'value', of: name, figure: 'cpuPercent' },
      limit: atMost(0),
    },
  ];
}

export function idleContainers({ two }: CpuChoice): Group {
  const measurements = cases.map(({ name, calls }): Measurement => ({
    name,
    run: async () => idle(calls, two()),
  }));
  return {
    title: `${containers} containers that idle; the agent's memory, and its CPU over ${watchedMs} ms`,
    limits: { rounds: 3, seconds: 60 },
    measurements,
    columns: ['rssBytes', 'bytesPerContainer', 'cpuPercent', 'agentThreads'],
    aims: cases.flatMap(({ name }) => aimsFor(name)),
  };
}
