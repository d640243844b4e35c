// SPDX-License-Identifier: Apache-2.0
// The functions that a handler may export, derived from the syscall table.

import { familyParameters } from '../../host/syscalls/family-table.ts';
import type { ParameterKind } from '../../host/syscalls/kinds/kind.ts';
import { families } from '../../host/syscalls/syscall-table.ts';

/** A parameter in an author's code, in WIT and in a core module. */
export type ParameterForm = Pick<ParameterKind, 'author' | 'wit' | 'core' | 'lift'>;

export interface Parameter {
  /** kebab-case, as in WIT. */
  readonly name: string;
  readonly form: ParameterForm;
}

export interface Signature {
  /** Also the name of the component's export. */
  readonly name: string;
  readonly parameters: readonly Parameter[];
  /** The AssemblyScript type that the author's function returns. */
  readonly returns: string;
}

const u64 = 'u64';

const call: ParameterForm = {
  author: 'Call',
  wit: 'call',
  core: ['usize', 'i32', 'usize', 'i32', u64, u64, u64, u64, u64, u64],
  lift: { from: 'abi/exports', name: 'liftCall' },
};

const any: Signature = {
  name: 'any',
  parameters: [{ name: 'call', form: call }],
  returns: 'Action',
};

/** The author's half of `configure`; the settings themselves the glue takes. */
const configure: Signature = { name: 'configure', parameters: [], returns: 'string | null' };

/** All that a handler.ts may export: one function per family, `any` and `configure`. */
export function signatures(): ReadonlyMap<string, Signature> {
  const table = families().map((family) => familySignature(family));
  return new Map([...table, any, configure].map((signature) => [signature.name, signature]));
}

/** As the author writes it: `mkdir(path: Path, mode: u32): Action`. */
export function describeSignature(signature: Signature): string {
  const parameters = signature.parameters.map(
    (parameter) => `${camelCase(parameter.name)}: ${parameter.form.author}`,
  );
  return `${signature.name}(${parameters.join(', ')}): ${signature.returns}`;
}

function familySignature(family: string): Signature {
  const parameters = familyParameters(family).map(({ name, kind }) => ({ name, form: kind }));
  return { name: family, parameters, returns: 'Action' };
}

/** `new-path` → `newPath`. */
export function camelCase(name: string): string {
  return name.replace(/-(.)/g, (_, letter: string) => letter.toUpperCase());
}
