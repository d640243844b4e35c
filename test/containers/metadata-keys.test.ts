// SPDX-License-Identifier: Apache-2.0
// Tests the resolver kubernetes and the keys of metadata with containers of real runtimes, whose
// annotations say what containerd says of a pod.
import { copyFileSync, existsSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';

import { afterAll, beforeAll, describe, expect, test } from 'vitest';

import { familyMembers } from '../../host/syscalls/syscall-table.ts';
import { packageRoot } from '../../host/package-root.ts';
import { AgentProcess } from '../support/agent-process.ts';
import { compiled } from '../support/compile.ts';
import { Container } from '../support/container-runtime.ts';
import type { ContainerOptions, RuntimeName } from '../support/container-runtime.ts';
import { until } from '../support/polling.ts';
import { makeRootfs } from '../support/rootfs.ts';
import { TemporaryFolder } from '../support/temporary-folder.ts';

const runtimes: readonly RuntimeName[] = ['runc', 'crun'];

function profile(name: string): object {
  const text = readFileSync(
    join(packageRoot(), 'deploy/profiles/kubernetes', `${name}.json`),
    'utf8',
  );
  const json: unknown = JSON.parse(text);
  if (typeof json === 'object' && json !== null) return json;
  throw new Error(`${name} is no profile`);
}

function annotationsOf(container: string): Readonly<Record<string, string>> {
  return {
    'io.kubernetes.cri.sandbox-namespace': 'default',
    'io.kubernetes.cri.sandbox-name': 'mynotifypod',
    'io.kubernetes.cri.container-name': container,
  };
}

/** Where a process can be frozen, of either version. */
function freezersOf(pid: number): readonly string[] {
  const lines = readFileSync(`/proc/${pid}/cgroup`, 'utf8').trim().split('\n');
  return lines.flatMap((line) => {
    const [, controllers = '', path = ''] = /^\d+:([^:]*):(.*)$/u.exec(line) ?? [];
    const mounts = controllers === '' ? ['unified', '.'] : ['freezer'];
    if (path === '/' || !['', 'freezer'].includes(controllers)) return [];
    return mounts
      .flatMap((mount) => ['freezer.state', 'cgroup.freeze'].map((file) => join(mount, path, file)))
      .map((file) => join('/sys/fs/cgroup', file))
      .filter((file) => existsSync(file));
  });
}

function isFrozen(file: string): boolean {
  if (file.endsWith('freezer.state')) return readFileSync(file, 'utf8').trim() === 'FROZEN';
  const events = readFileSync(join(file, '../cgroup.events'), 'utf8');
  return /^frozen 1$/mu.test(events);
}

function thaw(file: string): void {
  writeFileSync(file, file.endsWith('freezer.state') ? 'THAWED' : '0');
}

type Given = Omit<ContainerOptions, 'folder' | 'rootfs' | 'listenerPath' | 'script'> & {
  readonly script?: string;
  readonly name?: string;
};

describe('metadata keys', () => {
  const folder = new TemporaryFolder();
  const rootfs = folder.at('rootfs');
  const socket = folder.at('agent.socket');
  let agent: AgentProcess;

  beforeAll(async () => {
    makeRootfs(rootfs);
    agent = await AgentProcess.start(socket, '-resolver=kubernetes', '-log=info,json');
  });

  afterAll(async () => {
    await agent[Symbol.asyncDispose]();
    folder[Symbol.dispose]();
  });

  async function run({ script = ':', name = 'container1', ...rest }: Given): Promise<Container> {
    return Container.run({
      folder: folder.path,
      rootfs,
      listenerPath: socket,
      annotations: annotationsOf(name),
      script,
      ...rest,
    });
  }

  describe.each(runtimes)('of %s', (runtime) => {
    test('metadata keys: the demo: a directory has names of its pod, and proc is mounted', async () => {
      await using container = await run({
        runtime,
        profile: profile('demo-pod'),
        script: `mkdir /abc-${runtime}; ls -1d /abc-${runtime}*; rmdir /abc-${runtime}*; mount -t proc proc root; ls /root/self/cmdline`,
      });
      const lines = container.output.trim().split('\n');
      const made = `/abc-${runtime}-default-mynotifypod-container1`;
      expect(lines).toEqual([made, '/root/self/cmdline', 'ready']);
      const executed = await container.exec('mkdir /again; ls -1d /again*; rmdir /again*');
      expect(executed.stdout).toBe('/again-default-mynotifypod-container1\n');
    });

    test('metadata keys: the demo: /bin/true takes two seconds, and /bin/echo does not', async () => {
      await using container = await run({ runtime, profile: profile('demo-pod') });
      const script = 'for run in echo true; do time -f %e /bin/$run; done';
      const { stdout } = await container.exec(script);
      const [echo = NaN, late = NaN] = stdout.trim().split('\n').filter(Boolean).map(Number);
      expect(late).toBeGreaterThanOrEqual(2);
      expect(echo).toBeLessThan(late);
    });

    test('K7: metadata keys: a container whose own program starts late does start', async () => {
      const began = Date.now();
      const metadata = ['EXEC_PATTERN=/bin/sh', 'EXEC_DURATION=1.5s'];
      await using container = await run({ runtime, trapped: familyMembers('execve'), metadata });
      expect(Date.now() - began).toBeGreaterThanOrEqual(1500);
      expect(container.output).toBe('ready\n');
    });

    test('metadata keys: containers wait for sidecars, sidecars and what enters them do not', async () => {
      const trapped = familyMembers('execve');
      // later than the runtime is given to start
      const sidecars = 'SIDECARS=proxy,logger';
      await using sidecar = await run({
        runtime,
        trapped,
        metadata: [sidecars, 'SIDECARS_DELAY=10m'],
        name: 'logger',
      });
      expect(sidecar.output).toBe('ready\n');
      const began = Date.now();
      await using container = await run({
        runtime,
        trapped,
        metadata: [sidecars, 'SIDECARS_DELAY=2s'],
        script: 'true; /bin/true',
      });
      expect(Date.now() - began).toBeGreaterThanOrEqual(2000);
      expect((await container.exec('/bin/echo entered')).stdout).toBe('entered\n');
    });

    test('A10: metadata keys: a dangerous call ends all of its container', async () => {
      await using container = await run({
        runtime,
        profile: profile('dangerous'),
        script: 'sleep 60 & echo harmless',
      });
      expect(container.output).toBe('harmless\nready\n');
      const first = await container.firstPid();
      const executed = await container.exec('unshare -U true; sleep 1; echo survived');
      expect(executed.stdout).not.toContain('survived');
      await until('the container to end', () => !existsSync(`/proc/${first}`) || undefined);
      await agent.logged('container-killed', { container: container.id, syscall: 'unshare' });
    });

    test('A10: metadata keys: clone with a flag of namespaces is as dangerous as unshare', async () => {
      copyFileSync(compiled('siblings-caller.static'), `${rootfs}/bin/siblings`);
      await using container = await run({
        runtime,
        profile: profile('dangerous'),
        // clone3: ENOSYS
        script: '(true); siblings x86_64:435 | head -n 1',
      });
      expect(container.output).toBe('x86_64:435 38\nready\n');
      const first = await container.firstPid();
      const executed = await container.exec('siblings x86_64:56; sleep 1; echo survived');
      expect(executed.stdout).not.toContain('survived');
      await until('the container to end', () => !existsSync(`/proc/${first}`) || undefined);
      await agent.logged('container-killed', { container: container.id, syscall: 'clone' });
    });

    test.each(runtime === 'crun' ? [[], ['SECCOMP_FILTER_FLAG_WAIT_KILLABLE_RECV']] : [[]])(
      'A10: metadata keys: a container that is frozen for a call goes on when it is thawed (%j)',
      async (...flags) => {
        await using container = await run({
          runtime,
          trapped: ['unshare'],
          metadata: ['DEFAULT_ACTION=freeze-container'],
          ...(flags.length === 0 ? {} : { flags }),
        });
        const freezers = freezersOf(await container.firstPid());
        const executed = container.exec('unshare -U true; echo went on $?');
        try {
          await until(
            'it to be frozen',
            () => freezers.some((file) => isFrozen(file)) || undefined,
          );
        } finally {
          for (const file of freezers) thaw(file);
        }
        expect((await executed).stdout).toMatch(/not permitted\nwent on 1\n$/u);
        await agent.logged('container-frozen', { container: container.id, syscall: 'unshare' });
      },
    );
  });

  test('metadata keys: DEFAULT_ACTION is for calls that no handler answers', async () => {
    await using container = await run({
      runtime: 'crun',
      trapped: ['mkdir', 'mkdirat', 'chmod', 'fchmodat', 'fchmodat2'],
      metadata: ['MKDIR_TMPL=-x', 'DEFAULT_ACTION=errno:EBADMSG', 'MIDDLEWARE=prometheus'],
      script: 'mkdir /default; rmdir /default-x; chmod 700 /bin',
    });
    expect(container.output).toBe('chmod: /bin: Bad message\nready\n');
  });
});
