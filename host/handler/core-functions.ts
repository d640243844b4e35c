// SPDX-License-Identifier: Apache-2.0
// What a component may export, and the core functions that must be behind it.
import { families, familyParameters } from '../syscalls/syscall-table.ts';
import type { ParameterKind } from '../syscalls/syscall-table.ts';
import type { CoreModuleDescription, CoreSignature } from './core-description.ts';
import { refuse, shortName, listed } from './refusal.ts';

const flat: Readonly<Record<ParameterKind, string>> = {
  path: 'ii',
  'optional-path': 'iii',
  bytes: 'ii',
  'optional-bytes': 'iii',
  u32: 'i',
  s32: 'i',
  u64: 'I',
  device: 'ii',
  'mount-operation': 'i',
};

/** The core type of a family's export; its result is a pointer to the action. */
export function familySignature(family: string): CoreSignature {
  return `${familyParameters(family)
    .map(({ kind }) => flat[kind])
    .join('')}:i`;
}

export const anySignature: CoreSignature = 'iiiiIIIIII:i';
const configureSignature: CoreSignature = 'ii:i';
const reallocSignature: CoreSignature = 'iiii:i';
const postReturnSignature: CoreSignature = 'i:';

/** The core exports that are called by their names, with the types that they must have. */
export function expectedExports(exports: readonly string[]): ReadonlyMap<string, CoreSignature> {
  const expected = new Map<string, CoreSignature>();
  for (const name of exports) {
    if (name === 'configure') expected.set(name, configureSignature);
    else if (name === 'any') expected.set(name, anySignature);
    else if (families().includes(name)) expected.set(name, familySignature(name));
    else {
      refuse(
        `component exports "${shortName(name)}"; a handler may export ${listed([...families(), 'any', 'configure'])}`,
      );
    }
  }
  return expected;
}

/** The export's core function, its allocator, and what it has to be told of results. */
export function checkCoreExports(core: CoreModuleDescription, exports: readonly string[]): void {
  const expected = new Map(expectedExports(exports));
  expected.set('cabi_realloc', reallocSignature);
  for (const [name, signature] of expected) {
    const found = core.functionExports.get(name);
    if (found !== signature) {
      refuse(`core module exports "${name}" as (${found ?? 'nothing'}), it must be (${signature})`);
    }
  }
  for (const name of exports) {
    const found = core.functionExports.get(`cabi_post_${name}`);
    if (found !== undefined && found !== postReturnSignature) {
      refuse(`core module exports "cabi_post_${name}" as (${found})`);
    }
  }
}
