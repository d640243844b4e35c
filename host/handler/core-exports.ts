// SPDX-License-Identifier: Apache-2.0
// The exports of a core instance, typed: their types were compared when the component was loaded.
import { interfaceName } from './interface-name.ts';
import { shortName } from './refusal.ts';
import type { Composition, LinkedImport } from './jco/composition.ts';
import { trampolineGlobal, trampolineHost, trampolineImport } from './trampoline.ts';
import type { Outcome } from './trampoline.ts';
import type { Reallocate } from './guest.ts';

type CoreValue = number | bigint;
type CoreExport = (...values: readonly CoreValue[]) => number;

export interface CoreExports {
  readonly memory: WebAssembly.Memory;
  readonly reallocate: Reallocate;
  readonly function: (name: string) => CoreExport | undefined;
  /** All of them, for a module that imports them. */
  readonly all: WebAssembly.Instance['exports'];
}

/** The host's functions: by the names of interfaces, and by their own. */
export type HostFunctions = Record<string, Record<string, WebAssembly.ImportValue>>;

type Exports = WebAssembly.Instance['exports'];

/** Instantiates a checked core module. Its start function runs, and `_initialize` after it. */
export function instantiate(module: WebAssembly.Module, imports: HostFunctions): CoreExports {
  const { exports } = new WebAssembly.Instance(module, imports);
  const found = coreExports(exports);
  found.function('_initialize')?.();
  return found;
}

function coreExports(exports: Exports): CoreExports {
  return {
    memory: exports['memory'] as WebAssembly.Memory,
    reallocate: exports['cabi_realloc'] as Reallocate,
    function: (name) => {
      const value = exports[name];
      return typeof value === 'function' ? (value as CoreExport) : undefined;
    },
    all: exports,
  };
}

function notLinked({ module, name }: LinkedImport): () => never {
  return () => {
    // what runs JavaScript handlers ends them through such a function
    throw new WebAssembly.RuntimeError(
      `the handler threw an exception that it did not catch, or used what there is not ("${shortName(module)}" "${shortName(name)}")`,
    );
  };
}

/** Imports of a core module, except those that it does not ask for. */
function linkedValue(wanted: LinkedImport, host: HostFunctions, made: readonly Exports[]): unknown {
  const { what } = wanted;
  switch (what.kind) {
    case 'cut':
      return notLinked(wanted);
    case 'host':
      return host[interfaceName(what.interface)]?.[what.name];
    case 'export': {
      const [instance, name] = what.place;
      return made[instance]?.[name];
    }
  }
}

/** Instantiates the core modules of a checked composition. Their start functions run. */
export function instantiateComposition(
  { modules, instances, handler, memory }: Composition<WebAssembly.Module>,
  host: HostFunctions,
): CoreExports {
  const made: Exports[] = [];
  for (const { module: index, imports } of instances) {
    const linked = Object.create(null) as Record<string, Record<string, unknown>>;
    for (const each of imports) {
      const ofModule = (linked[each.module] ??= Object.create(null) as Record<string, unknown>);
      ofModule[each.name] = linkedValue(each, host, made);
    }
    const module = modules[index] as WebAssembly.Module;
    made.push(new WebAssembly.Instance(module, linked as HostFunctions).exports);
  }
  const [instance, name] = memory;
  return coreExports({ ...made[handler], memory: made[instance]?.[name] });
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
