// SPDX-License-Identifier: Apache-2.0
// Helpers of both kinds: what the one for files holds and shows, and that none outlives its agent.
import { readdirSync, readFileSync, readlinkSync, statSync } from 'node:fs';

import { expect, test } from 'vitest';

import { runCommand } from '../support/command.ts';
import { makeFolder } from '../support/folder-contents.ts';
import { until } from '../support/polling.ts';
import { childrenOf } from '../support/process-resources.ts';
import { TemporaryFolder } from '../support/temporary-folder.ts';
import { testBundle } from '../support/test-bundles.ts';
import { startTrap } from '../support/trap-container.ts';
import type { StartedTrap } from '../support/trap-container.ts';
import { startWatchedAgent } from '../support/watched-agent.ts';
import type { WatchedAgent } from '../support/watched-agent.ts';

const user = 1000;
/** Until all helpers of an agent that was killed have ended. */
const endMs = 1000;
const container = ['unshare', '-m', '-U', '--map-users=0,0,65536', '--map-groups=0,0,65536'];

interface WarmHelpers extends AsyncDisposable {
  readonly files: number;
  readonly mounts: number;
  readonly container: StartedTrap;
}

function statusOf(pid: number): string {
  return readFileSync(`/proc/${pid}/status`, 'utf8');
}

/** Zombies have ended, whoever has yet to reap them. */
function lives(pid: number): boolean {
  try {
    return !/^State:\sZ/mu.test(statusOf(pid));
  } catch {
    return false;
  }
}

/** Also of one that has ended meanwhile. */
function isUsers(pid: number): boolean {
  try {
    return statusOf(pid).includes(`\nUid:\t${user}\t`);
  } catch {
    return true;
  }
}

interface HeldContainer extends AsyncDisposable {
  readonly container: StartedTrap;
}

/** Has a user in a user namespace make a directory and a mount, and holds the container. */
async function holdContainer(
  agent: WatchedAgent,
  options: readonly string[] = [],
): Promise<HeldContainer> {
  await using resources = new AsyncDisposableStack();
  const folder = resources.use(new TemporaryFolder());
  const target = makeFolder(folder.path, 'target', { uid: user });
  const roots = makeFolder(folder.path, 'roots');
  const held = resources.use(
    startTrap({
      socket: agent.socket,
      trapped: ['mkdir', 'mount'],
      options: ['-u', String(user), ...options],
      wrapper: container,
      operations: [`mkdir:${roots}/made:755`, `mount:none:${target}:tmpfs:0:`, 'hold'],
    }),
  );
  await held.untilLines(2);
  // what only a helper can tell for sure
  expect(held.lines()).toEqual(['mkdir -1 EACCES', 'mount 0 OK']);
  const kept = resources.move();
  return { container: held, [Symbol.asyncDispose]: () => kept.disposeAsync() };
}

async function warmHelpers(agent: WatchedAgent): Promise<WarmHelpers> {
  await using resources = new AsyncDisposableStack();
  const { container: held } = resources.use(await holdContainer(agent));
  const all = childrenOf(agent.pid);
  expect(all).toHaveLength(2);
  const [files = 0] = all.filter((pid) => isUsers(pid));
  const [mounts = 0] = all.filter((pid) => !isUsers(pid));
  const kept = resources.move();
  return { files, mounts, container: held, [Symbol.asyncDispose]: () => kept.disposeAsync() };
}

test('A4: file helper: between calls it holds nothing of a container open, and shows nothing of itself', async () => {
  await using agent = await startWatchedAgent({ bundle: testBundle('changing'), log: 'warn' });
  await using warm = await warmHelpers(agent);
  const at = (name: string): string => `/proc/${warm.files}/${name}`;

  const status = statusOf(warm.files);
  expect(status).toMatch(/^Seccomp:\s2$/mu);
  expect(status).toMatch(/^NoNewPrivs:\s1$/mu);
  // its socket, the agent's procfs, and the listener of its last call
  await until(
    'what it was given to be closed',
    () => readdirSync(at('fd')).length === 3 || undefined,
  );
  const opened = readdirSync(at('fd')).map((fd) =>
    readlinkSync(at(`fd/${fd}`)).replace(/^socket:.*/u, 'socket'),
  );
  expect(opened.toSorted()).toEqual(['/proc', 'anon_inode:seccomp notify', 'socket']);
  // of what is dumpable it would be the user's
  expect(statSync(at('')).uid).toBe(user);
  for (const name of ['environ', 'mem', 'fd', 'exe', 'root', 'ns'])
    expect(statSync(at(name)).uid).toBe(0);
  expect(agent.log()).toEqual([]);
});

test.for([
  { what: 'that wait for the next call', isStopped: false },
  // as one is that hangs in a call: it does not notice that nobody talks to it any more
  { what: 'that look at nothing', isStopped: true },
])('A4: helpers: when the agent is killed, those $what end with it', async ({ isStopped }) => {
  await using agent = await startWatchedAgent({ bundle: testBundle('changing'), log: 'warn' });
  await using warm = await warmHelpers(agent);
  const helpers = [warm.files, warm.mounts];
  using _left = {
    [Symbol.dispose]: () => {
      for (const pid of helpers) if (lives(pid)) process.kill(pid, 'SIGKILL');
    },
  };
  if (isStopped) for (const pid of helpers) process.kill(pid, 'SIGSTOP');

  agent.kill('SIGKILL');

  const killedAt = performance.now();
  await until('all helpers to end', () => !helpers.some((pid) => lives(pid)) || undefined);
  expect(performance.now() - killedAt).toBeLessThan(endMs);
});

test('A4: helpers: one that was stopped, as by a frozen cgroup, goes on as it was', async () => {
  await using agent = await startWatchedAgent({ bundle: testBundle('changing'), log: 'warn' });
  await using warm = await warmHelpers(agent);
  for (const pid of [warm.files, warm.mounts]) {
    process.kill(pid, 'SIGSTOP');
    await until('it to be stopped', () => /^State:\s*T/mu.test(statusOf(pid)) || undefined);
    process.kill(pid, 'SIGCONT');
    await until('it to wait again', () => /^State:\s*S/mu.test(statusOf(pid)) || undefined);
  }
  // a system call that is begun again in another way would have ended it by now
  expect([lives(warm.files), lives(warm.mounts)]).toEqual([true, true]);
  expect(agent.log()).toEqual([]);
});

/** By another process of the user, which sees the helpers: one of a container with the host's pids. */
async function asUser(...words: readonly string[]): Promise<boolean> {
  const ids = ['--reuid', String(user), '--regid', String(user), '--clear-groups'];
  const { code } = await runCommand(['setpriv', ...ids, ...words]);
  return code === 0;
}

test.for([
  { signal: 'KILL', answers: ['mkdir -1 EACCES', 'mkdir -1 EACCES'] },
  // as of a file system that never answers
  { signal: 'STOP', answers: ['mkdir -1 ETIMEDOUT', 'mkdir -1 EACCES'] },
])(
  'A4: helpers: another process of the caller’s user that sends SIG$signal costs that user a call at most',
  async ({ signal, answers }) => {
    await using agent = await startWatchedAgent({ bundle: testBundle('changing'), log: 'error' });
    using folder = new TemporaryFolder();
    const path = makeFolder(folder.path, 'roots');
    const mkdir = `mkdir:${path}/made:755`;
    const options = ['-u', String(user)];
    const common = { socket: agent.socket, trapped: ['mkdir'], options, wrapper: container };
    const ofUser = { ...common, options: [...options, '-i', 'c1'] };
    await using held = startTrap({ ...ofUser, operations: [mkdir, 'hold', mkdir, mkdir] });
    await held.untilLines(1);
    const [helper = 0, ...others] = childrenOf(agent.pid);
    expect(others).toEqual([]);

    for (const name of ['environ', 'maps', 'fd/0', 'exe', 'ns/mnt'])
      expect(await asUser('head', '-c1', `/proc/${helper}/${name}`)).toBe(false);
    expect(await asUser('kill', '-0', String(agent.pid))).toBe(false);
    expect(await asUser('kill', `-${signal}`, String(helper))).toBe(true);
    held.release();
    const ofOther = { ...common, options: [...options, '-i', 'c2'] };
    await using neighbour = startTrap({ ...ofOther, operations: [mkdir] });

    // whose call does not wait for the other one's
    expect(await neighbour.ended).toMatchObject({ status: 0, lines: ['mkdir -1 EACCES'] });
    const lines = ['mkdir -1 EACCES', 'hold 0 OK', ...answers];
    expect(await held.ended).toMatchObject({ status: 0, lines });
    expect(agent.log()).toEqual([]);
  },
);

test('A4: helpers: all listeners of a container have the same ones, which end with the last of them', async () => {
  await using agent = await startWatchedAgent({ bundle: testBundle('changing'), log: 'warn' });
  const mounting = (): readonly number[] =>
    childrenOf(agent.pid).filter((pid) => lives(pid) && !isUsers(pid));
  const first = await holdContainer(agent, ['-i', 'c1']);
  const [own] = mounting();
  const second = await holdContainer(agent, ['-i', 'c1']);
  expect(mounting()).toEqual([own]);
  await first[Symbol.asyncDispose]();
  await using other = await holdContainer(agent, ['-i', 'c2']);
  // those that close what was the first one's end, too
  await until('one helper of each', () => mounting().length === 2 || undefined);
  expect(mounting()).toContain(own);
  await second[Symbol.asyncDispose]();
  await until(
    'the helpers of the container to end',
    () => !mounting().includes(own ?? 0) || undefined,
  );
  await until('the other one alone', () => mounting().length === 1 || undefined);
  other.container.release();
});
