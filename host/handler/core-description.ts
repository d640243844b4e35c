// SPDX-License-Identifier: Apache-2.0
// Imports and exports of a core module.

/**
 * A core function's type: parameters and results as letters, `i` i32, `I` i64, `f` f32, `F` f64,
 * `?` anything else; `ii:i` takes two i32 and returns one.
 */
export type CoreSignature = string;

/** Kinds of values that core modules share. */
export type CoreKind = 'function' | 'table' | 'memory' | 'global';

export interface CoreImport {
  readonly module: string;
  readonly name: string;
  readonly kind: CoreKind;
  /** Of a function; empty for the others. */
  readonly signature: CoreSignature;
}

export interface CoreModuleDescription {
  readonly imports: readonly CoreImport[];
  readonly functionExports: ReadonlyMap<string, CoreSignature>;
  readonly memoryExports: readonly string[];
  /** All of them. */
  readonly exports: ReadonlyMap<string, CoreKind>;
  /** Number of memories of its own. */
  readonly memories: number;
}
