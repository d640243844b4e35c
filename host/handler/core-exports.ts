// SPDX-License-Identifier: Apache-2.0
// The exports of a core instance, typed: their types were compared when the component was loaded.
import { trampolineGlobal, trampolineHost, trampolineImport } from './trampoline.ts';
import type { Outcome } from './trampoline.ts';

type CoreValue = number | bigint;
type CoreExport = (...values: readonly CoreValue[]) => number;

/** cabi_realloc of the canonical ABI. */
export type Reallocate = (old: number, oldSize: number, alignment: number, size: number) => number;

export interface CoreExports {
  readonly memory: WebAssembly.Memory;
  readonly reallocate: Reallocate;
  readonly function: (name: string) => CoreExport | undefined;
  /** All of them, for a module that imports them. */
  readonly all: WebAssembly.Instance['exports'];
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
    all: exports,
  };
}

/** Asks the handler; typed exports use neither value. */
export type TrampolineFunction = (syscallName: number, familyName: number) => Outcome;

export interface Trampoline {
  /** The memory that it reads calls from. */
  readonly inboxMemory: WebAssembly.Memory;
  readonly function: (name: string) => TrampolineFunction | undefined;
  /** Not 0 while the handler runs. */
  readonly inCall: { readonly value: number };
  /** Of the last action. */
  readonly payload: { readonly value: bigint };
  /** The payload of its late answer. */
  readonly late: { readonly value: bigint };
}

/** Links a module that `trampolineModule` has made for this handler. */
export function linkTrampoline(
  module: WebAssembly.Module,
  handler: CoreExports,
  { inboxMemory, misaligned }: { inboxMemory: WebAssembly.Memory; misaligned: () => never },
): Trampoline {
  const host: Readonly<Record<string, unknown>> = {
    [trampolineHost.inbox]: inboxMemory,
    [trampolineHost.misaligned]: misaligned,
  };
  const imports = { [trampolineImport.handler]: handler.all, [trampolineImport.host]: host };
  const { exports } = new WebAssembly.Instance(
    module,
    imports as Record<string, Record<string, WebAssembly.ImportValue>>,
  );
  return {
    inboxMemory,
    function: (name) => {
      const value = exports[name];
      return typeof value === 'function' ? (value as TrampolineFunction) : undefined;
    },
    inCall: exports[trampolineGlobal.inCall] as Trampoline['inCall'],
    payload: exports[trampolineGlobal.payload] as Trampoline['payload'],
    late: exports[trampolineGlobal.late] as Trampoline['late'],
  };
}
