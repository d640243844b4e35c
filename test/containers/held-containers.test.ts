// SPDX-License-Identifier: Apache-2.0
// Containers that handlers freeze and kill: all of it, and nothing else.
import { randomUUID } from 'node:crypto';
import { chmodSync, existsSync, mkdirSync, readFileSync, rmdirSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';

import { afterAll, beforeAll, describe, expect, test } from 'vitest';

import { AskedCaller } from '../support/asked-caller.ts';
import { RunningCommand } from '../support/command.ts';
import { Container } from '../support/container-runtime.ts';
import type { RuntimeName } from '../support/container-runtime.ts';
import { Freezer } from '../support/freezer.ts';
import { until } from '../support/polling.ts';
import { descendantsOf } from '../support/process-resources.ts';
import { makeRootfs } from '../support/rootfs.ts';
import { TemporaryFolder } from '../support/temporary-folder.ts';
import { testBundle } from '../support/test-bundles.ts';
import { startWatchedAgent } from '../support/watched-agent.ts';
import type { WatchedAgent } from '../support/watched-agent.ts';

const user = 1000;
const runtimes: readonly RuntimeName[] = ['runc', 'crun'];

/** Where the cgroups of a process are that can be frozen, of both versions; not the root. */
function freezableOf(pid: number): readonly string[] {
  const lines = readFileSync(`/proc/${pid}/cgroup`, 'utf8').trim().split('\n');
  return lines.flatMap((line) => {
    const [, controllers = '', path = ''] = /^\d+:([^:]*):(.*)$/u.exec(line) ?? [];
    if (path === '/') return [];
    if (controllers === 'freezer') return [join('/sys/fs/cgroup/freezer', path)];
    if (controllers !== '') return [];
    return ['/sys/fs/cgroup/unified', '/sys/fs/cgroup']
      .map((mount) => join(mount, path))
      .filter((folder) => existsSync(join(folder, 'cgroup.procs')))
      .slice(0, 1);
  });
}

const unified = '/sys/fs/cgroup/unified';
const hasBothVersions = existsSync(unified) && existsSync('/sys/fs/cgroup/freezer/tasks');

function isFrozen(folder: string): boolean {
  const events = join(folder, 'cgroup.events');
  if (existsSync(events)) return /^frozen 1$/mu.test(readFileSync(events, 'utf8'));
  const state = join(folder, 'freezer.state');
  return existsSync(state) && readFileSync(state, 'utf8').trim() === 'FROZEN';
}

function thaw(folder: string): void {
  for (const [file, word] of [
    ['cgroup.freeze', '0'],
    ['freezer.state', 'THAWED'],
  ] as const) {
    if (existsSync(join(folder, file))) writeFileSync(join(folder, file), word);
  }
}

function commandOf(pid: number): string {
  return readFileSync(`/proc/${pid}/comm`, 'utf8').trim();
}

function isRunning(pid: number): boolean {
  return existsSync(`/proc/${pid}`);
}

/** Not ended yet, whether anybody wants to know or not. */
function isAlive(pid: number): boolean {
  return isRunning(pid) && !/^State:\s*Z/mu.test(readFileSync(`/proc/${pid}/status`, 'utf8'));
}

describe('held containers', () => {
  let agent: WatchedAgent;
  beforeAll(async () => {
    agent = await startWatchedAgent({
      bundle: testBundle('hold'),
      allowedUids: [user],
      log: 'warn',
    });
    chmodSync(dirname(agent.socket), 0o755);
  });
  afterAll(async () => {
    await agent[Symbol.asyncDispose]();
  });

  async function containerOf(
    runtime: RuntimeName,
    folder: TemporaryFolder,
    sharesPids = false,
  ): Promise<Container> {
    const rootfs = folder.at('rootfs');
    makeRootfs(rootfs);
    const script = 'sleep 100 & echo started';
    return Container.run({
      runtime,
      folder: folder.path,
      rootfs,
      listenerPath: agent.socket,
      script,
      sharesPids,
    });
  }

  test.each(runtimes)(
    'A10: held containers: %s: the call is answered, and all stands still',
    async (runtime) => {
      using folder = new TemporaryFolder();
      await using container = await containerOf(runtime, folder);
      const cgroups = freezableOf(await container.firstPid());
      expect(cgroups.filter((each) => isFrozen(each))).toEqual([]);

      const executed = container.exec('mkdir /freeze; echo went on $?; mkdir /made; echo $?');
      const hasEnded = executed.then(() => 'ended');
      try {
        await until(
          'the container to be frozen',
          () => cgroups.some((each) => isFrozen(each)) || undefined,
        );
        const first = await Promise.race([hasEnded, new Promise((done) => setTimeout(done, 300))]);
        expect(first).toBeUndefined();
        // and we, the agent and what is above do not
        expect(freezableOf(agent.pid).filter((each) => isFrozen(each))).toEqual([]);
      } finally {
        for (const cgroup of cgroups) thaw(cgroup);
      }

      // it is not frozen again by the call that was taken back meanwhile
      expect((await executed).stdout).toBe('went on 0\n0\n');
    },
  );

  const killed = runtimes.flatMap((runtime) => [
    { runtime, sharesPids: false, where: 'a pid namespace' },
    { runtime, sharesPids: true, where: 'no pid namespace' },
  ]);

  test.each(killed)(
    'A10: held containers: $runtime: all of a container with $where is killed',
    async ({ runtime, sharesPids }) => {
      using folder = new TemporaryFolder();
      await using container = await containerOf(runtime, folder, sharesPids);
      const cgroups = freezableOf(await container.firstPid());
      const processes = cgroups.flatMap((each) =>
        readFileSync(join(each, 'cgroup.procs'), 'utf8').trim().split('\n').map(Number),
      );
      expect(processes.length).toBeGreaterThan(1);

      // its children ignore what can be ignored
      const executed = await container.exec('trap "" TERM; mkdir /kill; sleep 1; echo survived');

      expect(executed.stdout).not.toContain('survived');
      await until(
        'all processes to end',
        () => !processes.some((pid) => isRunning(pid)) || undefined,
      );
    },
  );

  test('A10: held containers: a container in the root cgroup is not frozen', async () => {
    await using caller = new AskedCaller({ socket: agent.socket });

    expect((await caller.ask('mkdir /freeze')).answer).toBe('EPERM');
    expect((await caller.ask('mkdir /thaw')).answer).toBe('EPERM');
  });

  test('A10: held containers: a container in the agent’s cgroup, or around it, is not frozen', async () => {
    await using own = await startWatchedAgent({
      bundle: testBundle('hold'),
      log: 'warn',
      // it names the container that it leaves
      mayWarn: true,
    });
    await using freezer = new Freezer();
    await using caller = new AskedCaller({ socket: own.socket });
    freezer.take(own.pid);
    freezer.take(caller.pid);

    expect((await caller.ask('mkdir /freeze')).answer).toBe('EPERM');

    const [cgroup = ''] = freezableOf(own.pid).filter((each) => each.includes('seccompagent-test'));
    const below = join(cgroup, 'below');
    mkdirSync(below);
    try {
      writeFileSync(join(below, 'cgroup.procs'), String(own.pid));
      expect((await caller.ask('mkdir /freeze')).answer).toBe('EPERM');
      // beside it another one is
      writeFileSync(join(cgroup, 'cgroup.procs'), String(own.pid));
      writeFileSync(join(below, 'cgroup.procs'), String(caller.pid));
      const asked = caller.ask('mkdir /freeze');
      await until('the caller to be frozen', () => isFrozen(below) || undefined);
      thaw(below);
      expect((await asked).answer).toBe('0');
    } finally {
      thaw(below);
      await own.stop();
      await caller[Symbol.asyncDispose]();
      await until('the cgroup to be empty', () => {
        if (readFileSync(join(below, 'cgroup.procs'), 'utf8') !== '') return undefined;
        rmdirSync(below);
        return true;
      });
    }
  });

  test('A10: held containers: a cgroup shared with other containers is not frozen', async () => {
    await using freezer = new Freezer();
    await using caller = new AskedCaller({ socket: agent.socket });
    await using other = new AskedCaller({ socket: agent.socket });
    // it has to be known to the agent by then
    expect((await other.ask('getppid')).answer).toBe(String(process.pid));
    freezer.take(caller.pid);
    freezer.take(other.pid);

    expect((await caller.ask('mkdir /freeze')).answer).toBe('EPERM');

    // nor is the other one killed with it
    const asked = await caller.ask('mkdir /kill').catch(() => undefined);
    expect(['EPERM', undefined]).toContain(asked?.answer);
    expect(await caller.killed()).toBe('SIGKILL');
    expect((await other.ask('getppid')).answer).toBe(String(process.pid));
  });

  test('A10: held containers: a user’s container has nothing done to what root runs beside it', async () => {
    await using freezer = new Freezer();
    // who has started it is elsewhere, as with whatever a user has made a daemon of
    await using caller = new AskedCaller({ socket: agent.socket, user });
    await using daemon = new RunningCommand(['sleep', '60']);
    expect((await caller.ask('getppid')).answer).toBe(String(process.pid));
    freezer.take(caller.pid);
    freezer.take(daemon.pid);
    const cgroups = freezableOf(daemon.pid);

    expect((await caller.ask('mkdir /freeze')).answer).toBe('EPERM');
    expect(cgroups.filter((each) => isFrozen(each))).toEqual([]);
    expect((await caller.ask('mkdir /thaw')).answer).toBe('EPERM');

    await caller.ask('mkdir /kill').catch(() => undefined);
    expect(await caller.killed()).toBe('SIGKILL');
    expect(isAlive(daemon.pid)).toBe(true);
  });

  test('A10: held containers: in a pid namespace of several containers one is killed, whoever is in its cgroup', async () => {
    await using freezer = new Freezer();
    const script = 'sleep 90 & "$@"; exec sleep 91';
    const wrapper = ['unshare', '--pid', '--fork', '--kill-child', 'sh', '-c', script, 'pause'];
    await using caller = new AskedCaller({ socket: agent.socket, wrapper });
    await using stranger = new RunningCommand(['sleep', '60']);
    expect((await caller.ask('getppid')).answer).toBe('1');
    const [pause = 0, ...processes] = descendantsOf(caller.pid);
    expect(processes.map((pid) => commandOf(pid)).toSorted()).toEqual(['asked-caller', 'sleep']);
    for (const pid of [...processes, stranger.pid]) freezer.take(pid);
    const [cgroup = ''] = freezableOf(stranger.pid).filter((each) => each.includes('test-'));
    const below = join(cgroup, 'below');
    mkdirSync(below);
    try {
      const [other = 0] = processes.filter((pid) => commandOf(pid) === 'sleep');
      writeFileSync(join(below, 'cgroup.procs'), String(other));

      const asked = await Promise.race([
        caller.ask('mkdir /kill').then(({ answer }) => answer),
        until('its end', () => !processes.some((pid) => isAlive(pid)) || undefined),
      ]);

      // its own call may be answered before it ends
      expect(['0', true]).toContain(asked);
      await until('its end', () => commandOf(pause) === 'sleep' || undefined);
      await until('the end of the rest', () => !isAlive(other) || undefined);
      expect(isAlive(stranger.pid)).toBe(true);
      expect(isRunning(pause)).toBe(true);
    } finally {
      await until('the cgroup to be empty', () => {
        if (readFileSync(join(below, 'cgroup.procs'), 'utf8') !== '') return undefined;
        rmdirSync(below);
        return true;
      });
    }
  });

  test.each(runtimes)(
    'A10: held containers: %s: a cgroup with processes of others is not frozen',
    async (runtime) => {
      using folder = new TemporaryFolder();
      await using container = await containerOf(runtime, folder);
      const [cgroup = ''] = freezableOf(await container.firstPid());
      await using stranger = new RunningCommand(['sleep', '60']);
      writeFileSync(join(cgroup, 'cgroup.procs'), String(stranger.pid));

      const executed = await container.exec('mkdir /freeze; echo went on $?');

      expect(executed.stdout).toMatch(/Operation not permitted\nwent on 1\n$/u);
      expect(isFrozen(cgroup)).toBe(false);
    },
  );

  test('A10: held containers: beside a freezer of version 1 no cgroup of version 2 is touched', async (context) => {
    context.skip(!hasBothVersions, 'needs cgroups of both versions');
    await using freezer = new Freezer();
    await using caller = new AskedCaller({ socket: agent.socket });
    // a session that others are in as well
    const session = join(unified, `seccompagent-test-${randomUUID()}`);
    mkdirSync(session);
    try {
      writeFileSync(join(session, 'cgroup.procs'), String(caller.pid));
      freezer.take(caller.pid);
      const [own = ''] = freezableOf(caller.pid).filter((each) => each.includes('/freezer/'));

      const asked = caller.ask('mkdir /freeze');
      await until('the caller to be frozen', () => isFrozen(own) || undefined);
      expect(readFileSync(join(session, 'cgroup.freeze'), 'utf8')).toBe('0\n');
      thaw(own);
      expect((await asked).answer).toBe('0');
    } finally {
      thaw(session);
      writeFileSync(join(unified, 'cgroup.procs'), String(caller.pid));
      rmdirSync(session);
      await caller[Symbol.asyncDispose]();
    }
  });
});
