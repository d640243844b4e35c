// SPDX-License-Identifier: Apache-2.0
// Writes syscall-numbers.ts from the kernel's uapi headers: `npm run generate`.

import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';

/** Headers of every architecture, from Debian's linux-libc-dev. */
export const defaultUapiFolder = '/usr/lib/linux/uapi';

/** A column of the table each, in this order. */
const headers = [
  'x86/asm/unistd_64.h',
  'x86/asm/unistd_32.h',
  'x86/asm/unistd_x32.h',
  'arm64/asm/unistd_64.h',
] as const;

/** Newer than the headers: a policy that does not know them is passed by. The number is everyone's. */
const newerCalls: readonly (readonly [name: string, number: number])[] = [
  ['setxattrat', 463],
  ['getxattrat', 464],
  ['listxattrat', 465],
  ['removexattrat', 466],
  ['open_tree_attr', 467],
];

const head = `// SPDX-License-Identifier: Apache-2.0
// The kernel's name of every system call with its numbers. Generated: \`npm run generate\`.

/**
 * Sorted by name; -1 where an architecture lacks the call. The x32 numbers are without
 * __X32_SYSCALL_BIT (0x40000000), which the kernel's \`seccomp_data.nr\` has set.
 */
export const syscallNumbers: readonly (readonly [
  name: string,
  x86_64: number,
  i386: number,
  x32: number,
  arm64: number,
])[] = [
`;

/** The text of syscall-numbers.ts by the headers below `uapiFolder`. */
export function syscallNumbersSource(uapiFolder: string): string {
  const columns = headers.map(
    (header) => new Map([...newerCalls, ...parseNumbers(join(uapiFolder, header))]),
  );
  const names = new Set(columns.flatMap((column) => [...column.keys()]));
  const rows = [...names].toSorted(byCodeUnit).map((name) => {
    const numbers = columns.map((column) => column.get(name) ?? -1);
    return `  ['${name}', ${numbers.join(', ')}],\n`;
  });
  return `${head}${rows.join('')}];\n`;
}

function byCodeUnit(left: string, right: string): number {
  return left < right ? -1 : 1;
}

function parseNumbers(file: string): ReadonlyMap<string, number> {
  const numbers = new Map<string, number>();
  for (const line of readFileSync(file, 'utf8').split('\n')) {
    if (!line.startsWith('#define __NR_')) continue;
    const [, name, plain, x32] =
      /^#define __NR_(\w+)\s+(?:(\d+)|\(__X32_SYSCALL_BIT \+ (\d+)\))$/.exec(line) ?? [];
    const number = plain ?? x32;
    if (name === undefined || number === undefined) {
      throw new Error(`cannot parse '${line}' of ${file}`);
    }
    numbers.set(name, Number(number));
  }
  if (numbers.size === 0) throw new Error(`no syscall numbers in ${file}`);
  return numbers;
}

if (import.meta.main) {
  const source = syscallNumbersSource(process.argv[2] ?? defaultUapiFolder);
  writeFileSync(join(import.meta.dirname, 'syscall-numbers.ts'), source);
}
