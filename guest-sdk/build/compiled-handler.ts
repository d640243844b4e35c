// SPDX-License-Identifier: Apache-2.0
// The core module that a language makes of a handler's source, by the contract.

import { describeCoreModule } from '../../host/handler/core-module.ts';
import { BuildError } from './build-error.ts';
import { type Signature, signatures } from './signature.ts';

/** A handler's source. */
export interface HandlerSources {
  /** The folder that it is in. */
  readonly directory: string;
  /** The same, as messages shall name it. */
  readonly displayDirectory: string;
  /** The folder of the bundle: of the author's files, only those in there are read. */
  readonly root: string;
}

export interface CompiledHandler {
  readonly core: Uint8Array;
  /** Its exports, in the order of the syscall table. */
  readonly exports: readonly Signature[];
  readonly stringEncoding: 'utf8' | 'utf16';
  /** Warnings of the compiler, one per line. */
  readonly warnings: readonly string[];
}

/** Pages of 64 KB; the host may set a lower maximum. */
export const MAXIMUM_PAGES = 256;

/** Answers of a linked module. Throws BuildError: there are none. */
export function coreExports(core: Uint8Array, place: string): readonly Signature[] {
  const { functionExports } = describeCoreModule(core);
  const exports = [...signatures().values()].filter(({ name }) => functionExports.has(name));
  if (exports.every(({ name }) => name === 'configure')) {
    throw new BuildError(`${place} answers no call: export one or more functions`);
  }
  return exports;
}

/** The lines that are not empty. */
export function linesOf(text: string): readonly string[] {
  return text.split('\n').filter((line) => line.trim() !== '');
}
