// SPDX-License-Identifier: Apache-2.0
// Tests the table of syscall numbers and its generator.

import { existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';

import { expect, onTestFinished, test } from 'vitest';

import {
  defaultUapiFolder,
  syscallNumbersSource,
} from '../../host/syscalls/generate-syscall-numbers.ts';
import { syscallNumbers } from '../../host/syscalls/syscall-numbers.ts';

test('syscall-numbers: the checked-in table is what the generator makes', (context) => {
  context.skip(!hasHeadersOfTable(), 'needs linux-libc-dev 6.12');
  const file = join(import.meta.dirname, '../../host/syscalls/syscall-numbers.ts');
  expect(readFileSync(file, 'utf8')).toBe(syscallNumbersSource(defaultUapiFolder));
});

test.for([
  ['mkdir', 83, 39, 83, -1],
  ['mkdirat', 258, 296, 258, 34],
  ['fchmodat2', 452, 452, 452, 452],
  ['execve', 59, 11, 520, 221],
  ['_llseek', -1, 140, -1, -1],
] as const)('syscall-numbers: %s is %i, %i, %i and %i', (row) => {
  expect(syscallNumbers.find(([name]) => name === row[0])).toEqual(row);
});

test('syscall-numbers: rows are sorted by name and each name stands once', () => {
  const names = syscallNumbers.map(([name]) => name);
  expect(names).toEqual([...new Set(names)].toSorted());
});

test('syscall-numbers: no number of an architecture stands twice', () => {
  for (const column of [1, 2, 3, 4] as const) {
    const numbers = syscallNumbers.map((row) => row[column]).filter((number) => number !== -1);
    expect(new Set(numbers).size).toBe(numbers.length);
    expect(numbers.length).toBeGreaterThan(300);
    expect(Math.max(...numbers)).toBeLessThan(0x4000_0000);
  }
});

test('generate-syscall-numbers: joins the architectures, sorted by name', () => {
  const folder = uapiFolder({
    'x86/asm/unistd_64.h':
      '#ifndef X\n#define X\n#define __NR_read 0\n#define __NR_mkdir 83\n#endif\n',
    'x86/asm/unistd_32.h': '#define __NR_read 3\n#define __NR__llseek 140\n',
    'x86/asm/unistd_x32.h': '#define __NR_mkdir (__X32_SYSCALL_BIT + 83)\n',
    'arm64/asm/unistd_64.h': '#define __NR_read 63\n',
  });
  const rows = syscallNumbersSource(folder)
    .split('\n')
    .filter((line) => line.startsWith("  ['"));
  expect(rows).toEqual([
    "  ['_llseek', -1, 140, -1, -1],",
    "  ['getxattrat', 464, 464, 464, 464],",
    "  ['listxattrat', 465, 465, 465, 465],",
    "  ['mkdir', 83, -1, 83, -1],",
    "  ['open_tree_attr', 467, 467, 467, 467],",
    "  ['read', 0, 3, -1, 63],",
    "  ['removexattrat', 466, 466, 466, 466],",
    "  ['setxattrat', 463, 463, 463, 463],",
  ]);
});

test('generate-syscall-numbers: refuses a number that it cannot read', () => {
  const folder = uapiFolder({ 'x86/asm/unistd_64.h': '#define __NR_read (__NR_base + 1)\n' });
  expect(() => syscallNumbersSource(folder)).toThrow('#define __NR_read (__NR_base + 1)');
});

test('generate-syscall-numbers: refuses a header without numbers', () => {
  const folder = uapiFolder({ 'x86/asm/unistd_64.h': '#include <asm/other.h>\n' });
  expect(() => syscallNumbersSource(folder)).toThrow(join(folder, 'x86/asm/unistd_64.h'));
});

/** Headers of another kernel know more or fewer calls, and older packages have no such folder. */
function hasHeadersOfTable(): boolean {
  const version = '/usr/include/linux/version.h';
  if (!existsSync(version) || !existsSync(defaultUapiFolder)) return false;
  const text = readFileSync(version, 'utf8');
  return /LINUX_VERSION_MAJOR 6\n/.test(text) && /LINUX_VERSION_PATCHLEVEL 12\n/.test(text);
}

function uapiFolder(headers: Readonly<Record<string, string>>): string {
  const folder = mkdtempSync(join(tmpdir(), 'uapi-'));
  onTestFinished(() => rmSync(folder, { recursive: true }));
  for (const [path, text] of Object.entries(headers)) {
    mkdirSync(dirname(join(folder, path)), { recursive: true });
    writeFileSync(join(folder, path), text);
  }
  return folder;
}
