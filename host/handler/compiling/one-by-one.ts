// SPDX-License-Identifier: Apache-2.0
// V8 compiles functions of WebAssembly in threads of its own, several at once: what each takes of
// memory was found out for one at a time.
import { setFlagsFromString } from 'node:v8';

/** For the whole process, its workers too. */
export function compileOneByOne(): void {
  setFlagsFromString('--wasm-num-compilation-tasks=1');
}
