// SPDX-License-Identifier: Apache-2.0
// A network file system for containers that may not mount: cifs, of a server beside them.
import { once } from 'node:events';
import { chownSync, copyFileSync, readFileSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:net';
import { join } from 'node:path';

import { afterAll, beforeAll, describe, expect, test } from 'vitest';

import { shippedBundles } from '../../host/package-root.ts';
import { compiled } from '../support/compile.ts';
import type { ContainerOptions } from '../support/container-runtime.ts';
import { makeFolder } from '../support/folder-contents.ts';
import { mountsOf } from '../support/process-resources.ts';
import { giveRootfs, makeRootfs } from '../support/rootfs.ts';
import { TemporaryFolder } from '../support/temporary-folder.ts';
import { startWatchedAgent } from '../support/watched-agent.ts';
import type { WatchedAgent } from '../support/watched-agent.ts';
import { mountAsRoot, mountInside, startNeighbour } from './neighbour.ts';
import type { Neighbour } from './neighbour.ts';
import { startSmbServer } from './smb-server.ts';

const user = 'alice';
const password = 'geheim4711';
const wrongPassword = 'vergessen0815';
const login = `username=${user},password=${password}`;
const wrongLogin = `username=${user},password=${wrongPassword}`;

const callerUid = 1000;
const rootUidOutside = 100_000;
const capSysAdmin = 1n << 21n;
const silentPort = 4450;

const kinds = [
  { where: 'runc', options: { runtime: 'runc' } },
  {
    where: 'crun with a user namespace',
    options: { runtime: 'crun', rootUidOutside },
  },
] as const;

let folder: TemporaryFolder;
let agent: WatchedAgent;
let neighbours = 0;

beforeAll(async () => {
  folder = new TemporaryFolder();
  const share = makeFolder(folder.path, 'share', { mode: 0o777 });
  writeFileSync(join(share, 'hello'), 'served\n');
  await startSmbServer({ name: 'share', folder: share, user, password });
  for (const name of ['rootfs', 'mapped-rootfs']) {
    makeRootfs(folder.at(name));
    copyFileSync(compiled('trap.static'), folder.at(`${name}/bin/trap`));
  }
  giveRootfs(folder.at('mapped-rootfs'), rootUidOutside);
  // power is lent over its own directories
  chownSync(folder.at('rootfs/mnt'), callerUid, callerUid);
  chownSync(folder.at('mapped-rootfs/mnt'), rootUidOutside + callerUid, rootUidOutside + callerUid);
  agent = await startWatchedAgent({
    bundle: join(shippedBundles(), 'mount'),
    settings: ['MOUNT_FILESYSTEMS=cifs,ramfs'],
    log: 'trace',
  });
});

afterAll(async () => {
  await agent[Symbol.asyncDispose]();
  folder[Symbol.dispose]();
});

async function start(options: Partial<ContainerOptions> = {}): Promise<Neighbour> {
  neighbours += 1;
  const isMapped = options.rootUidOutside !== undefined;
  return startNeighbour(neighbours, {
    runtime: 'runc',
    folder: folder.path,
    rootfs: folder.at(isMapped ? 'mapped-rootfs' : 'rootfs'),
    listenerPath: agent.socket,
    trapped: ['mount'],
    script: '',
    uid: callerUid,
    ...options,
  });
}

function shareOf({ ours }: Neighbour): string {
  return `//${ours}/share`;
}

describe.for(kinds)('cifs in $where', ({ options }) => {
  test('cifs: a user without CAP_SYS_ADMIN mounts a share, reads of it and writes to it', async () => {
    const before = mountsOf('self');
    await using neighbour = await start(options);
    const written = `written-in-${options.runtime}`;
    const { stdout } = await neighbour.container.exec(`
      id -u
      sed -n 's/^CapEff:\\t/0x/p; s/^CapBnd:\\t/0x/p' /proc/self/status
      mount -t cifs -o ${login},uid=${callerUid} ${shareOf(neighbour)} /mnt || exit
      cat /mnt/hello
      echo from ${options.runtime} >/mnt/${written}
      stat -c %u /mnt/${written}
      sed -n 's/.* \\/mnt .* - \\(cifs [^ ]*\\).*/\\1/p' /proc/self/mountinfo`);
    const [uid, effective = '', bounding = '', ...rest] = stdout.trimEnd().split('\n');
    expect({ uid, stdout }).toEqual({ uid: String(callerUid), stdout });
    expect(BigInt(effective)).toBe(0n);
    expect(BigInt(bounding) & capSysAdmin).toBe(0n);
    expect(rest).toEqual(['served', String(callerUid), `cifs ${shareOf(neighbour)}`]);
    expect(readFileSync(folder.at(`share/${written}`), 'utf8')).toBe(`from ${options.runtime}\n`);
    // it is the container's alone
    expect(mountsOf('self')).toBe(before);
  });

  test('cifs: where mount does not go to the agent, it is EPERM', async () => {
    await using neighbour = await start({ ...options, trapped: ['fsopen'] });
    const mounts = [{ source: shareOf(neighbour), data: login }];
    expect(await mountAsRoot(neighbour, mounts)).toEqual(['mount 0 OK']);
    expect(await mountInside(neighbour, mounts)).toEqual(['mount -1 EPERM']);
  });
});

test('cifs: errors are the kernel’s errno: a password, a user, a share, an option', async () => {
  await using neighbour = await start();
  const source = shareOf(neighbour);
  const mounts = [
    { source, data: wrongLogin },
    { source, data: `username=nobody,password=${password}` },
    { source: `//${neighbour.ours}/other`, data: login },
    { source, data: `${login},nonsense` },
    { source: 'share', data: login },
    { source, data: login },
  ];
  const native = await mountAsRoot(neighbour, mounts);
  expect(native).toEqual([
    'mount -1 EACCES',
    'mount -1 EACCES',
    'mount -1 ENOENT',
    'mount -1 EINVAL',
    'mount -1 EINVAL',
    'mount 0 OK',
  ]);
  // no power is lent for what nobody knows
  const lent = native.map((answer, index) => (index === 3 ? 'mount -1 EPERM' : answer));
  expect(await mountInside(neighbour, mounts)).toEqual(lent);
});

test('cifs: a server is looked for in the caller’s network, not in the agent’s', async () => {
  await using neighbour = await start();
  const mounts = [{ source: '//127.0.0.1/share', data: login }];
  expect(await mountAsRoot(undefined, mounts)).toEqual(['mount 0 OK']);
  expect(await mountAsRoot(neighbour, mounts)).toEqual(['mount -1 ECONNREFUSED']);
  expect(await mountInside(neighbour, mounts)).toEqual(['mount -1 ECONNREFUSED']);
});

test('cifs: a server that never answers makes one call time out, and no other container wait', async () => {
  await using waiting = await start();
  await using other = await start();
  const server = createServer().listen(silentPort);
  await once(server, 'listening');
  const connected = once(server, 'connection');
  let hasEnded = false;
  const data = `${login},port=${silentPort}`;
  const ended = mountInside(waiting, [{ source: shareOf(waiting), data }]).finally(() => {
    hasEnded = true;
  });
  await Promise.race([connected, ended]);
  // not cifs, since the kernel itself makes one mount of that after the other
  const { stdout } = await other.container.exec('mount -t ramfs none /mnt && echo mounted');
  expect({ stdout, hasEnded }).toEqual({ stdout: 'mounted\n', hasEnded: false });
  expect(await ended).toEqual(['mount -1 ETIMEDOUT']);
  server.close();
});

test('M5: cifs: no password is in any line of the log at level trace', async () => {
  await using neighbour = await start();
  const source = shareOf(neighbour);
  const from = agent.log().length;
  const mounts = [
    { source, data: wrongLogin },
    { source, data: login },
  ];
  expect(await mountInside(neighbour, mounts)).toEqual(['mount -1 EACCES', 'mount 0 OK']);
  await agent.untilLogged('call-answered', { syscall: 'mount', answer: 'value' }, from);
  await agent.stop();
  const log = agent.log().join('\n');
  for (const secret of [password, wrongPassword, 'password']) expect(log).not.toContain(secret);
  // and in all that was asked of it here, the agent has not failed; the container outlives it
  const warnings = agent.log().filter((line) => /\b(?:WARN|ERROR|FATAL)\b/u.test(line));
  expect(warnings.filter((line) => !/event=containers?-stranded$/u.test(line))).toEqual([]);
});
