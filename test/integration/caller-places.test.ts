// SPDX-License-Identifier: Apache-2.0
// Tests answers that depend on the caller's namespaces: mount points, names of interfaces.
import { chownSync, lstatSync, mkdirSync, readFileSync, readdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';

import { afterAll, beforeAll, describe, expect, test } from 'vitest';

import { compiled } from '../support/compile.ts';
import { Container } from '../support/container-runtime.ts';
import type { RuntimeName } from '../support/container-runtime.ts';
import { readOnly } from '../support/handled-container.ts';
import { giveRootfs, makeRootfs } from '../support/rootfs.ts';
import { TemporaryFolder } from '../support/temporary-folder.ts';
import { testBundle } from '../support/test-bundles.ts';
import { startWatchedAgent } from '../support/watched-agent.ts';
import type { WatchedAgent } from '../support/watched-agent.ts';

const program = 'place-caller.static';
const hostsInterface = 'hostonly0';
const trapped = (
  'rename renameat renameat2 unlink unlinkat rmdir link linkat ' +
  'mkdir mkdirat mknod mknodat symlink symlinkat chmod fchmodat'
).split(' ');

interface Setup {
  readonly runtime: RuntimeName;
  readonly mode:
    | 'mounts'
    | 'own-mounts'
    | 'user-mounts'
    | 'names'
    | 'own-names'
    | 'mount-names'
    | 'closed-root'
    | 'inner-root'
    | 'own-root'
    | 'dev-links';
  readonly uid: number;
  readonly capabilities?: readonly string[];
  readonly rootUidOutside?: number;
}

interface Done {
  readonly lines: readonly string[];
  /** Of the host's folders. */
  readonly left: readonly string[];
}

function writable(source: string, destination: string): object {
  return { type: 'bind', source, destination, options: ['bind', 'rw'] };
}

/** A volume with mount points on it, and what is mounted there. */
function makeVolume(folder: TemporaryFolder, owner: number): readonly object[] {
  const volume = folder.at('volume');
  const hosts = folder.at('hosts');
  for (const path of ['.git', 'empty', 'above', 'above/mounted', 'own-folder'])
    mkdirSync(join(volume, path), { recursive: true });
  for (const name of ['settings.json', 'plain', 'other', 'own-file'])
    writeFileSync(join(volume, name), `the volume's ${name}`);
  mkdirSync(join(hosts, '.git'), { recursive: true });
  writeFileSync(join(hosts, 'settings.json'), "the host's");
  writeFileSync(join(hosts, '.git/config'), "the host's");
  for (const name of ['.', ...namesIn(volume)]) chownSync(join(volume, name), owner, owner);
  return [
    writable(volume, '/volume'),
    writable(volume, '/alias'),
    readOnly(join(hosts, 'settings.json'), '/volume/settings.json'),
    readOnly(join(hosts, '.git'), '/volume/.git'),
    readOnly(join(hosts, '.git'), '/volume/above/mounted'),
  ];
}

function namesIn(folder: string): readonly string[] {
  return readdirSync(folder, { recursive: true, encoding: 'utf8' }).toSorted();
}

function describeFile(folder: string, name: string): string {
  const path = join(folder, name);
  return lstatSync(path).isFile() ? `${name}: ${readFileSync(path, 'utf8')}` : name;
}

function contentsOf(folder: string): readonly string[] {
  return namesIn(folder).map((name) => describeFile(folder, name));
}

async function runCaller(
  { runtime, mode, uid, capabilities = [], rootUidOutside }: Setup,
  socket: string,
  calls: readonly string[],
): Promise<Done> {
  using folder = new TemporaryFolder();
  const rootfs = folder.at('rootfs');
  makeRootfs(rootfs);
  if (rootUidOutside !== undefined) giveRootfs(rootfs, rootUidOutside);
  const owner = (rootUidOutside ?? 0) + uid;
  mkdirSync(join(rootfs, 'tmp/mounted'));
  for (const path of ['tmp', 'tmp/mounted']) chownSync(join(rootfs, path), owner, owner);
  const mounts = makeVolume(folder, owner);
  const argument = mode.includes('names') ? hostsInterface : '/volume';
  await using container = await Container.run({
    runtime,
    uid,
    capabilities,
    ...(rootUidOutside === undefined ? {} : { rootUidOutside }),
    folder: folder.path,
    rootfs,
    listenerPath: socket,
    trapped: calls,
    mounts: [...mounts, readOnly(compiled(program), '/bin/place-caller')],
    script: `place-caller ${mode} ${argument}; echo "ended $?"; cat /volume/settings.json /volume/.git/config; echo`,
  });
  return {
    lines: container.output.split('\n').slice(0, -2),
    left: [...contentsOf(folder.at('volume')), ...contentsOf(folder.at('hosts'))],
  };
}

const asUser = { runtime: 'runc', uid: 1000 } as const;
const asAdmin = { runtime: 'runc', uid: 0, capabilities: ['CAP_SYS_ADMIN'] } as const;

/** In a network namespace with an interface that no container has. */
async function startAgent(bundle: string): Promise<WatchedAgent> {
  return startWatchedAgent({
    bundle: testBundle(bundle),
    log: 'warn',
    wrapper: [
      'unshare',
      '--net',
      'sh',
      '-c',
      `ip link add ${hostsInterface} type veth && exec "$@"`,
      'sh',
    ],
  });
}

test('A14: names of interfaces: mount points are not found by those of the host', async () => {
  await using agent = await startAgent('mounts');

  const { lines } = await runCaller({ ...asUser, mode: 'mount-names' }, agent.socket, [
    'mount',
    'umount2',
  ]);

  expect(lines.slice(0, 8)).toEqual([
    `through ${hostsInterface}`,
    'mount ENOENT',
    'umount ENOENT',
    'mount of proc ENOENT',
    'through lo',
    'mount OK',
    'umount OK',
    'mount of proc OK',
  ]);
});

const asRoot = {
  runtime: 'runc',
  uid: 0,
  capabilities: ['CAP_CHOWN', 'CAP_SYS_CHROOT', 'CAP_SETUID', 'CAP_SETGID'],
} as const;

describe.each(['perform', 'files'])('roots: %s', (bundle) => {
  const calls = [
    ...trapped,
    ...'openat2 fchmod chown lchown fchownat fchown flistxattr fremovexattr'.split(' '),
  ];
  let agent: WatchedAgent;
  beforeAll(async () => {
    agent = await startAgent(bundle);
  });
  afterAll(async () => {
    await agent[Symbol.asyncDispose]();
  });

  async function expectKernels(mode: Setup['mode']): Promise<readonly string[]> {
    const theirs = await runCaller({ ...asRoot, mode }, agent.socket, ['acct']);
    const ours = await runCaller({ ...asRoot, mode }, agent.socket, calls);

    expect(ours).toEqual(theirs);
    expect(agent.log()).toEqual([]);
    return ours.lines;
  }

  test('A1: roots: who may not search its own does what it may, and hears of it', async () => {
    const lines = await expectKernels('closed-root');

    expect(lines).toEqual(
      expect.arrayContaining(['fchmod EBADF', 'flistxattr EBADF', 'open OK', 'link OK']),
    );
  });

  test('roots: who may not search the root above its own is answered as by the kernel', async () => {
    const lines = await expectKernels('inner-root');

    expect(lines).toEqual(
      expect.arrayContaining([
        'mkdir by a descriptor OK',
        'open by the root OK',
        'open of none ENOENT',
        'open above ENOENT',
        'open by the closed root EACCES',
      ]),
    );
  });

  test('A3a: roots: links of /dev lead to what the caller has open', async () => {
    const lines = await expectKernels('dev-links');

    expect(lines).toEqual(
      expect.arrayContaining([
        'chmod of stdin OK',
        'its mode is 611',
        'chown of stdin OK',
        'open OK',
        'link OK',
        'mkdir in a folder OK',
        'chmod of a closed one ENOENT',
        'unlink of the link OK',
        'chmod of another OK',
      ]),
    );
  });

  test('A3a: roots: paths below /proc/self exist only where a procfs is', async () => {
    const lines = await expectKernels('own-root');

    expect(lines).toEqual(
      expect.arrayContaining([
        'open for writing ENOENT',
        'link ENOENT',
        'mkdir ENOENT',
        'fchmod OK',
        'fchown OK',
        "fchmod of another's EPERM",
        'fchmod of a path EBADF',
      ]),
    );
  });
});

describe.each(['perform', 'files'])('%s', (bundle) => {
  let agent: WatchedAgent;
  beforeAll(async () => {
    agent = await startAgent(bundle);
  });
  afterAll(async () => {
    await agent[Symbol.asyncDispose]();
  });

  async function expectKernels(setup: Setup): Promise<Done> {
    const theirs = await runCaller(setup, agent.socket, ['acct']);
    const ours = await runCaller(setup, agent.socket, trapped);

    expect(ours).toEqual(theirs);
    expect(ours.lines).toContain('ended 0');
    return ours;
  }

  test.each([
    { who: 'a user in runc', setup: asUser },
    { who: 'a user in crun', setup: { ...asUser, runtime: 'crun' as const } },
    { who: 'a user in a user namespace', setup: { ...asUser, rootUidOutside: 200_000 } },
    { who: 'an administrator', setup: asAdmin },
  ])('A11: mount points: $who loses none by names', async ({ setup }) => {
    const { lines, left } = await expectKernels({ ...setup, mode: 'mounts' });

    expect(lines).toEqual(
      expect.arrayContaining([
        'unlink a mounted file EBUSY',
        'rename it EBUSY',
        'rename over it EBUSY',
        'exchange it EBUSY',
        'rmdir a mounted folder EBUSY',
        'rename the folder of a mount OK',
        'unlink a file OK',
      ]),
    );
    expect(left).toEqual(expect.arrayContaining(["settings.json: the host's"]));
  });

  test.each([
    {
      who: 'an administrator with a mount namespace of its own',
      setup: { ...asAdmin, mode: 'own-mounts' as const },
    },
    {
      who: 'a user with a user namespace and a mount namespace of its own',
      setup: { ...asUser, mode: 'user-mounts' as const },
    },
  ])('A11: mount points: $who loses none by names', async ({ setup }) => {
    const { lines } = await expectKernels(setup);

    expect(lines).toEqual(
      expect.arrayContaining(['unlink its own EBUSY', 'unlink what was its own OK']),
    );
  });

  test.each([
    { who: 'a user', setup: { ...asUser, mode: 'names' as const } },
    {
      who: 'a user in a user namespace',
      setup: { ...asUser, rootUidOutside: 200_000, mode: 'names' as const },
    },
    {
      who: 'an administrator with a network namespace of its own',
      setup: {
        ...asAdmin,
        capabilities: ['CAP_SYS_ADMIN', 'CAP_NET_ADMIN'],
        mode: 'own-names' as const,
      },
    },
  ])('A14: names of interfaces: $who finds its own, and not the host’s', async ({ setup }) => {
    const { lines } = await expectKernels(setup);

    const at = lines.indexOf(`through ${hostsInterface}`);
    expect(lines.slice(at + 1, at + 3)).toEqual(['mkdir ENOENT', 'mkdir again ENOENT']);
    expect(lines).toContain('mkdir again EEXIST');
  });
});
