// SPDX-License-Identifier: Apache-2.0
// Writes the bindings for AssemblyScript, C and Rust from the WIT and the syscall table: `npm run generate`.

import { writeFileSync } from 'node:fs';
import { join } from 'node:path';

import { assemblyScriptBinding } from './build/assemblyscript-binding.ts';
import { cBinding } from './build/c-binding.ts';
import { readBindingContract } from './build/contract.ts';
import { rustBinding } from './build/rust-binding.ts';

/** The generated files, as they have to be. */
export async function bindingSources(): Promise<
  readonly { readonly path: string; readonly contents: string }[]
> {
  const contract = await readBindingContract();
  const { types, lifts } = assemblyScriptBinding(contract);
  return [
    { path: join(import.meta.dirname, 'assembly/parameters.ts'), contents: types },
    { path: join(import.meta.dirname, 'assembly/abi/parameters.ts'), contents: lifts },
    { path: join(import.meta.dirname, 'c/contract.h'), contents: cBinding(contract) },
    { path: join(import.meta.dirname, 'rust/contract.rs'), contents: rustBinding(contract) },
  ];
}

if (import.meta.main) {
  for (const { path, contents } of await bindingSources()) writeFileSync(path, contents);
}
