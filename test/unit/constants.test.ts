// SPDX-License-Identifier: Apache-2.0
// Tests the flags and modes that have names: against the kernel's headers, and the files made of them.
import { existsSync, readFileSync } from 'node:fs';

import { expect, test } from 'vitest';

import { constantSources } from '../../guest-sdk/generate-constants.ts';
import { constantGroups, parseBits } from '../../host/syscalls/constants.ts';

const headers = ['asm-generic/fcntl.h', 'linux/fcntl.h', 'linux/openat2.h', 'linux/stat.h']
  .concat(['linux/mount.h', 'linux/fs.h', 'linux/xattr.h'])
  .map((name) => `/usr/include/${name}`);

/** Of POSIX, or of libraries alone; and such as are made of others. */
const elsewhere: Readonly<Record<string, number>> = {
  F_OK: 0,
  X_OK: 1,
  W_OK: 2,
  R_OK: 4,
  MNT_FORCE: 1,
  MNT_DETACH: 2,
  MNT_EXPIRE: 4,
  UMOUNT_NOFOLLOW: 8,
  O_ASYNC: 0o20000,
  O_SYNC: 0o4010000,
  O_TMPFILE: 0o20200000,
};

function defined(): ReadonlyMap<string, number> {
  const all = headers.flatMap((header) => [
    ...readFileSync(header, 'utf8').matchAll(
      /^#define\s+(\w+)\s+\(?(?:1\s*<<\s*(\d+)|0x([\da-fA-F]+)|0([0-7]+)|(\d+))\)?(?:\s|$)/gmu,
    ),
  ]);
  return new Map(
    all.map(([, name = '', bit, hex, octal, decimal]) => {
      if (bit !== undefined) return [name, 2 ** Number(bit)];
      if (hex !== undefined) return [name, Number.parseInt(hex, 16)];
      return [name, octal === undefined ? Number(decimal) : Number.parseInt(octal, 8)];
    }),
  );
}

test('constants: they have the numbers of the kernel', (context) => {
  context.skip(!headers.every((header) => existsSync(header)), 'needs linux-libc-dev');
  const kernel = defined();
  for (const [name, number] of constantGroups.flatMap(({ values }) => Object.entries(values))) {
    expect([name, kernel.get(name) ?? elsewhere[name]]).toEqual([name, number]);
  }
});

test('constants: the checked-in files are what the generator makes', () => {
  for (const { path, contents } of constantSources()) {
    expect(readFileSync(path, 'utf8')).toBe(contents);
  }
});

test.for([
  ['O_CREAT', 0o100n],
  ['O_CREAT|O_EXCL | O_CLOEXEC', 0o2000300n],
  ['S_ISUID|0o755', 0o4755n],
  ['0x1|2', 3n],
  ['18446744073709551615', 0xffff_ffff_ffff_ffffn],
  ['', undefined],
  ['O_CREATE', undefined],
  ['O_CREAT|', undefined],
  ['constructor', undefined],
  ['-1', undefined],
] as const)('constants: "%s" is %s', ([text, bits]) => {
  expect(parseBits(text)).toBe(bits);
});
