// SPDX-License-Identifier: Apache-2.0
// Containers that are in the middle of execve(2) for as long as they like: whoever looks at them by
// files of procfs waits, and cannot be killed. Nobody else may wait for that.
import { setTimeout as pause } from 'node:timers/promises';

import { afterEach, beforeEach, expect, test } from 'vitest';

import { AgentProcess } from '../support/agent-process.ts';
import { AskedCaller } from '../support/asked-caller.ts';
import type { AnyEvent, WantedFields } from '../support/log-records.ts';
import { patient } from '../support/patience.ts';
import { StuckExecutor } from '../support/stuck-executor.ts';
import { TemporaryFolder } from '../support/temporary-folder.ts';

const user = 1000;
/** A container of somebody else's is served, on a machine that is busy with much else. */
const promptMs = patient(1500);
/** That containers say no `pid` is crun's way to enter one. */
const ways = [
  { what: 'the process that a user names', first: undefined },
  { what: 'a user’s process that sends', first: 0 },
];

let folder: TemporaryFolder;
let socket: string;
let resources: AsyncDisposableStack;
let agents: AgentProcess[];
/** Nobody who looks at them ends before they do. */
let stuck: AsyncDisposableStack;

beforeEach(() => {
  folder = new TemporaryFolder();
  socket = folder.at('agent.socket');
  resources = new AsyncDisposableStack();
  stuck = new AsyncDisposableStack();
  agents = [];
});

afterEach(async () => {
  for (const agent of agents) agent.signal('SIGKILL');
  await stuck[Symbol.asyncDispose]();
  await resources[Symbol.asyncDispose]();
  folder[Symbol.dispose]();
});

/** It is killed before they end: what it would do with containers that end is of no interest. */
async function startAgent(...options: readonly string[]): Promise<AgentProcess> {
  const agent = resources.use(await AgentProcess.start(socket, ...options));
  agents.push(agent);
  return agent;
}

/** Whether such a record comes in time. */
async function isLoggedIn(
  ms: number,
  agent: AgentProcess,
  event: AnyEvent,
  fields: WantedFields,
): Promise<boolean> {
  using stack = new DisposableStack();
  const late = new AbortController();
  stack.defer(() => {
    late.abort();
  });
  const isLogged = async (): Promise<boolean> => {
    await agent.logged(event, fields);
    return true;
  };
  return await Promise.race([isLogged(), pause(ms, false, { signal: late.signal })]);
}

/** Whether a container of root's is served by it at once. */
async function isPrompt(agent: AgentProcess): Promise<boolean> {
  // what is asked for others is under way by then
  await pause(100);
  resources.use(new AskedCaller({ socket, id: 'roots' }));
  return isLoggedIn(promptMs, agent, 'container-attached', { container: 'roots' });
}

test.for(ways)('A5: execve: $what keeps nobody else waiting', async ({ first }) => {
  const agent = await startAgent('-resolver=demo-basic', `-allow-uids=${user}`);
  const said = first === undefined ? {} : { first };
  const one = stuck.use(new StuckExecutor({ socket, user, ...said, isLate: true }));
  await one.execute();
  await one.finish();
  expect(await isPrompt(agent)).toBe(true);
});

test('A5: execve: another’s process that users name keeps only users waiting', async () => {
  const agent = await startAgent('-resolver=demo-basic', `-allow-uids=${user}`);
  const roots = stuck.use(new StuckExecutor({ socket, id: 'stuck' }));
  const first = await roots.pid();
  await agent.logged('container-attached', { container: 'stuck' });
  await roots.execute();
  const theirs = ['u0', 'u1'].map((id) => ({ socket, id, user, first }));
  for (const each of theirs) await resources.use(new StuckExecutor(each)).pid();
  expect(await isPrompt(agent)).toBe(true);
  expect(agent.records.filter(({ peerUid }) => peerUid === String(user))).toEqual([]);
});

test('A5: execve: a container keeps no later agent waiting', async () => {
  const first = await startAgent('-resolver=demo-basic');
  const one = stuck.use(new StuckExecutor({ socket }));
  await first.logged('container-attached', { container: 'stuck' });
  // until the file is written that the next agent reads
  await pause(500);
  await one.execute();
  await first.stop('SIGKILL');

  const next = await startAgent('-resolver=demo-basic');
  expect(await isLoggedIn(promptMs, next, 'container-orphaned', { container: 'stuck' })).toBe(true);
  expect(await isPrompt(next)).toBe(true);
});
