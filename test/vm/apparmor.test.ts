// SPDX-License-Identifier: Apache-2.0
// Containers with profiles of AppArmor: what is done for a caller is judged by its profile.
import { copyFileSync, mkdirSync } from 'node:fs';
import { join } from 'node:path';

import { afterAll, beforeAll, expect, test } from 'vitest';

import { compiled } from '../support/compile.ts';
import { Container } from '../support/container-runtime.ts';
import type { ContainerOptions } from '../support/container-runtime.ts';
import { giveRootfs, makeRootfs } from '../support/rootfs.ts';
import { TemporaryFolder } from '../support/temporary-folder.ts';
import { startWatchedAgent } from '../support/watched-agent.ts';
import type { WatchedAgent, WatchedAgentOptions } from '../support/watched-agent.ts';
import { inTime } from './in-time.ts';
import { patientBundle } from './patient-bundle.ts';
import { labelOf, loadProfile } from './profiles.ts';

const rootUidOutside = 100_000;
/** Rules for the runtime to end its container, and for an agent with a profile to look at it. */
const usual = ['file,', 'signal,', 'ptrace,'] as const;
const denies = [...usual, 'deny /denied/** w,'] as const;
const attaches = 'flags=(attach_disconnected)';

const profiles = [
  // neither knows of chroot, sockets or any Linux capability, which acting for it takes
  { profile: 'denies', flags: attaches, rules: denies },
  { profile: 'denies-and-attaches-nothing', flags: '', rules: denies },
  // crun talks over a socket when it is in its container
  { profile: 'denies-and-talks', flags: attaches, rules: [...denies, 'network,', 'unix,'] },
] as const;

const inRunc = { runtime: 'runc' } as const;
const inUserNamespace = { runtime: 'crun', rootUidOutside } as const;
const containersWithProfiles = [
  { where: 'runc', options: inRunc, profile: 'denies' },
  { where: 'runc', options: inRunc, profile: 'denies-and-attaches-nothing' },
  { where: 'crun with a user namespace', options: inUserNamespace, profile: 'denies-and-talks' },
] as const;
const kinds = [
  { where: 'runc', options: inRunc },
  { where: 'crun with a user namespace', options: inUserNamespace },
] as const;

const calls = [
  'mkdir:/denied/made:755',
  'mkdir:/free/made:755',
  'mkdir:/free/link/made:755',
  'mkdirat:/denied:made:755',
  'mkdirat:/free:again:755',
] as const;
const judged = [
  'mkdir -1 EACCES',
  'mkdir 0 OK',
  'mkdir -1 EACCES',
  'mkdirat -1 EACCES',
  'mkdirat 0 OK',
] as const;
const refused = calls.map((call) => `${call.split(':')[0]} -1 EACCES`);
const allowed = [
  'mkdir 0 OK',
  'mkdir 0 OK',
  'mkdir -1 EEXIST',
  'mkdirat -1 EEXIST',
  'mkdirat 0 OK',
];

let folder: TemporaryFolder;
/** Does each mkdir as it is asked for. */
let plainMkdir: WatchedAgentOptions;
let agent: WatchedAgent;
let containers = 0;

beforeAll(async () => {
  folder = new TemporaryFolder();
  for (const { profile, rules, flags } of profiles) loadProfile(profile, rules, flags);
  plainMkdir = {
    bundle: patientBundle(folder, 'mkdir-suffix'),
    settings: ['MKDIR_SUFFIX='],
  };
  agent = await startWatchedAgent(plainMkdir);
});

afterAll(async () => {
  await agent[Symbol.asyncDispose]();
  folder[Symbol.dispose]();
});

/** A container with a root of its own, in which nothing has been made yet. */
async function start(listenerPath: string, options: Partial<ContainerOptions>): Promise<Container> {
  containers += 1;
  const rootfs = folder.at(`rootfs-${containers}`);
  makeRootfs(rootfs);
  copyFileSync(compiled('trap.static'), join(rootfs, 'bin/trap'));
  for (const name of ['denied', 'free']) mkdirSync(join(rootfs, name));
  if (options.rootUidOutside !== undefined) giveRootfs(rootfs, options.rootUidOutside);
  return Container.run({
    runtime: 'runc',
    folder: folder.path,
    rootfs,
    listenerPath,
    script: 'ln -s /denied /free/link',
    ...options,
  });
}

/** Processes that a process of its own starts inside. */
async function makeOnce(
  listenerPath: string,
  operations: readonly string[],
  options: Partial<ContainerOptions>,
): Promise<readonly string[]> {
  await using container = await start(listenerPath, options);
  const { stdout } = await container.exec(`/bin/trap -- ${operations.join(' ')}`);
  return stdout.trimEnd().split('\n');
}

/** The same through an agent. */
async function make(
  asked: WatchedAgent,
  operations: readonly string[],
  options: Partial<ContainerOptions>,
): Promise<readonly string[]> {
  return inTime(asked, async () => makeOnce(asked.socket, operations, options));
}

async function makeNatively(
  operations: readonly string[],
  options: Partial<ContainerOptions>,
): Promise<readonly string[]> {
  return makeOnce(agent.socket, operations, { ...options, trapped: ['umount2'] });
}

test.for(containersWithProfiles)(
  'A1: LSM label: in $where mkdir is judged by the profile $profile',
  async ({ options, profile }) => {
    const confined = { ...options, apparmorProfile: profile };
    const native = await makeNatively(calls, confined);
    expect(native).toEqual(judged);
    expect(await make(agent, calls, confined)).toEqual(native);
  },
);

test.for(kinds)(
  'A1: LSM label: in $where nothing is forbidden without a profile',
  async ({ options }) => {
    const native = await makeNatively(calls, options);
    expect(native).toEqual(allowed);
    expect(await make(agent, calls, options)).toEqual(native);
  },
);

test('A1: LSM label: callers with and without a profile take turns at one agent', async () => {
  await using confined = await start(agent.socket, { apparmorProfile: 'denies' });
  await using other = await start(agent.socket, {});
  for (let round = 0; round < 3; round += 1) {
    const path = `/denied/${round}`;
    const script = `/bin/trap -- mkdir:${path}:755`;
    expect((await confined.exec(script)).stdout).toBe('mkdir -1 EACCES\n');
    expect((await other.exec(script)).stdout).toBe('mkdir 0 OK\n');
  }
});

test('A1: LSM label: a mount is lent whatever the profile says of mounts', async () => {
  await using mounting = await startWatchedAgent({
    bundle: patientBundle(folder, 'mount'),
    settings: ['MOUNT_FILESYSTEMS=ramfs'],
  });
  const confined = { apparmorProfile: 'denies' };
  const operations = ['mount:none:/mnt:ramfs:0:'];
  expect(await makeNatively(operations, confined)).toEqual(['mount -1 EACCES']);
  const lent = await make(mounting, operations, { ...confined, trapped: ['mount'] });
  expect(lent).toEqual(['mount 0 OK']);
});

test('A1: LSM label: a label that the kernel refuses is EACCES, and is logged', async () => {
  const everything = ['capability,', 'mount,', 'network,', 'pivot_root,', 'umount,', 'unix,'];
  loadProfile('agent', [...usual, ...everything, 'userns,'], attaches);
  await using confined = await startWatchedAgent({
    ...plainMkdir,
    wrapper: ['aa-exec', '-p', 'agent', '--'],
  });
  expect(labelOf(confined.pid)).toBe('agent (enforce)');
  const options = { apparmorProfile: 'denies' };
  expect(await make(confined, calls, options)).toEqual(refused);
  await confined.untilLogged('caller-label-refused', { label: 'denies (enforce)' });
  const told = confined.records().filter(({ event }) => event === 'caller-label-refused');
  // each worker says so at most once a minute
  expect(told.length).toBeLessThan(refused.length);
  // neither may a profile be left for none
  expect(await make(confined, calls, {})).toEqual(refused);
  // who has the same one is judged by it anyway
  expect(await make(confined, calls, { apparmorProfile: 'agent' })).toEqual(allowed);
});
