// SPDX-License-Identifier: Apache-2.0
// Tests the errnos of host, WIT and SDK, and their generator.

import { existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { constants, tmpdir } from 'node:os';
import { join } from 'node:path';

import { expect, onTestFinished, test } from 'vitest';

import { defaultErrnoFolder, errnoSources } from '../../guest-sdk/generate-errnos.ts';
import {
  errnoByOrdinal,
  errnoNumber,
  errnos,
  isErrnoName,
  parseErrno,
} from '../../host/syscalls/errno.ts';

/** The SDK's file is plain enough to run as JavaScript; its types are AssemblyScript's. */
const guestFile = join(import.meta.dirname, '../../guest-sdk/assembly/errno.ts');
const guest: {
  readonly Errno: Readonly<Record<string, number>>;
  readonly errnoByName: (name: string) => number;
} = await import(guestFile);

test('errno: the checked-in files are what the generator makes', (context) => {
  context.skip(!existsSync(defaultErrnoFolder), 'needs linux-libc-dev');
  for (const { path, contents } of errnoSources(defaultErrnoFolder)) {
    expect(readFileSync(path, 'utf8')).toBe(contents);
  }
});

test('errno: every errno of the running system is known by name and number', () => {
  for (const [text, number] of Object.entries(constants.errno)) {
    const name = parseErrno(text);
    expect(name === undefined ? text : errnoNumber(name)).toBe(number);
  }
});

test('errno: numbers ascend and the last is EHWPOISON', () => {
  const numbers = errnos.map(([, number]) => number);
  expect(numbers).toEqual([...new Set(numbers)].toSorted((left, right) => left - right));
  expect(errnos.at(-1)).toEqual(['EHWPOISON', 133]);
});

test('errno: the ordinals are those of the WIT enum', () => {
  const wit = readFileSync(join(import.meta.dirname, '../../guest-sdk/wit/types.wit'), 'utf8');
  const block = /enum errno \{([^}]+)\}/.exec(wit)?.[1] ?? '';
  const cases = [...block.matchAll(/^ *(\w+),$/gm)].map((match) => match[1]?.toUpperCase());
  expect(cases).toEqual(errnos.map(([name]) => name));
});

test('errno: the ordinals are those of the SDK', () => {
  expect(errnos.map(([name]) => guest.Errno[name])).toEqual([...errnos.keys()]);
});

test('errnoNumber: gives the number of the kernel', () => {
  expect(errnoNumber('EPERM')).toBe(1);
  expect(errnoNumber('ENOSYS')).toBe(38);
  expect(errnoNumber('ENOTEMPTY')).toBe(39);
});

test('errnoByOrdinal: gives the name, and nothing past either end', () => {
  expect(errnoByOrdinal(0)).toBe('EPERM');
  expect(errnoByOrdinal(errnos.length - 1)).toBe('EHWPOISON');
  expect(errnoByOrdinal(errnos.length)).toBeUndefined();
  expect(errnoByOrdinal(-1)).toBeUndefined();
});

test('isErrnoName: refuses aliases, other cases and other words', () => {
  expect(isErrnoName('EAGAIN')).toBe(true);
  for (const text of ['EWOULDBLOCK', 'eagain', 'EAGAIN ', 'toString', '']) {
    expect(isErrnoName(text)).toBe(false);
  }
});

test('parseErrno: takes names and aliases', () => {
  expect(parseErrno('EACCES')).toBe('EACCES');
  expect(parseErrno('EWOULDBLOCK')).toBe('EAGAIN');
  expect(parseErrno('EDEADLOCK')).toBe('EDEADLK');
  expect(parseErrno('ENOTSUP')).toBe('EOPNOTSUPP');
  expect(parseErrno('EWHATEVER')).toBeUndefined();
});

test('guest errnoByName: finds every name and alias', () => {
  for (const [ordinal, [name]] of errnos.entries()) expect(guest.errnoByName(name)).toBe(ordinal);
  expect(guest.errnoByName('EWOULDBLOCK')).toBe(guest.Errno['EAGAIN']);
  expect(guest.errnoByName('EDEADLOCK')).toBe(guest.Errno['EDEADLK']);
  expect(guest.errnoByName('ENOTSUP')).toBe(guest.Errno['EOPNOTSUPP']);
});

test('guest errnoByName: is -1 for what is no whole name', () => {
  for (const text of ['', ' ', 'E', 'EPER', 'EPERMX', 'PERM', 'EPERM ENOENT', 'EAGAIN=', '\n']) {
    expect(guest.errnoByName(text)).toBe(-1);
  }
});

test('generate-errnos: orders by number and leaves aliases out of the enums', () => {
  const folder = errnoFolder(
    '#define\tENOENT\t\t 2\t/* No such file */\n#define\tEPERM\t\t 1\t/* Not permitted */\n',
    '#define\tENOFILE\tENOENT\t/* Alias */\n#define\tEOPNOTSUPP\t95\t/* Not supported */\n',
  );
  const contents = errnoSources(folder).map((source) => source.contents);
  expect(contents[0]).toContain(`
    /// not permitted
    eperm,
    /// no such file
    enoent,
    /// not supported
    eopnotsupp,
`);
  expect(contents[1]).toContain(`
  ['EPERM', 1],
  ['ENOENT', 2],
  ['EOPNOTSUPP', 95],
`);
  expect(contents[1]).toContain("  ['ENOFILE', 'ENOENT'],\n  ['ENOTSUP', 'EOPNOTSUPP'],\n");
  expect(contents[2]).toContain('`EPERM ENOENT=ENOFILE EOPNOTSUPP=ENOTSUP\n`');
});

test('generate-errnos: refuses a line that it cannot read', () => {
  const folder = errnoFolder('#define EPERM (1 + 0)\n', '');
  expect(() => errnoSources(folder)).toThrow('#define EPERM (1 + 0)');
});

function errnoFolder(base: string, rest: string): string {
  const folder = mkdtempSync(join(tmpdir(), 'errno-'));
  onTestFinished(() => rmSync(folder, { recursive: true }));
  writeFileSync(join(folder, 'errno-base.h'), base);
  writeFileSync(join(folder, 'errno.h'), rest);
  return folder;
}
