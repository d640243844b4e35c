// SPDX-License-Identifier: Apache-2.0
// A program that another process has started, which can be held, let go and killed.
import { readdirSync, readFileSync } from 'node:fs';

import { until } from './polling.ts';

/** @returns undefined: it has ended */
function parentOf(pid: number): number | undefined {
  try {
    const status = readFileSync(`/proc/${pid}/stat`, 'utf8');
    const [, parent] = status.slice(status.lastIndexOf(')') + 2).split(' ');
    return Number(parent);
  } catch {
    return undefined;
  }
}

function isBelow(pid: number, ancestor: number): boolean {
  for (let each = parentOf(pid); each !== undefined && each > 1; each = parentOf(each)) {
    if (each === ancestor) return true;
  }
  return false;
}

function isCalledWith(pid: number, word: string): boolean {
  try {
    return readFileSync(`/proc/${pid}/cmdline`, 'utf8').split('\0').includes(word);
  } catch {
    return false;
  }
}

export class ChildProcess implements Disposable {
  readonly #pid: number;

  private constructor(pid: number) {
    this.#pid = pid;
  }

  /** Resolves with one below this process that has the word among its arguments, and runs Node. */
  static async of(ancestor: number, word: string): Promise<ChildProcess> {
    const pid = await until(`a child with ${word}`, () =>
      readdirSync('/proc')
        .filter((name) => /^\d+$/u.test(name))
        .map(Number)
        .find(
          (each) =>
            isCalledWith(each, word) && !isCalledWith(each, '/bin/sh') && isBelow(each, ancestor),
        ),
    );
    return new ChildProcess(pid);
  }

  hold(): void {
    process.kill(this.#pid, 'SIGSTOP');
  }

  letGo(): void {
    process.kill(this.#pid, 'SIGCONT');
  }

  kill(): void {
    process.kill(this.#pid, 'SIGKILL');
  }

  [Symbol.dispose](): void {
    try {
      this.letGo();
    } catch {
      // it has ended
    }
  }
}
