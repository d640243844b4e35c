// SPDX-License-Identifier: Apache-2.0
// A cgroup with a limit of tasks, of whichever version this machine has.
import { randomUUID } from 'node:crypto';
import { existsSync, mkdirSync, readFileSync, rmdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';

const version1 = '/sys/fs/cgroup/pids';
const version2 = '/sys/fs/cgroup';

/** Holds a process with all its threads, until it has ended or is moved back. */
export class PidsCgroup implements Disposable {
  readonly #parent: string;
  readonly #folder: string;

  constructor(pid: number) {
    const isFirst = existsSync(version1);
    if (!isFirst) writeFileSync(join(version2, 'cgroup.subtree_control'), '+pids');
    this.#parent = isFirst ? version1 : version2;
    this.#folder = join(this.#parent, `seccompagent-test-${randomUUID()}`);
    mkdirSync(this.#folder);
    writeFileSync(join(this.#folder, 'cgroup.procs'), String(pid));
  }

  /** It may have so many tasks more, or fewer than it has. */
  leave(count: number): void {
    const current = Number(readFileSync(join(this.#folder, 'pids.current'), 'utf8'));
    writeFileSync(join(this.#folder, 'pids.max'), String(current + count));
  }

  leaveMany(): void {
    writeFileSync(join(this.#folder, 'pids.max'), 'max');
  }

  [Symbol.dispose](): void {
    const pids = readFileSync(join(this.#folder, 'cgroup.procs'), 'utf8').split('\n');
    for (const pid of pids.filter((text) => text !== '')) {
      writeFileSync(join(this.#parent, 'cgroup.procs'), pid);
    }
    rmdirSync(this.#folder);
  }
}
