// SPDX-License-Identifier: Apache-2.0
// Writes flags and modes by name for each language of the SDK: `npm run generate`.

import { writeFileSync } from 'node:fs';
import { join } from 'node:path';

import { type ConstantGroup, constantGroups } from '../host/syscalls/constants.ts';

const head = `// SPDX-License-Identifier: Apache-2.0
// Flags and modes of system calls by name. Generated: \`npm run generate\`.
`;

/** @param octal what the language has in front of octal numbers */
function number(value: number, { base }: ConstantGroup, octal: string): string {
  if (value === 0) return '0';
  return base === 8 ? `${octal}${value.toString(8)}` : `0x${value.toString(16)}`;
}

type Writer = (group: ConstantGroup) => readonly string[];

function written(before: string, write: Writer): string {
  const groups = constantGroups.map((group) => [...write(group), ''].join('\n'));
  return `${head}${before}\n${groups.join('\n').trimEnd()}\n`;
}

const declared =
  (type: (group: ConstantGroup) => string): Writer =>
  (group) =>
    Object.entries(group.values).flatMap(([name, value]) => [
      `/** See ${group.of}. */`,
      `export const ${name}${type(group)} = ${number(value, group, '0o')};`,
    ]);

const inC: Writer = (group) => [
  `// See ${group.of}.`,
  `enum : uint${group.type === 'u64' ? 64 : 32}_t {`,
  ...Object.entries(group.values).map(
    ([name, value]) => `  SCA_${name} = ${number(value, group, '0')},`,
  ),
  '};',
];

const inRust: Writer = (group) =>
  Object.entries(group.values).flatMap(([name, value]) => [
    `/// See ${group.of}.`,
    `pub const ${name}: ${group.type} = ${number(value, group, '0o')};`,
  ]);

function file(path: string, contents: string): { path: string; contents: string } {
  return { path: join(import.meta.dirname, path), contents };
}

/** The generated files, as they have to be. */
export function constantSources(): readonly { readonly path: string; readonly contents: string }[] {
  return [
    file(
      'assembly/constants.ts',
      written(
        '',
        declared(({ type }) => `: ${type}`),
      ),
    ),
    file(
      'typescript/constants.ts',
      written(
        '',
        declared(() => ''),
      ),
    ),
    file('c/constants.h', written('#pragma once\n\n#include <stdint.h>\n', inC)),
    file('rust/constants.rs', written('', inRust)),
  ];
}

if (import.meta.main) {
  for (const { path, contents } of constantSources()) writeFileSync(path, contents);
}
