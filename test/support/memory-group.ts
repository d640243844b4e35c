// SPDX-License-Identifier: Apache-2.0
// A memory cgroup of version 1 of its own for a process, which says what that one takes.
import { randomUUID } from 'node:crypto';
import { mkdirSync, readFileSync, rmdirSync, writeFileSync } from 'node:fs';

import { systemCodeOf } from '../../host/errors.ts';

const patienceMs = 10_000;

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

  /** Nobody is in there any more, or soon: what an agent has started ends after it. */
  [Symbol.dispose](): void {
    const moment = new Int32Array(new SharedArrayBuffer(Int32Array.BYTES_PER_ELEMENT));
    for (const until = Date.now() + patienceMs; ; Atomics.wait(moment, 0, 0, 50)) {
      try {
        rmdirSync(this.#folder);
        return;
      } catch (thrown) {
        if (systemCodeOf(thrown) !== 'EBUSY' || Date.now() > until) throw thrown;
      }
    }
  }

  #read(name: string): number {
    return Number(readFileSync(`${this.#folder}/${name}`, 'utf8'));
  }
}
