// SPDX-License-Identifier: Apache-2.0
// Tests acts for a caller: done as the caller, inside of its container, and nowhere else.
import {
  chmodSync,
  chownSync,
  copyFileSync,
  mkdirSync,
  readdirSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { join } from 'node:path';

import { afterAll, beforeAll, describe, expect, test } from 'vitest';

import { runCommand } from '../support/command.ts';
import { compiled } from '../support/compile.ts';
import { contentsOf, makeFolder } from '../support/folder-contents.ts';
import { startInProcess } from '../support/in-process-agent.ts';
import type { InProcessAgent } from '../support/in-process-agent.ts';
import { plainMkdir } from '../support/plain-mkdir.ts';
import { mountsOf } from '../support/process-resources.ts';
import { TemporaryFolder } from '../support/temporary-folder.ts';
import { testBundle } from '../support/test-bundles.ts';
import { trapLines } from '../support/trap-container.ts';
import type { TrapOptions } from '../support/trap-container.ts';
import { startWatchedAgent } from '../support/watched-agent.ts';
import type { WatchedAgent } from '../support/watched-agent.ts';

const user = 1000;
const sharedGroup = 2000;
/** A mount namespace and a pid namespace of its own. */
const unshare = ['unshare', '-m', '-p', '-f'];

describe('acting: mkdir', () => {
  const trapped = ['mkdir', 'mkdirat'];
  let agent: WatchedAgent;

  beforeAll(async () => {
    agent = await startWatchedAgent({ ...plainMkdir, allowedUids: [user], log: 'warn' });
  });
  afterAll(async () => {
    await agent[Symbol.asyncDispose]();
  });

  interface Stage {
    /** Makes what the OPs need, in a new folder. */
    readonly prepare?: (folder: string) => void;
    readonly operations: (folder: string) => readonly string[];
    readonly options?: readonly string[];
    readonly wrapper?: (folder: string) => readonly string[];
  }

  /** The same OPs once by the kernel alone and once by the agent: answers and effects are equal. */
  async function asTheKernelDoes(stage: Stage): Promise<{
    readonly lines: readonly string[];
    readonly made: readonly string[];
  }> {
    const onStage = async (
      path: string,
      connection: Pick<TrapOptions, 'socket' | 'trapped'>,
    ): Promise<{ readonly lines: readonly string[]; readonly made: readonly string[] }> => {
      const folder = makeFolder(path, 'stage');
      // users without rights have to reach it
      const program = join(path, 'trap');
      copyFileSync(compiled('trap'), program);
      stage.prepare?.(folder);
      const lines = await trapLines({
        ...connection,
        folder,
        program,
        operations: stage.operations(folder),
        options: stage.options ?? [],
        wrapper: stage.wrapper?.(folder) ?? [],
      });
      return { lines, made: contentsOf(folder) };
    };
    using kernels = new TemporaryFolder();
    using agents = new TemporaryFolder();
    const theirs = await onStage(kernels.path, {});
    const ours = await onStage(agents.path, { socket: agent.socket, trapped });
    expect(ours).toEqual(theirs);
    return ours;
  }

  test('A1: acting: uid 1000 with groups makes nothing in a folder of root', async () => {
    const { lines, made } = await asTheKernelDoes({
      operations: (folder) => [`mkdir:${folder}/made:755`, 'mkdirat:.:made:755'],
      options: ['-u', String(user), '-g', `${user},${sharedGroup}`],
    });

    expect(lines).toEqual(['mkdir -1 EACCES', 'mkdirat -1 EACCES']);
    expect(made).toEqual([]);
  });

  test('A1: acting: uid 1000 owns what it makes in its own folder', async () => {
    const { lines, made } = await asTheKernelDoes({
      prepare: (folder) => {
        makeFolder(folder, 'own', { uid: user, gid: user, mode: 0o700 });
      },
      operations: () => ['mkdir:own/made:751', 'mkdir:own/made/below:700'],
      options: ['-u', String(user), '-g', `${user},${sharedGroup}`],
    });

    expect(lines).toEqual(['mkdir 0 OK', 'mkdir 0 OK']);
    expect(made).toEqual([
      'own 40700 1000 1000',
      'own/made 40751 1000 1000',
      'own/made/below 40700 1000 1000',
    ]);
  });

  test('A1: acting: a FUSE file system of root alone is nobody else’s', async () => {
    const stage: Stage = {
      prepare: (folder) => {
        makeFolder(folder, 'fuse');
      },
      operations: () => ['mkdir:fuse/made:755'],
      wrapper: (folder) => [compiled('private-fuse'), join(folder, 'fuse')],
    };

    const stranger = await asTheKernelDoes({ ...stage, options: ['-u', String(user)] });
    const root = await asTheKernelDoes(stage);

    expect(stranger.lines).toEqual(['mkdir -1 EACCES']);
    expect(root.lines).toEqual(['mkdir 0 OK']);
  });

  test('A1: acting: a supplementary group gives access, and its absence does not', async () => {
    const prepare = (folder: string): void => {
      makeFolder(folder, 'shared', { gid: sharedGroup, mode: 0o770 });
    };

    const member = await asTheKernelDoes({
      prepare,
      operations: () => ['mkdir:shared/made:755'],
      options: ['-u', String(user), '-g', `${user},1500,${sharedGroup}`],
    });
    const stranger = await asTheKernelDoes({
      prepare,
      operations: () => ['mkdir:shared/made:755'],
      options: ['-u', String(user), '-g', `${user},1500`],
    });

    expect(member.lines).toEqual(['mkdir 0 OK']);
    expect(member.made).toContain('shared/made 40755 1000 1000');
    expect(stranger.lines).toEqual(['mkdir -1 EACCES']);
  });

  test('A1: acting: a folder with the set-group-id bit hands on its group and the bit', async () => {
    const { made } = await asTheKernelDoes({
      prepare: (folder) => {
        makeFolder(folder, 'group', { gid: sharedGroup, mode: 0o2777 });
      },
      operations: () => ['mkdir:group/made:755', 'mkdir:group/bits:7777'],
      options: ['-u', String(user)],
    });

    expect(made).toEqual([
      'group 42777 0 2000',
      'group/bits 43755 1000 2000',
      'group/made 42755 1000 2000',
    ]);
  });

  test('A1: acting: the umask of the caller counts, also one that it takes later', async () => {
    const { made } = await asTheKernelDoes({
      operations: () => ['mkdir:first:777', 'umask:0', 'mkdir:second:777', 'mkdirat:.:third:1777'],
      options: ['-M', '077'],
    });

    expect(made).toEqual(['first 40700 0 0', 'second 40777 0 0', 'third 41777 0 0']);
  });

  test('A1: acting: root without CAP_DAC_OVERRIDE is refused by other users’ folders', async () => {
    const { lines } = await asTheKernelDoes({
      prepare: (folder) => {
        makeFolder(folder, 'private', { uid: user, mode: 0o700 });
      },
      operations: () => ['mkdir:private/made:755', 'mkdir:made:755'],
      wrapper: () => ['setpriv', '--bounding-set=-dac_override,-dac_read_search'],
    });

    expect(lines).toEqual(['mkdir -1 EACCES', 'mkdir 0 OK']);
  });

  test('A1: acting: root of a user namespace has its user’s rights, and no others', async () => {
    const { lines, made } = await asTheKernelDoes({
      prepare: (folder) => {
        makeFolder(folder, 'own', { uid: user, gid: user, mode: 0o700 });
        makeFolder(folder, 'of-root', { mode: 0o755 });
        makeFolder(folder, 'of-another', { uid: 1001, mode: 0o700 });
      },
      operations: () => [
        'mkdir:own/made:755',
        'exists:own/made',
        'mkdir:of-root/made:755',
        'mkdir:of-another/made:755',
      ],
      wrapper: () => [
        'setpriv',
        `--reuid=${user}`,
        `--regid=${user}`,
        '--clear-groups',
        'unshare',
        '-U',
        '-r',
      ],
    });

    // inside, the user is root
    expect(lines).toEqual([
      'mkdir 0 OK',
      'exists 0 OK 40755 0 0',
      'mkdir -1 EACCES',
      'mkdir -1 EACCES',
    ]);
    expect(made).toContain('own/made 40755 1000 1000');
  });

  test('A1: acting: host root in a user namespace cannot use its Linux capabilities outside', async () => {
    const { lines } = await asTheKernelDoes({
      prepare: (folder) => {
        makeFolder(folder, 'of-root');
        makeFolder(folder, 'of-user', { uid: user, mode: 0o700 });
      },
      operations: () => ['mkdir:of-root/made:755', 'mkdir:of-user/made:755'],
      wrapper: () => ['unshare', '-U', '-r', '-m'],
    });

    expect(lines).toEqual(['mkdir 0 OK', 'mkdir -1 EACCES']);
  });

  test('A1: acting: a user namespace without any mapping leaves the owner that the user is outside', async () => {
    const { lines, made } = await asTheKernelDoes({
      prepare: (folder) => {
        makeFolder(folder, 'open', { mode: 0o777 });
      },
      operations: () => ['mkdir:open/made:755'],
      wrapper: () => ['unshare', '-U'],
      options: ['-N'],
    });

    expect(lines).toEqual(['mkdir 0 OK']);
    expect(made).toContain('open/made 40755 0 0');
  });

  test('A1: acting: errors are those of the kernel', async () => {
    const { lines } = await asTheKernelDoes({
      prepare: (folder) => {
        mkdirSync(join(folder, 'there'));
        writeFileSync(join(folder, 'file'), '');
        symlinkSync('loop', join(folder, 'loop'));
        symlinkSync('missing', join(folder, 'dangling'));
        symlinkSync('there', join(folder, 'link'));
      },
      operations: () => [
        'mkdir:there:755',
        'mkdir:there/:755',
        'mkdir:file:755',
        'mkdir:link:755',
        'mkdir:dangling:755',
        'mkdir:link/made:755',
        'mkdir:missing/made:755',
        'mkdir:file/made:755',
        'mkdir:loop/made:755',
        `mkdir:${'n'.repeat(255)}:755`,
        `mkdir:${'n'.repeat(256)}:755`,
        'mkdir::755',
        'mkdir:.:755',
        'mkdir:..:755',
        'mkdir:/:755',
        'mkdir:there/.:755',
        'mkdir:new/:755',
        'mkdir:new/.:755',
        'mkdir:other/.:755',
        'mkdir:/proc/made:755',
        'mkdir:/sys/made:755',
      ],
    });

    expect(lines.slice(0, 9)).toEqual([
      'mkdir -1 EEXIST',
      'mkdir -1 EEXIST',
      'mkdir -1 EEXIST',
      'mkdir -1 EEXIST',
      'mkdir -1 EEXIST',
      'mkdir 0 OK',
      'mkdir -1 ENOENT',
      'mkdir -1 ENOTDIR',
      'mkdir -1 ELOOP',
    ]);
    expect(lines).toContain('mkdir -1 ENAMETOOLONG');
  });

  test('A1: acting: EROFS and ENOSPC of the caller’s own mounts are those of the kernel', async () => {
    const mounts =
      'mkdir ro full && mount -t tmpfs -o ro none ro && mount -t tmpfs -o nr_inodes=2 none full && exec "$0" "$@"';

    const { lines, made } = await asTheKernelDoes({
      operations: () => ['mkdir:ro/made:755', 'mkdir:full/first:755', 'mkdir:full/second:755'],
      wrapper: () => ['unshare', '-m', 'sh', '-c', mounts],
    });

    expect(lines).toEqual(['mkdir -1 EROFS', 'mkdir 0 OK', 'mkdir -1 ENOSPC']);
    // and not below the mounts, in our own namespace
    expect(made).toEqual(['full 40755 0 0', 'ro 40755 0 0']);
  });

  test.each([
    { where: 'in the agent’s pid namespace', wrapper: ['unshare', '-m'] },
    { where: 'in its own', wrapper: ['unshare', '-m', '-p', '-f', '--mount-proc'] },
  ])('A3a: acting: paths through /proc/self lead to the caller $where', async ({ wrapper }) => {
    const { lines, made } = await asTheKernelDoes({
      operations: () => [`exec:${compiled('directory-caller')}:self`],
      wrapper: () => wrapper,
    });

    expect(lines).toEqual(['cwd 0 OK', 'thread 0 OK', 'fd 0 OK', 'thread-fd 0 OK', 'exec 0 OK']);
    expect(made.map((line) => line.split(' ')[0])).toEqual([
      'by-cwd',
      'by-thread',
      'stage',
      'stage/by-fd',
      'stage/by-thread-fd',
    ]);
  });

  test('acting: nothing is done for who has more groups than are taken on', async () => {
    await using own = await startWatchedAgent({ ...plainMkdir, log: 'warn' });
    const trappedWith = async (count: number): Promise<readonly string[]> => {
      using folder = new TemporaryFolder();
      const groups = Array.from({ length: count }, (_, at) => 100_000 + at).join(',');
      return await trapLines({
        socket: own.socket,
        trapped,
        folder: makeFolder(folder.path, 'stage'),
        operations: ['mkdir:made:755', 'mkdir:made:755'],
        wrapper: ['setpriv', '--groups', groups],
      });
    };

    expect(await trappedWith(1024)).toEqual(['mkdir 0 OK', 'mkdir -1 EEXIST']);
    expect(own.records()).toEqual([]);
    expect(await trappedWith(1025)).toEqual(['mkdir -1 EPERM', 'mkdir -1 EPERM']);
    // each worker says it once in a while
    const events = own.records().map(({ event }) => event);
    expect(new Set(events)).toEqual(new Set(['caller-groups-refused']));
  });

  test('A4: acting: no descriptor of the agent can be reached by a path', async () => {
    const { lines, made } = await asTheKernelDoes({
      operations: () => [`exec:${compiled('directory-caller')}:foreign`],
    });

    expect(lines).toEqual(['made 0', 'exec 0 OK']);
    expect(made).toEqual([]);
  });

  test('A3: acting: absolute and relative paths of a chrooted caller stay in its root', async () => {
    using outside = new TemporaryFolder();
    const operations = [
      'mkdir:/made:755',
      'chdir:/tmp',
      'mkdir:relative:755',
      'mkdir:../above:755',
      'mkdir:../../../../far-above:755',
      'mkdirat:@64:by-cwd:755',
      'mkdirat:/root:by-descriptor:755',
      `mkdir:${outside.at('made')}:755`,
      ...[
        '/made',
        '/tmp/relative',
        '/above',
        '/far-above',
        '/tmp/by-cwd',
        '/root/by-descriptor',
      ].map((path) => `exists:${path}`),
    ];

    const kernels = await trapLines({ options: ['-r'], operations });
    const agents = await trapLines({
      socket: agent.socket,
      trapped,
      options: ['-r'],
      operations,
    });

    expect(agents).toEqual(kernels);
    expect(agents[7]).toBe('mkdir -1 ENOENT');
    expect(agents.slice(8)).toEqual(Array.from({ length: 6 }, () => 'exists 0 OK 40755 0 0'));
    expect(readdirSync(outside.path)).toEqual([]);
  });

  test('A3: acting: symbolic links never lead out of the caller’s root', async () => {
    using outside = new TemporaryFolder();

    const { lines, made } = await asTheKernelDoes({
      prepare: (folder) => {
        mkdirSync(join(folder, 'inside'));
        symlinkSync('/inside', join(folder, 'inward'));
        symlinkSync(outside.path, join(folder, 'outward'));
        symlinkSync(`${'../'.repeat(20)}${outside.path.slice(1)}`, join(folder, 'upward'));
        symlinkSync(outside.at('made'), join(folder, 'dangling'));
      },
      operations: () => [`exec:${compiled('directory-caller')}:rooted`],
    });

    expect(lines).toEqual([
      'plain 0 OK',
      'inward 0 OK',
      'outward -1 ENOENT',
      'upward -1 ENOENT',
      'dot-dot 0 OK',
      'dangling -1 EEXIST',
      'relative 0 OK',
      'exec 0 OK',
    ]);
    expect(made).toContain('inside/made 40755 0 0');
    expect(readdirSync(outside.path)).toEqual([]);
  });

  test('A3: acting: a link that leads to the same path inside is followed there', async () => {
    using outside = new TemporaryFolder();

    const { lines, made } = await asTheKernelDoes({
      prepare: (folder) => {
        // the outside path exists inside of the root as well
        mkdirSync(join(folder, outside.path.slice(1)), { recursive: true });
        mkdirSync(join(folder, 'inside'));
        symlinkSync('/inside', join(folder, 'inward'));
        symlinkSync(outside.path, join(folder, 'outward'));
        symlinkSync(`../../..${outside.path}`, join(folder, 'upward'));
        symlinkSync('/nowhere', join(folder, 'dangling'));
      },
      operations: () => [`exec:${compiled('directory-caller')}:rooted`],
    });

    expect(lines.slice(0, 4)).toEqual([
      'plain 0 OK',
      'inward 0 OK',
      'outward 0 OK',
      'upward -1 EEXIST',
    ]);
    expect(made).toContain(`${outside.path.slice(1)}/made 40755 0 0`);
    expect(readdirSync(outside.path)).toEqual([]);
  });

  test('A3: acting: a caller whose cwd is outside of its root is answered as by the kernel', async () => {
    const { lines, made } = await asTheKernelDoes({
      prepare: (folder) => {
        mkdirSync(join(folder, 'jail'));
        mkdirSync(join(folder, 'cwd'));
      },
      operations: () => [`exec:${compiled('directory-caller')}:outside`],
    });

    expect(lines).toEqual(['absolute 0 OK', 'relative 0 OK', 'dot-dot 0 OK', 'exec 0 OK']);
    expect(made.map((line) => line.split(' ')[0])).toEqual([
      'cwd',
      'jail',
      'jail/absolute',
      'relative',
    ]);
  });
});

/** Listed processes: the caller, and the listing program, whose number may be any. */
function pidsIn(lines: readonly string[]): readonly string[] {
  return lines
    .filter((line) => /^\d+$/u.test(line))
    .map((pid) => (pid === '1' ? '1' : 'another'))
    .toSorted();
}

/** The line of mountinfo of the target. */
function mountLine(lines: readonly string[]): string {
  return lines.find((line) => line.includes('/target ')) ?? '';
}

/** The result of a mount and, without the numbers that differ, what was mounted. */
async function shownMount(
  operation: string,
  connection: Pick<TrapOptions, 'socket' | 'trapped'>,
): Promise<string> {
  const lines = await trapLines({
    ...connection,
    wrapper: unshare,
    operations: [operation, 'exec:/bin/cat:/proc/self/mountinfo'],
  });
  return `${lines[0]} ${mountLine(lines).split('/target ').at(-1)}`;
}

/** Changes of mounts that are there: MS_BIND, a remount of it as read-only, MS_PRIVATE, MS_MOVE. */
function changesOf(target: string): readonly string[] {
  return [
    `mount:/proc:${target}:proc:4096:`,
    `mount::${target}:proc:4129:`,
    `mount::${target}:proc:262144:`,
    `mount:${target}:/mnt:proc:8192:`,
  ];
}

describe.each([
  { way: 'by the option pidns', isRefused: 0 },
  { way: 'as before Linux 6.18', isRefused: 1 },
])('acting: mount, $way', ({ isRefused }) => {
  const trapped = ['mount'];
  let agent: InProcessAgent;
  let mountsBefore: string;

  beforeAll(async () => {
    agent = await startInProcess({ kind: 'bundle', folder: testBundle('mount') });
    agent.agent.native.refusePidnsOption(isRefused);
    mountsBefore = mountsOf('self');
  });
  afterAll(async () => {
    agent.agent.native.refusePidnsOption(0);
    await agent[Symbol.asyncDispose]();
  });

  /** Mounts by the agent; the rest is what the OPs, of an unprivileged caller, say. */
  async function mounting(
    operations: (target: string) => readonly string[],
    options: readonly string[] = ['-u', String(user)],
    wrapper: readonly string[] = unshare,
  ): Promise<readonly string[]> {
    using folder = new TemporaryFolder();
    makeFolder(folder.path, 'target', { uid: user });
    writeFileSync(folder.at('file'), '');
    chownSync(folder.at('file'), user, user);
    chmodSync(folder.path, 0o755);
    const lines = await trapLines({
      socket: agent.socket,
      trapped,
      options,
      wrapper,
      folder: folder.path,
      operations: operations(folder.at('target')),
    });
    // not in our own mount namespace
    expect(contentsOf(folder.path)).toEqual(['file 100644 1000 1000', 'target 40755 1000 0']);
    expect(mountsOf('self')).toBe(mountsBefore);
    return lines;
  }

  test.each([
    'pidns=/proc/self/ns/pid',
    'pidns=/proc/1/ns/pid',
    'source=/etc',
    'hidepid=2,pidns=x',
  ])('A2: acting: an option of proc that names a path is refused: %s', async (option) => {
    const lines = await mounting((target) => [
      `mount:proc:${target}:proc:0:${option}`,
      `exists:${target}/self`,
    ]);
    expect(lines[0]).toBe('mount -1 EINVAL');
    expect(lines[1]).toMatch(/^exists -1 ENOENT/u);
  });

  test.each([
    { where: 'in its pid namespace', options: [] },
    { where: 'in the pid namespace above', options: ['-n'] },
    { where: 'as the only thread of its process', options: ['-t'] },
  ])(
    'A4: acting: who has CAP_SYS_PTRACE $where gets nothing of who makes a proc',
    async ({ options }) => {
      using folder = new TemporaryFolder();
      const { stdout, stderr } = await runCommand(
        [
          'unshare',
          '-m',
          '-p',
          '-f',
          '--kill-child',
          '--propagation',
          'private',
          compiled('tracing-caller'),
          '-s',
          agent.socket,
          ...options,
          makeFolder(folder.path, 'root'),
        ],
        { deadlineMs: 60_000 },
      );

      expect(stderr).toBe('');
      // Linux 6.18 needs nobody in there
      expect(stdout).toBe(isRefused === 0 ? 'mount OK\n' : 'mount OK\nmet\n');
    },
  );

  test('A1: acting: proc is mounted for a caller without CAP_SYS_ADMIN, whom the kernel refuses', async () => {
    using folder = new TemporaryFolder();
    const refused = await trapLines({
      options: ['-u', String(user)],
      wrapper: unshare,
      operations: [`mount:proc:${folder.path}:proc:0:`],
    });

    const lines = await mounting((target) => [
      `mount:proc:${target}:proc:0:`,
      `exists:${target}/1/status`,
    ]);

    expect(refused).toEqual(['mount -1 EPERM']);
    expect(lines).toEqual(['mount 0 OK', expect.stringMatching(/^exists 0 OK 100444/u)]);
  });

  test('A1: acting: proc shows the processes of the caller’s pid namespace, and no others', async () => {
    const lines = await mounting((target) => [
      `mount:proc:${target}:proc:0:`,
      `exec:/bin/ls:${target}`,
      `exists:${target}/${process.pid}`,
    ]);

    expect(pidsIn(lines)).toEqual(['1', 'another']);
    expect(lines.at(-1)).toBe('exists -1 ENOENT');
  });

  test('acting: proc without a pid namespace of its own shows ours', async () => {
    const lines = await mounting(
      (target) => [`mount:proc:${target}:proc:0:`, `exists:${target}/${process.pid}`],
      ['-u', String(user)],
      ['unshare', '-m'],
    );

    expect(lines).toEqual(['mount 0 OK', expect.stringMatching(/^exists 0 OK 40555/u)]);
  });

  test('acting: flags and options of the mount are honoured', async () => {
    const show = 'exec:/bin/cat:/proc/self/mountinfo';
    const without = await mounting((target) => [`mount:proc:${target}:proc:0:`, show], []);
    const [, ...withFlags] = await mounting(
      // MS_RDONLY, MS_NOSUID, MS_NODEV, MS_NOEXEC, MS_NOATIME
      (target) => [`mount:source:${target}:proc:1039:hidepid=2,gid=2000`, show],
      [],
    );

    expect(mountLine(without)).toMatch(/ rw,relatime .*- proc proc rw$/u);
    expect(mountLine(withFlags)).toMatch(
      / ro,nosuid,nodev,noexec,noatime .*- proc source ro,gid=2000,hidepid=invisible$/u,
    );
  });

  const equalMounts: readonly { readonly what: string; readonly mount: (t: string) => string }[] = [
    ...[0, 1, 2, 4, 8, 16, 64, 128, 256, 1024, 2048, 3072, 32_768, 1 << 24, 1 << 25].map(
      (flags) => ({
        what: `flags ${flags}`,
        mount: (t: string) => `mount:src:${t}:proc:${flags}:`,
      }),
    ),
    { what: 'noatime and strictatime', mount: (t) => `mount:src:${t}:proc:${1024 + (1 << 24)}:` },
    { what: 'the old magic number', mount: (t) => `mount:src:${t}:proc:0xc0ed0005:` },
    { what: 'a source of NULL', mount: (t) => `mount::${t}:proc:0:` },
    { what: 'options', mount: (t) => `mount:src:${t}:proc:0:gid=5,hidepid=1,subset=pid` },
    { what: 'empty options', mount: (t) => `mount:src:${t}:proc:0:,,hidepid=2,` },
    { what: 'an option without its value', mount: (t) => `mount:src:${t}:proc:0:hidepid` },
    { what: 'an option ro', mount: (t) => `mount:src:${t}:proc:0:ro` },
  ];

  test('acting: flags and options of all kinds mount what the kernel mounts for root', async () => {
    using folder = new TemporaryFolder();
    const target = folder.at('target');
    makeFolder(folder.path, 'target');
    const shown = async (connection: Pick<TrapOptions, 'socket' | 'trapped'>) =>
      Promise.all(
        equalMounts.map(async ({ what, mount }) => [
          what,
          await shownMount(mount(target), connection),
        ]),
      );

    const kernels = await shown({});
    const agents = await shown({ socket: agent.socket, trapped });

    expect(agents).toEqual(kernels);
  });

  test('acting: an option without a name is skipped, as by the kernel', async () => {
    const [line] = await mounting((target) => [`mount:proc:${target}:proc:0:=1,hidepid=2`], []);

    using folder = new TemporaryFolder();
    makeFolder(folder.path, 'target');
    const [kernels] = await trapLines({
      wrapper: unshare,
      operations: [`mount:proc:${folder.at('target')}:proc:0:=1,hidepid=2`],
    });
    expect(kernels).toBe('mount 0 OK');
    expect(line).toBe(kernels);
  });

  test('acting: hidepid=2 hides what the caller may not see', async () => {
    const lines = await mounting(
      (target) => [`mount:proc:${target}:proc:0:hidepid=2`, `exec:/bin/ls:${target}`],
      ['-u', String(user)],
      [...unshare, 'sh', '-c', 'sleep 20 & exec "$0" "$@"'],
    );

    expect(lines[0]).toBe('mount 0 OK');
    // but not the process of root
    expect(pidsIn(lines)).toEqual(['1', 'another']);
  });

  const failing: readonly {
    readonly what: string;
    readonly operation: (target: string) => string;
    readonly errno: string;
  }[] = [
    {
      what: 'an option that is none',
      operation: (t) => `mount:proc:${t}:proc:0:nonsense`,
      errno: 'EINVAL',
    },
    {
      what: 'an option with a value that is none',
      operation: (t) => `mount:proc:${t}:proc:0:hidepid=seven`,
      errno: 'EINVAL',
    },
    {
      what: 'a missing mount point',
      operation: (t) => `mount:proc:${t}/missing:proc:0:`,
      errno: 'ENOENT',
    },
    {
      what: 'a file as the mount point',
      operation: (t) => `mount:proc:${t}/../file:proc:0:`,
      errno: 'ENOTDIR',
    },
    {
      what: 'a path behind a file',
      operation: (t) => `mount:proc:${t}/../file/x:proc:0:`,
      errno: 'ENOTDIR',
    },
    { what: 'no mount point', operation: () => 'mount:proc::proc:0:', errno: 'EFAULT' },
    {
      what: 'a name that is too long',
      operation: (t) => `mount:proc:${t}/${'n'.repeat(256)}:proc:0:`,
      errno: 'ENAMETOOLONG',
    },
  ];

  test.each(failing)(
    'acting: mount: $what is $errno, as by the kernel for root',
    async ({ operation, errno }) => {
      using folder = new TemporaryFolder();
      makeFolder(folder.path, 'target');
      writeFileSync(folder.at('file'), '');
      const kernels = await trapLines({
        wrapper: unshare,
        operations: [operation(folder.at('target'))],
      });

      const agents = await mounting((target) => [operation(target)]);

      expect(agents).toEqual([`mount -1 ${errno}`]);
      expect(agents).toEqual(kernels);
    },
  );

  test('A1: acting: mount: the mount point is looked up with the caller’s own rights', async () => {
    using folder = new TemporaryFolder();
    makeFolder(folder.path, 'private', { mode: 0o700 });
    makeFolder(join(folder.path, 'private'), 'target', { mode: 0o777 });

    const lines = await mounting(() => [`mount:proc:${folder.at('private/target')}:proc:0:`]);

    expect(lines).toEqual(['mount -1 EACCES']);
  });

  test.each([
    { what: 'another’s directory', options: {}, answer: 'mount -1 EPERM' },
    { what: 'another’s that it may write', options: { mode: 0o777 }, answer: 'mount 0 OK' },
    {
      what: 'another’s that it may write by a group',
      options: { gid: 2000, mode: 0o775 },
      answer: 'mount 0 OK',
    },
    { what: 'another’s sticky directory', options: { mode: 0o1777 }, answer: 'mount -1 EPERM' },
    { what: 'its own', options: { uid: user, mode: 0o500 }, answer: 'mount 0 OK' },
    { what: 'its own sticky one', options: { uid: user, mode: 0o1700 }, answer: 'mount 0 OK' },
  ])('A1: acting: mount: power lent over $what: $answer', async ({ options, answer }) => {
    using folder = new TemporaryFolder();
    makeFolder(folder.path, 'point', options);
    const lines = await mounting(
      () => [`mount:proc:${folder.at('point')}:proc:0:`],
      ['-u', String(user), '-g', `${user},2000`],
    );
    expect(lines).toEqual([answer]);
  });

  test('A1: acting: mount: no power is lent over what others use', async () => {
    const places = ['/', '/etc', '/tmp', '/proc', '/proc/self', '/proc/self/task', '/sys'];
    const lines = await mounting(() => places.map((place) => `mount:proc:${place}:proc:0:`));
    expect(lines).toEqual(places.map(() => 'mount -1 EPERM'));
  });

  test('acting: mount: who has CAP_SYS_ADMIN covers whatever it likes', async () => {
    using folder = new TemporaryFolder();
    makeFolder(folder.path, 'point', { uid: user, mode: 0o1777 });
    expect(await mounting(() => [`mount:proc:${folder.at('point')}:proc:0:`], [])).toEqual([
      'mount 0 OK',
    ]);
  });

  test('acting: a file system type that is not listed is judged by the kernel', async () => {
    const asUser = await mounting((target) => [`mount:none:${target}:tmpfs:0:`]);
    const asRoot = await mounting(
      (target) => [`mount:none:${target}:tmpfs:0:`, `mount:none:${target}:nonsense:0:`],
      [],
    );

    expect(asUser).toEqual(['mount -1 EPERM']);
    expect(asRoot).toEqual(['mount 0 OK', 'mount -1 ENODEV']);
  });

  test('acting: remounts, binds and changes of propagation are judged by the kernel', async () => {
    expect(await mounting(changesOf)).toEqual(Array.from({ length: 4 }, () => 'mount -1 EPERM'));
    expect(await mounting(changesOf, [])).toEqual(Array.from({ length: 4 }, () => 'mount 0 OK'));
  });

  test('A1: acting: mount: a caller in a user namespace gets proc of its pid namespace', async () => {
    const lines = await mounting(
      (target) => [`mount:proc:${target}:proc:14:`, `exec:/bin/ls:${target}`],
      [],
      ['unshare', '-U', '-r', '-m', '-p', '-f'],
    );

    expect(lines[0]).toBe('mount 0 OK');
    expect(pidsIn(lines)).toEqual(['1', 'another']);
  });

  test('A3: acting: mount: a symbolic link is followed to the mount point', async () => {
    using folder = new TemporaryFolder();
    makeFolder(folder.path, 'target', { uid: user });
    symlinkSync('target', folder.at('link'));

    const lines = await trapLines({
      socket: agent.socket,
      trapped,
      options: ['-u', String(user)],
      wrapper: unshare,
      operations: [`mount:proc:${folder.at('link')}:proc:0:`, `exists:${folder.at('target/1')}`],
    });

    expect(lines).toEqual(['mount 0 OK', expect.stringMatching(/^exists 0 OK 40555/u)]);
  });

  test.each([
    { where: 'in the agent’s pid namespace', wrapper: ['unshare', '-m'] },
    { where: 'in its own', wrapper: [...unshare, '--mount-proc'] },
  ])(
    'A3a: acting: mount: on /proc/self/fd/N of a caller $where, as runtimes do',
    async ({ wrapper }) => {
      using folder = new TemporaryFolder();

      const lines = await trapLines({
        socket: agent.socket,
        trapped,
        wrapper,
        folder: folder.path,
        operations: [`exec:${compiled('directory-caller')}:mount`],
      });

      expect(lines).toEqual(['mount 0 OK', 'there 0 OK', 'exec 0 OK']);
    },
  );

  test('A3: acting: mount: a chrooted caller’s mount point is in its root', async () => {
    using outside = new TemporaryFolder();
    const lines = await trapLines({
      socket: agent.socket,
      trapped,
      options: ['-r'],
      operations: [
        'mount:proc:/proc:proc:0:',
        'exists:/proc/self/status',
        `mount:proc:${outside.path}:proc:0:`,
        'chdir:/tmp',
        'mount:proc:../root:proc:0:',
        'exists:/root/self/status',
      ],
    });

    expect(lines).toEqual([
      'mount 0 OK',
      expect.stringMatching(/^exists 0 OK/u),
      'mount -1 ENOENT',
      'chdir 0 OK',
      'mount 0 OK',
      expect.stringMatching(/^exists 0 OK/u),
    ]);
    expect(readdirSync(outside.path)).toEqual([]);
    expect(mountsOf('self')).toBe(mountsBefore);
  });
});
