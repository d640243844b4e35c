// SPDX-License-Identifier: Apache-2.0
// Tests which mounts umount-guard protects where a path of its setting leads through links, with
// containers of real runtimes.
import { lchownSync, mkdirSync, readFileSync, symlinkSync } from 'node:fs';

import { describe, expect, test } from 'vitest';

import { familyMembers } from '../../host/syscalls/syscall-table.ts';
import { BundleFolder } from '../support/bundle-folder.ts';
import { Container } from '../support/container-runtime.ts';
import type { ContainerOptions } from '../support/container-runtime.ts';
import { HandledContainer } from '../support/handled-container.ts';
import { shippedComponent } from '../support/handler-harness.ts';
import type { LogRecord } from '../support/log-records.ts';
import { giveRootfs, makeRootfs } from '../support/rootfs.ts';
import { TemporaryFolder } from '../support/temporary-folder.ts';
import { startWatchedAgent } from '../support/watched-agent.ts';
import type { WatchedAgent } from '../support/watched-agent.ts';

const rootUidOutside = 100_000;
const umounts = familyMembers('umount');
// the container's own program waits until its paths are held
const trapped = [...umounts, ...familyMembers('execve')];

function tmpfs(destination: string): object {
  return { type: 'tmpfs', source: 'tmpfs', destination, options: ['nosuid', 'nodev'] };
}

/** /var/run leads to /run, as in most images; all of it is the container's root's. */
function prepareRootfs(rootfs: string): void {
  for (const folder of ['run', 'run/secrets', 'var', 'data', 'data/plain', 'tmp/other']) {
    mkdirSync(`${rootfs}/${folder}`);
    lchownSync(`${rootfs}/${folder}`, rootUidOutside, rootUidOutside);
  }
  symlinkSync('/run', `${rootfs}/var/run`);
}

async function start(
  runtime: 'runc' | 'crun',
  paths: string,
  script: string,
  volumes: readonly object[] = [],
): Promise<HandledContainer> {
  return HandledContainer.start({
    bundle: 'umount-guard',
    settings: [`UMOUNT_PROTECT=${paths}`],
    runtime,
    rootUidOutside,
    capabilities: ['CAP_SYS_ADMIN', 'CAP_DAC_OVERRIDE'],
    trapped,
    mounts: [
      ...['/run/secrets/token', '/data/plain/deep', '/tmp/other'].map((path) => tmpfs(path)),
      ...volumes,
    ],
    prepareRootfs,
    script,
  });
}

function linesOf({ output }: HandledContainer): readonly string[] {
  return output.split('\n').filter((line) => line !== '' && line !== 'ready');
}

/** Each says yes where it got through. */
function tried(...commands: readonly string[]): string {
  return commands.map((command) => `(${command}) 2>/dev/null && echo yes || echo no`).join('\n');
}

describe.for(['runc', 'crun'] as const)('%s', (runtime) => {
  test('A15: umount-guard: a protected path that leads through a link protects what it leads to', async () => {
    const script = tried(
      'umount /run/secrets/token',
      'umount -l /var/run/secrets/token',
      'umount /tmp/other',
    );
    await using handled = await start(runtime, '/var/run/secrets', script);
    expect({ lines: linesOf(handled), errors: handled.errors }).toEqual({
      lines: ['no', 'no', 'yes'],
      errors: [],
    });
  });

  test('A15, A16: umount-guard: links and directories that change later change nothing of it', async () => {
    const script = tried(
      'rm /var/run && ln -s /tmp /var/run',
      'umount /run/secrets/token',
      'mv /run /elsewhere',
      'umount /elsewhere/secrets/token',
      'umount -l /elsewhere/secrets/token',
      'mv /data /moved && mkdir -p /data/plain/deep',
      'umount /moved/plain/deep',
      'umount /tmp/other',
    );
    await using handled = await start(runtime, '/var/run/secrets,/data/plain/deep', script);
    expect(linesOf(handled)).toEqual(['yes', 'no', 'yes', 'no', 'no', 'yes', 'no', 'yes']);
    // another listener of the same container, which comes when its program has run for long
    const { stdout } = await handled.container.exec(
      tried('umount /elsewhere/secrets/token', 'umount /moved/plain/deep'),
    );
    expect(stdout).toBe('no\nno\n');
    expect(handled.errors).toEqual([]);
  });

  test('A15: umount-guard: a path that leads nowhere is told of, and all umounts are EPERM', async () => {
    await using handled = await start(runtime, '/none/at/all,/data', tried('umount /tmp/other'));
    expect(linesOf(handled)).toEqual(['no']);
    await handled.agent.untilLogged('paths-not-held', {
      code: 'AGENT_SETTING_INVALID',
      paths: /"\/none\/at\/all","errno":"ENOENT"/u,
    });
    expect(handled.errors).toHaveLength(1);
  });

  test('A15, A16: umount-guard: a path that another container may have exchanged is logged, and all umounts are EPERM', async () => {
    using volume = new TemporaryFolder();
    symlinkSync('/tmp/other', volume.at('link'));
    const bind = { type: 'bind', source: volume.path, destination: '/data', options: ['rbind'] };
    const script = tried('umount /tmp/other', 'umount -l /run/secrets/token');
    await using handled = await start(runtime, '/data/link,/run/secrets,/var', script, [bind]);
    expect(linesOf(handled)).toEqual(['no', 'no']);
    await handled.agent.untilLogged('paths-not-held', {
      paths: /"\/data\/link","errno":"ELOOP".*"\/var","errno":"EINVAL"/u,
      count: 2,
    });
    expect(handled.errors).toHaveLength(1);
  });
});

/** A container of an agent that the test has started. */
async function startBeside(
  agent: WatchedAgent,
  folder: TemporaryFolder,
  options: Pick<ContainerOptions, 'script' | 'trapped' | 'metadata'>,
): Promise<Container> {
  const rootfs = folder.at('rootfs');
  makeRootfs(rootfs);
  giveRootfs(rootfs, rootUidOutside);
  prepareRootfs(rootfs);
  return Container.run({
    runtime: 'runc',
    folder: folder.path,
    rootfs,
    listenerPath: agent.socket,
    rootUidOutside,
    capabilities: ['CAP_SYS_ADMIN', 'CAP_DAC_OVERRIDE'],
    mounts: ['/data/plain/deep', '/tmp/other'].map((path) => tmpfs(path)),
    ...options,
  });
}

function errorsOf(agent: WatchedAgent): readonly LogRecord[] {
  return agent.records().filter(({ level }) => level === 'error');
}

test('A8: umount-guard: a container unmounts its own proc, and no mask and no proc of its runtime', async () => {
  using folder = new TemporaryFolder();
  await using agent = await startWatchedAgent({ resolver: 'none', log: 'warn' });
  await using container = await startBeside(agent, folder, {
    trapped: [...trapped, 'mount', 'fsopen'],
    metadata: ['BUNDLE=umount-guard,mount', 'UMOUNT_NEW=continue'],
    script: tried(
      'mkdir /tmp/proc && mount -t proc proc /tmp/proc && test -d /tmp/proc/1',
      'umount /tmp/proc/keys',
      'umount -l /tmp/proc/keys',
      'umount /proc',
      'umount -l /proc',
      'umount /tmp/proc && ! test -d /tmp/proc/1',
      'mount -t proc proc /tmp/proc && umount -l /tmp/proc && ! test -d /tmp/proc/1',
      // one on top of the runtime's own stays
      'mount -t proc proc /proc',
      'umount /proc',
    ),
  });
  const lines = container.output.split('\n').filter((line) => line === 'yes' || line === 'no');
  expect({ lines, errors: errorsOf(agent) }).toEqual({
    lines: ['yes', 'no', 'no', 'no', 'no', 'yes', 'yes', 'yes', 'no'],
    errors: [],
  });
});

test('A15: umount-guard: a path that a reload adds is not looked for in a container that runs', async () => {
  using folder = new TemporaryFolder();
  using bundles = new BundleFolder();
  const write = (paths: string): void => {
    bundles.write('guard', {
      component: readFileSync(shippedComponent('umount-guard')),
      syscalls: ['umount', 'execve'],
      declared: { KEPT: { type: 'paths', default: paths, description: 'text' } },
      settings: { protect: { from: 'KEPT' } },
      grants: ['caller', 'mounts'],
    });
  };
  write('/data');
  await using agent = await startWatchedAgent({ bundle: bundles.at('guard'), log: 'info' });
  await using container = await startBeside(agent, folder, { trapped, script: 'true' });
  expect((await container.exec(tried('umount /data/plain/deep'))).stdout).toBe('no\n');

  write('/data,/tmp');
  const from = agent.log().length;
  process.kill(agent.pid, 'SIGHUP');
  await agent.untilLogged('paths-not-held', { paths: /"\/tmp","errno":"ESTALE"/u }, from);
  expect((await container.exec(tried('umount /tmp/other'))).stdout).toBe('no\n');

  write('/data');
  process.kill(agent.pid, 'SIGHUP');
  await agent.untilLogged('reloaded', {}, agent.log().length);
  expect((await container.exec(tried('umount /tmp/other'))).stdout).toBe('yes\n');
});
