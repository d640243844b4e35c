// SPDX-License-Identifier: Apache-2.0
// Tests reading of a caller's memory and registers: paths of all kinds, and other ways to call.
import { mkdirSync, readdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';

import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest';

import { compiled } from '../support/compile.ts';
import { contentsOf } from '../support/folder-contents.ts';
import { plainMkdir } from '../support/plain-mkdir.ts';
import { TemporaryFolder } from '../support/temporary-folder.ts';
import { testBundle } from '../support/test-bundles.ts';
import { trapLines } from '../support/trap-container.ts';
import { startWatchedAgent } from '../support/watched-agent.ts';
import type { WatchedAgent } from '../support/watched-agent.ts';

const trapped = ['mkdir', 'mkdirat', 'getpid'];

/** Makes each mkdir as it is asked for, so that answers can be compared with the kernel's. */
let plain: WatchedAgent;
/** Adds "-suffix", so that it shows who made the directory. */
let suffixing: WatchedAgent;

beforeAll(async () => {
  [plain, suffixing] = await Promise.all([
    startWatchedAgent({ ...plainMkdir, log: 'warn' }),
    startWatchedAgent({ bundle: testBundle('mkdir-suffix'), log: 'warn' }),
  ]);
});
afterAll(async () => {
  await Promise.all([plain[Symbol.asyncDispose](), suffixing[Symbol.asyncDispose]()]);
});

/** The same OPs with the agent and without it, each in a folder of its own. */
async function withAndWithout(
  operations: (folder: string) => readonly string[],
  prepare: (folder: string) => void = () => undefined,
): Promise<{
  readonly agents: readonly string[];
  readonly kernels: readonly string[];
  readonly made: readonly string[];
}> {
  using agents = new TemporaryFolder();
  using kernels = new TemporaryFolder();
  for (const { path } of [agents, kernels]) prepare(path);
  const ours = await trapLines({
    socket: plain.socket,
    trapped,
    folder: agents.path,
    operations: operations(agents.path),
  });
  const theirs = await trapLines({
    folder: kernels.path,
    operations: operations(kernels.path),
  });
  expect(contentsOf(agents.path)).toEqual(contentsOf(kernels.path));
  return { agents: ours, kernels: theirs, made: contentsOf(agents.path) };
}

describe('memory: paths', () => {
  test('M2: memory: a path that ends with the last byte of a page is read whole', async () => {
    using folder = new TemporaryFolder();
    const lengths = [1, 100, 255];
    const names = lengths.map((length) => 'n'.repeat(length - 1) + (length % 10));

    const lines = await trapLines({
      socket: suffixing.socket,
      trapped,
      operations: [
        ...names.slice(0, 2).map((name) => `mkdir-page-end:${folder.at(name)}:755`),
        `mkdir-page-end:${folder.at('n'.repeat(250))}:755`,
      ],
    });

    expect(lines).toEqual([
      'mkdir-page-end 0 OK',
      'mkdir-page-end 0 OK',
      // "-suffix" makes the name longer than 255 bytes
      'mkdir-page-end -1 ENAMETOOLONG',
    ]);
    expect(readdirSync(folder.path).toSorted()).toEqual(
      names
        .slice(0, 2)
        .map((name) => `${name}-suffix`)
        .toSorted(),
    );
  });

  test('M2: memory: a path over the page boundary is read whole', async () => {
    // 3,000 to 4,095 bytes on a page that is followed by none
    const { agents, kernels } = await withAndWithout((folder) =>
      [3000, 4095].map((length) => {
        const rest = length - folder.length - '/made'.length;
        return `mkdir-page-end:${folder}${'/.'.repeat(Math.floor(rest / 2))}${'/'.repeat(rest % 2)}/made:755`;
      }),
    );

    expect(kernels).toEqual(['mkdir-page-end 0 OK', 'mkdir-page-end -1 EEXIST']);
    expect(agents).toEqual(kernels);
  });

  test('M2: memory: an unterminated path and a NULL fail with EFAULT, and nothing is made', async () => {
    const { agents, kernels } = await withAndWithout(() => ['mkdir-unterminated', 'mkdir-null']);

    expect(kernels).toEqual(['mkdir-unterminated -1 EFAULT', 'mkdir-null -1 EFAULT']);
    expect(agents).toEqual(kernels);
    expect(readdirSync('/tmp').filter((name) => name.startsWith('unterminated'))).toEqual([]);
  });

  test('M2: memory: paths around PATH_MAX are answered as by the kernel', async () => {
    const lengths = [1, 255, 256, 257, 4094, 4095, 4096, 4097, 10_000];
    const { agents, kernels } = await withAndWithout(() =>
      lengths.map((length) => `mkdir-length:${length}`),
    );

    expect(kernels.slice(-4)).toEqual([
      'mkdir-length -1 EEXIST',
      'mkdir-length -1 ENAMETOOLONG',
      'mkdir-length -1 ENAMETOOLONG',
      'mkdir-length -1 ENAMETOOLONG',
    ]);
    expect(agents).toEqual(kernels);
  });

  test('M2: memory: paths that are no ASCII and no UTF-8 arrive byte for byte', async () => {
    using folder = new TemporaryFolder();
    // all bytes that a name may have, text in UTF-8, lone surrogates in UTF-8, a cut sequence
    const all = Buffer.from(Array.from({ length: 255 }, (_, index) => index + 1)).filter(
      (byte) => byte !== 0x2f,
    );
    const names = [
      all.subarray(0, 127),
      all.subarray(127),
      Buffer.from('Grüße 目录 📁'),
      Buffer.from('eda080edbfbf', 'hex'),
      Buffer.from('78e79b', 'hex'),
      Buffer.from('fffe', 'hex'),
    ];
    const prefix = Buffer.from(`${folder.path}/`);

    const lines = await trapLines({
      socket: suffixing.socket,
      trapped,
      operations: names.map(
        (name) => `mkdir-hex:${Buffer.concat([prefix, name]).toString('hex')}:755`,
      ),
    });

    expect(lines).toEqual(names.map(() => 'mkdir-hex 0 OK'));
    const made = readdirSync(folder.path, { encoding: 'buffer' });
    const expected = names.map((name) => Buffer.concat([name, Buffer.from('-suffix')]));
    expect(made.map((name) => name.toString('hex')).toSorted()).toEqual(
      expected.map((name) => name.toString('hex')).toSorted(),
    );
  });

  test('memory: a suffix goes before the slashes that a path ends with', async () => {
    using folder = new TemporaryFolder();

    await trapLines({
      socket: suffixing.socket,
      trapped,
      operations: [`mkdir:${folder.at('slashes')}//:755`],
    });

    expect(readdirSync(folder.path)).toEqual(['slashes-suffix']);
  });
});

describe('memory: other ways to call', () => {
  beforeEach((context) => {
    context.skip(process.arch !== 'x64', 'needs a processor of x86-64, whose calls these are');
  });

  test('K19: memory: an i386 program is decoded by its own numbers', async () => {
    using folder = new TemporaryFolder();
    const program = compiled('i386');

    const lines = await trapLines({
      socket: suffixing.socket,
      trapped,
      operations: [
        `exec:${program}:${folder.at('made')}`,
        `exec:${program}:${folder.at('made')}`,
        `exec:${program}:${folder.at('missing/made')}`,
        // no argument: the path is NULL
        `exec:${program}:`,
      ],
    });

    // the exit status is the errno: EEXIST, ENOENT, EFAULT
    expect(lines).toEqual(['exec 0 OK', 'exec 17 OK', 'exec 2 OK', 'exec 14 OK']);
    expect(readdirSync(folder.path)).toEqual(['made-suffix']);
  });

  test('K19: memory: the number of mkdir of i386 is getpid in a 64-bit program', async () => {
    using folder = new TemporaryFolder();

    const [own = '', ...lines] = await trapLines({
      socket: suffixing.socket,
      trapped,
      operations: ['getpid', `mkdir:${folder.at('made')}:755`],
    });

    expect(own).toMatch(/^getpid [1-9]\d* OK$/u);
    expect(lines).toEqual(['mkdir 0 OK']);
    expect(readdirSync(folder.path)).toEqual(['made-suffix']);
  });

  test('K19: memory: an x32 number is decoded without its bit', async () => {
    using folder = new TemporaryFolder();

    const lines = await trapLines({
      socket: suffixing.socket,
      trapped,
      operations: [`mkdir-x32:${folder.at('made')}:755`],
    });

    expect(lines).toEqual(['mkdir-x32 0 OK']);
    expect(readdirSync(folder.path)).toEqual(['made-suffix']);
  });
});

describe('memory: dirfd', () => {
  test('K18: memory: AT_FDCWD is understood in 32 and in 64 bits, and so is a descriptor', async () => {
    const { agents, made } = await withAndWithout(
      (folder) => [
        'mkdirat:.:cwd-32:755',
        'mkdirat:@64:cwd-64:755',
        `mkdirat:${folder}/below:by-descriptor:755`,
        `mkdirat:${folder}/below:${folder}/absolute:755`,
        'chdir:below',
        'mkdirat:.:cwd-now:755',
      ],
      (folder) => {
        mkdirSync(join(folder, 'below'));
      },
    );

    expect(agents).toEqual([
      ...Array.from({ length: 4 }, () => 'mkdirat 0 OK'),
      'chdir 0 OK',
      'mkdirat 0 OK',
    ]);
    expect(made.map((line) => line.split(' ')[0])).toEqual([
      'absolute',
      'below',
      'below/by-descriptor',
      'below/cwd-now',
      'cwd-32',
      'cwd-64',
    ]);
  });

  test('K18: memory: all kinds of descriptors are answered as by the kernel', async () => {
    const { agents, kernels } = await withAndWithout(() => [
      `exec:${compiled('directory-caller')}:dirfds`,
    ]);

    expect(kernels).toEqual([
      'directory 0 OK',
      'again -1 EEXIST',
      'o-path 0 OK',
      'upper-half 0 OK',
      'mode-bits 0 OK',
      'dot-dot 0 OK',
      'empty -1 ENOENT',
      'cwd-32 0 OK',
      'cwd-64 0 OK',
      'closed -1 EBADF',
      'negative -1 EBADF',
      'file -1 ENOTDIR',
      'removed -1 ENOENT',
      'closed-absolute 0 OK',
      'file-absolute 0 OK',
      'exec 0 OK',
    ]);
    expect(agents).toEqual(kernels);
  });

  test('K18: memory: paths in a removed working directory are resolved as by the kernel', async () => {
    const script = 'mkdir gone && cd gone && rmdir ../gone && exec "$0" "$@"';
    using agents = new TemporaryFolder();
    using kernels = new TemporaryFolder();
    const options = {
      wrapper: ['sh', '-c', script],
      operations: ['mkdir:made:755', 'mkdir:../made:755'],
    };

    const theirs = await trapLines({ ...options, folder: kernels.path });
    const ours = await trapLines({
      ...options,
      folder: agents.path,
      socket: plain.socket,
      trapped,
    });

    expect(theirs).toEqual(['mkdir -1 ENOENT', 'mkdir 0 OK']);
    expect(ours).toEqual(theirs);
    expect(readdirSync(agents.path)).toEqual(['made']);
  });
});

test('memory: a call that is not in the table continues, whatever its registers hold', async () => {
  using folder = new TemporaryFolder();
  writeFileSync(folder.at('file'), '');

  const lines = await trapLines({
    socket: plain.socket,
    trapped: ['getppid', 'getpgid', 'openat2', 'chmod'],
    operations: ['getpgid', `chmod:${folder.at('file')}:600`, `exists:${folder.at('file')}`],
  });

  expect(lines.slice(1)).toEqual(['chmod 0 OK', 'exists 0 OK 100600 0 0']);
  expect(lines[0]).toMatch(/^getpgid [1-9]\d* OK$/u);
});
