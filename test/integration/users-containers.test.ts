// SPDX-License-Identifier: Apache-2.0
// Containers of users who may connect, by the ids of containers of root.
import { chmodSync, copyFileSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';

import { afterEach, beforeEach, describe, expect, test } from 'vitest';

import { shippedBundles } from '../../host/package-root.ts';
import { AskedCaller } from '../support/asked-caller.ts';
import { BundleFolder } from '../support/bundle-folder.ts';
import { compiled } from '../support/compile.ts';
import { makeFolder } from '../support/folder-contents.ts';
import { Freezer } from '../support/freezer.ts';
import { startInProcess } from '../support/in-process-agent.ts';
import { descendantsOf } from '../support/process-resources.ts';
import { TemporaryFolder } from '../support/temporary-folder.ts';
import { trapLines } from '../support/trap-container.ts';
import { startWatchedAgent } from '../support/watched-agent.ts';

const user = 1000;
const becoming = [
  'setpriv',
  `--reuid=${user}`,
  `--regid=${user}`,
  '--clear-groups',
  '--no-new-privs',
] as const;

async function answerOf(caller: AskedCaller): Promise<string> {
  const { answer } = await caller.ask('getpgid 0');
  return answer;
}

test('A10: users’ containers: by the id of root’s container they share nothing with it', async () => {
  using bundles = new BundleFolder();
  bundles.write('counting', { component: 'counting', syscalls: ['getpgid'], grants: ['state'] });
  const folder = bundles.at('counting');
  await using served = await startInProcess({ kind: 'bundle', folder }, [user]);
  const { agent, socket } = served;
  chmodSync(dirname(socket), 0o755);
  await using roots = new AskedCaller({ socket, id: 'c1' });
  await using theirs = new AskedCaller({ socket, id: 'c1', user });
  // what handlers remember
  expect(await answerOf(roots)).toBe('1');
  expect(await answerOf(theirs)).toBe('1');
  expect(await answerOf(roots)).toBe('2');

  // what is recorded
  let taken = 0;
  const stop = agent.record(
    'c1',
    {
      begin: () => undefined,
      take: (_call, done) => {
        taken += 1;
        done();
      },
      end: () => undefined,
    },
    'there',
  );
  expect(await answerOf(theirs)).toBe('2');
  expect(await answerOf(roots)).toBe('3');
  await stop('asked');
  expect(taken).toBe(1);

  // what is shown
  const shown = [...agent.containerFigures()].map(({ id, peerUid }) => ({ id, peerUid }));
  // whose listener came first is open
  expect(shown.toSorted((one, other) => (one.peerUid ?? 0) - (other.peerUid ?? 0))).toEqual([
    { id: 'c1', peerUid: undefined },
    { id: 'c1', peerUid: user },
  ]);
});

test('A10: users’ containers: what is told of them says whose they are, and their cgroups are root’s', async () => {
  using bundles = new BundleFolder();
  bundles.write('trapping', {
    component: 'trap',
    syscalls: ['mkdir'],
    failure: 'freeze-container',
  });
  await using agent = await startWatchedAgent({
    bundle: bundles.at('trapping'),
    allowedUids: [user],
    mayWarn: true,
  });
  await using freezer = new Freezer();
  const { socket } = agent;
  const wrapper = ['unshare', '--pid', '--fork', '--kill-child'];
  const from = agent.records().length;
  {
    await using theirs = new AskedCaller({ socket, id: 'c1', user, wrapper });
    await agent.untilLogged('container-attached', { container: 'c1' });
    for (const pid of descendantsOf(theirs.pid)) freezer.take(pid);
    expect((await theirs.ask('mkdir /trap')).answer).toBe('EPERM');
    await agent.untilLogged('container-not-frozen', { errno: 'EPERM' });
  }
  await agent.untilLogged('container-detached');
  const told = agent.records().slice(from);
  expect(told.map(({ event }) => event)).toEqual([
    'container-attached',
    'call-failed',
    'container-not-frozen',
    'container-detached',
  ]);
  expect(told.map(({ container, peerUid }) => ({ container, peerUid: Number(peerUid) }))).toEqual(
    told.map(() => ({ container: 'c1', peerUid: user })),
  );

  const before = agent.records().length;
  await using roots = new AskedCaller({ socket, id: 'c1', wrapper });
  await agent.untilLogged('container-attached', { container: 'c1' }, before);
  expect(agent.records().slice(before)).toHaveLength(1);
  expect(agent.records().at(-1)).not.toHaveProperty('peerUid');
  roots.end();
});

/** Without a mount namespace of its own, where the host's root is not shared. */
const inHostsRoot = ['unshare', '-m', '--propagation', 'private'] as const;

describe('power that is lent', () => {
  let folder: TemporaryFolder;
  beforeEach(() => {
    folder = new TemporaryFolder();
    copyFileSync(compiled('trap'), folder.at('trap'));
    chmodSync(folder.at('trap'), 0o755);
  });
  afterEach(() => {
    folder[Symbol.dispose]();
  });

  /** In a folder of the user's. */
  async function linesOf(
    bundle: string,
    trapped: readonly string[],
    { operation, wrapper }: { readonly operation: string; readonly wrapper: readonly string[] },
  ): Promise<readonly string[]> {
    await using agent = await startWatchedAgent({
      bundle: join(shippedBundles(), bundle),
      allowedUids: [user],
      log: 'warn',
    });
    const lines = await trapLines({
      socket: agent.socket,
      trapped,
      folder: makeFolder(folder.path, 'own', { uid: user, gid: user, mode: 0o755 }),
      operations: [operation],
      wrapper,
      program: folder.at('trap'),
    });
    expect(agent.log()).toEqual([]);
    return lines;
  }

  const mount = { operation: 'mount:none:.:proc:0:' } as const;

  test.each([
    { where: 'in none', wrapper: [], line: 'mount -1 EPERM' },
    { where: 'in a user namespace alone', wrapper: ['unshare', '--user'], line: 'mount -1 EPERM' },
    {
      where: 'in one with mounts of its own',
      wrapper: ['unshare', '--user', '--mount'],
      line: 'mount 0 OK',
    },
  ])('A7: users’ containers: a user who is $where: $line', async ({ wrapper, line }) => {
    const all = [...inHostsRoot, ...becoming, ...wrapper];
    expect(await linesOf('mount', ['mount'], { ...mount, wrapper: all })).toEqual([line]);
  });

  test('A7: users’ containers: a user who is in none makes no device', async () => {
    writeFileSync(folder.at('make'), '#!/bin/sh\nmknod null c 1 3 2>&1\n', { mode: 0o755 });
    const operation = `exec:${folder.at('make')}:`;
    const wrapper = [...inHostsRoot, ...becoming];
    expect(await linesOf('mknod-safe', ['mknod', 'mknodat'], { operation, wrapper })).toEqual([
      expect.stringContaining('Operation not permitted'),
      'exec 1 OK',
    ]);
  });
});
