// SPDX-License-Identifier: Apache-2.0
// The part of the WebAssembly JavaScript interface that this project uses; neither TypeScript's
// `es2023` nor Node's types have it.

declare namespace WebAssembly {
  type ImportValue = (...values: never[]) => number | bigint | undefined | void;
  type ExportValue = unknown;

  interface Module {
    readonly [Symbol.toStringTag]: 'WebAssembly.Module';
  }
  const Module: new (bytes: Uint8Array) => Module;

  class Instance {
    constructor(module: Module, imports: Record<string, Record<string, ImportValue>>);
    readonly exports: Readonly<Record<string, ExportValue>>;
  }

  class Memory {
    constructor(size: { readonly initial: number; readonly maximum: number });
    readonly buffer: ArrayBuffer;
  }

  class RuntimeError extends Error {}

  class CompileError extends Error {}
}
