// SPDX-License-Identifier: Apache-2.0
// Possible exports of a component, and the core functions behind them.
import { familyParameters } from '../syscalls/family-table.ts';
import { families } from '../syscalls/syscall-table.ts';
import { isWide } from '../syscalls/kinds/kind.ts';
import type { CoreModuleDescription, CoreSignature } from './core-description.ts';
import { refuse, shortName, listed } from './refusal.ts';

/** The core type of a family's export; its result is a pointer to the action. */
export function familySignature(family: string): CoreSignature {
  const core = familyParameters(family).flatMap(({ kind }) => kind.core);
  return `${core.map((type) => (isWide(type) ? 'I' : 'i')).join('')}:i`;
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
