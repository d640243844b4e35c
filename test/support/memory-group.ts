// SPDX-License-Identifier: Apache-2.0
// A memory cgroup of version 1 of its own for a process, which says what that one takes.
import { randomUUID } from 'node:crypto';
import { mkdirSync, readFileSync, rmdirSync, writeFileSync } from 'node:fs';

export class MemoryGroup implements Disposable {
  readonly #folder = `/sys/fs/cgroup/memory/seccompagent-test-${randomUUID()}`;

  /** @param limit in bytes */
  constructor(limit: number) {
    mkdirSync(this.#folder);
    writeFileSync(`${this.#folder}/memory.limit_in_bytes`, String(limit));
  }

  /** What a command starts with that is to run in there. */
  get wrapper(): readonly string[] {
    return ['sh', '-c', `echo $$ >${this.#folder}/cgroup.procs && exec "$@"`, 'sh'];
  }

  /** In bytes, with what the kernel takes for it. */
  usage(): number {
    return this.#read('memory.usage_in_bytes');
  }

  /** The highest so far. */
  peak(): number {
    return this.#read('memory.max_usage_in_bytes');
  }

  /** Nobody is in there any more. */
  [Symbol.dispose](): void {
    rmdirSync(this.#folder);
  }

  #read(name: string): number {
    return Number(readFileSync(`${this.#folder}/${name}`, 'utf8'));
  }
}
