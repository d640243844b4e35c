// SPDX-License-Identifier: Apache-2.0
// The exports of a core instance, typed: their types were compared when the component was loaded.

export type CoreValue = number | bigint;
export type CoreExport = (...values: readonly CoreValue[]) => number;

/** cabi_realloc of the canonical ABI. */
export type Reallocate = (old: number, oldSize: number, alignment: number, size: number) => number;

export interface CoreExports {
  readonly memory: WebAssembly.Memory;
  readonly reallocate: Reallocate;
  readonly function: (name: string) => CoreExport | undefined;
}

/** Instantiates a checked core module. Its start function runs, and `_initialize` after it. */
export function instantiate(
  module: WebAssembly.Module,
  imports: Record<string, Record<string, WebAssembly.ImportValue>>,
): CoreExports {
  const { exports } = new WebAssembly.Instance(module, imports);
  const find = (name: string): CoreExport | undefined => {
    const value = exports[name];
    return typeof value === 'function' ? (value as CoreExport) : undefined;
  };
  find('_initialize')?.();
  return {
    memory: exports['memory'] as WebAssembly.Memory,
    reallocate: exports['cabi_realloc'] as Reallocate,
    function: find,
  };
}
