// SPDX-License-Identifier: Apache-2.0
// A cgroup with a limit of memory, of whichever version this machine has.
import { randomUUID } from 'node:crypto';
import { existsSync, mkdirSync, readFileSync, rmdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';

import { systemCodeOf } from '../../host/errors.ts';

const version1 = '/sys/fs/cgroup/memory';
const version2 = '/sys/fs/cgroup';

const patienceMs = 10_000;
const moment = new Int32Array(new SharedArrayBuffer(4));

export class MemoryCgroup implements Disposable {
  readonly #folder: string;
  /** Version 1 tells apart what the kernel can take back. */
  static readonly isFirst: boolean = existsSync(version1);
  readonly #isFirst = MemoryCgroup.isFirst;

  constructor(bytes: number) {
    if (!this.#isFirst) writeFileSync(join(version2, 'cgroup.subtree_control'), '+memory');
    const parent = this.#isFirst ? version1 : version2;
    this.#folder = join(parent, `seccompagent-test-${randomUUID()}`);
    mkdirSync(this.#folder);
    this.#write(this.#isFirst ? 'memory.limit_in_bytes' : 'memory.max', bytes);
  }

  #write(name: string, value: number): void {
    writeFileSync(join(this.#folder, name), String(value));
  }

  /** A command that runs, in the cgroup, its last arguments. */
  get wrapper(): readonly string[] {
    const enter = 'echo $$ >"$0" && exec "$@"';
    return ['sh', '-c', enter, join(this.#folder, 'cgroup.procs')];
  }

  /** Bytes of its processes, with those of the kernel for them. */
  get usedBytes(): number {
    const name = this.#isFirst ? 'memory.usage_in_bytes' : 'memory.current';
    return Number(readFileSync(join(this.#folder, name), 'utf8'));
  }

  /** The same of any cgroup, by its path in the hierarchy. */
  static used(path: string): number {
    const file = MemoryCgroup.isFirst
      ? join(version1, path, 'memory.usage_in_bytes')
      : join(version2, path, 'memory.current');
    return Number(readFileSync(file, 'utf8'));
  }

  /** The most that its processes have had at a time. */
  get peakBytes(): number {
    const name = this.#isFirst ? 'memory.max_usage_in_bytes' : 'memory.peak';
    return Number(readFileSync(join(this.#folder, name), 'utf8'));
  }

  [Symbol.dispose](): void {
    // what was killed is still there for a moment, as is what an agent has started
    for (const until = Date.now() + patienceMs; ; Atomics.wait(moment, 0, 0, 50)) {
      try {
        rmdirSync(this.#folder);
        return;
      } catch (thrown) {
        if (systemCodeOf(thrown) !== 'EBUSY' || Date.now() > until) throw thrown;
      }
    }
  }
}
