// SPDX-License-Identifier: Apache-2.0
// The kernel's protections of folders that many users write to, see proc_sys_fs(5).
import { readFileSync, writeFileSync } from 'node:fs';

const files = ['protected_regular', 'protected_fifos'].map((name) => `/proc/sys/fs/${name}`);

/** Sets both of the whole system until it is disposed of. */
export class SystemProtections implements Disposable {
  readonly #before: readonly string[];

  constructor(level: number) {
    this.#before = files.map((file) => readFileSync(file, 'utf8'));
    for (const file of files) writeFileSync(file, String(level));
  }

  [Symbol.dispose](): void {
    for (const [index, file] of files.entries()) writeFileSync(file, this.#before[index] ?? '0');
  }
}
