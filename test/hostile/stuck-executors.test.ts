// SPDX-License-Identifier: Apache-2.0
// Containers that are in the middle of execve(2) for as long as they like: whoever looks at them by
// files of procfs waits, and cannot be killed. Nobody else may wait for that.
import { readFileSync } from 'node:fs';
import { setTimeout as pause } from 'node:timers/promises';

import { afterEach, beforeEach, expect, test } from 'vitest';
import type { TestContext } from 'vitest';

import { AgentProcess } from '../support/agent-process.ts';
import { AskedCaller } from '../support/asked-caller.ts';
import { BundleFolder } from '../support/bundle-folder.ts';
import { runCommand } from '../support/command.ts';
import { Freezer } from '../support/freezer.ts';
import type { AnyEvent, WantedFields } from '../support/log-records.ts';
import { patient } from '../support/patience.ts';
import { childrenOf } from '../support/process-resources.ts';
import { StuckExecutor } from '../support/stuck-executor.ts';
import { TemporaryFolder } from '../support/temporary-folder.ts';

const [user, anotherUser] = [1000, 1001];
/** A container of somebody else's is served, on a machine that is busy with much else. */
const promptMs = patient(1500);
/** It has waited for two turns of others. */
const inTurnMs = patient(6000);
/** Nobody waits for a stop any more. */
const stopMs = patient(15_000);
const endMs = patient(5000);
const inNamespace = ['unshare', '--pid', '--fork', '--kill-child'] as const;
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

/** Not with every kernel. */
async function needsWaiting(context: TestContext, pid: number): Promise<void> {
  const look = ['timeout', '-s', 'KILL', '1', 'readlink', `/proc/${pid}/ns/user`] as const;
  const { code } = await runCommand(look);
  if (code === 0)
    context.skip('this kernel keeps nobody waiting who looks at a process in execve(2)');
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
  // nor does it wait at its own end
  const began = performance.now();
  await agent.stop('SIGTERM');
  expect(performance.now() - began).toBeLessThan(endMs);
});

test('A5: execve: another’s process that users name keeps only users waiting, and no user for long', async (context) => {
  const agent = await startAgent('-resolver=demo-basic', `-allow-uids=${user},${anotherUser}`);
  const roots = stuck.use(new StuckExecutor({ socket, id: 'stuck' }));
  const first = await roots.pid();
  await agent.logged('container-attached', { container: 'stuck' });
  await roots.execute();
  await needsWaiting(context, first);
  for (let listener = 0; listener < 3; listener += 1) {
    await resources.use(new StuckExecutor({ socket, id: 'theirs', user, first })).pid();
  }
  expect(await isPrompt(agent)).toBe(true);
  resources.use(new AskedCaller({ socket, id: 'others', user: anotherUser }));
  expect(await isLoggedIn(inTurnMs, agent, 'container-attached', { container: 'others' })).toBe(
    true,
  );
  // two of a container hang
  const refused = { peerUid: String(user), code: 'AGENT_LISTENER' };
  expect(await isLoggedIn(inTurnMs, agent, 'message-refused', refused)).toBe(true);
  const attached = agent.records.filter(({ event }) => event === 'container-attached');
  expect(attached.map(({ container }) => container)).toEqual(['stuck', 'roots', 'others']);
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

/** An agent that freezes or kills containers whose calls fail, and a handler that fails at all. */
async function startStopping(failure: string): Promise<AgentProcess> {
  const bundles = resources.use(new BundleFolder());
  bundles.write('trapping', { component: 'trap', syscalls: ['mkdir'], failure });
  return startAgent(`-bundle=${bundles.at('trapping')}`);
}

/** Whoever is killed with its pid namespace is not looked at. */
const stops = [
  { failure: 'freeze-container', event: 'container-frozen', wrapper: inNamespace },
  { failure: 'kill-container', event: 'container-killed', wrapper: [] },
] as const;

test.for(stops)(
  'A5: execve: four of root’s containers keep no other one from its $failure',
  async ({ failure, event, wrapper }) => {
    const agent = await startStopping(failure);
    for (let index = 0; index < 4; index += 1) {
      const id = `stuck-${index}`;
      const freezer = resources.use(new Freezer());
      const other = stuck.use(new StuckExecutor({ socket, id, wrapper }));
      freezer.take(await other.pid());
      await agent.logged('container-attached', { container: id });
      await other.execute();
      expect(await other.call()).toBe('EPERM');
    }
    const freezer = resources.use(new Freezer());
    const victim = resources.use(new AskedCaller({ socket, id: 'victim', wrapper: inNamespace }));
    resources.defer(() => {
      freezer.thaw();
    });
    await agent.logged('container-attached', { container: 'victim' });
    for (const pid of childrenOf(victim.pid)) freezer.take(pid);
    // it may be gone before it has the answer
    void victim.ask('mkdir /trap');
    expect(await isLoggedIn(inTurnMs, agent, event, { container: 'victim' })).toBe(true);
  },
);

test('A5: execve: the first process of a container is killed, though nobody can look at it', async (context) => {
  const agent = await startStopping('kill-container');
  const one = stuck.use(new StuckExecutor({ socket }));
  const pid = await one.pid();
  await agent.logged('container-attached', { container: 'stuck' });
  await one.execute();
  await needsWaiting(context, pid);
  expect(await one.call()).toBe('EPERM');

  const fields = { container: 'stuck', errno: 'ETIMEDOUT' };
  expect(await isLoggedIn(stopMs, agent, 'container-not-killed', fields)).toBe(true);
  const status = readFileSync(`/proc/${pid}/status`, 'utf8');
  const killed = 1n << 8n;
  const pending = [...status.matchAll(/^S(?:ig|hd)Pnd:\t(?<mask>[0-9a-f]+)$/gmu)];
  const masks = pending.map(({ groups }) => BigInt(`0x${groups?.['mask']}`) & killed);
  expect(masks).toContain(killed);
});
