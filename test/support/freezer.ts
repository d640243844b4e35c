// SPDX-License-Identifier: Apache-2.0
// A cgroup whose processes can be frozen, of whichever version this machine has.
import { randomUUID } from 'node:crypto';
import { existsSync, mkdirSync, readFileSync, rmdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';

import { RunningCommand } from './command.ts';
import { until } from './polling.ts';

const version1 = '/sys/fs/cgroup/freezer';
/** Of version 2: alone, and beside version 1. */
const version2 = ['/sys/fs/cgroup', '/sys/fs/cgroup/unified'] as const;

interface Hierarchy {
  readonly folder: string;
  /** The file, and what is written to it. */
  readonly control: string;
  readonly frozen: string;
  readonly thawed: string;
}

function findHierarchy(): Hierarchy {
  if (existsSync(join(version1, 'tasks'))) {
    return { folder: version1, control: 'freezer.state', frozen: 'FROZEN', thawed: 'THAWED' };
  }
  const folder = version2.find((path) => existsSync(join(path, 'cgroup.procs')));
  if (folder === undefined) throw new Error('no cgroup hierarchy is mounted in /sys/fs/cgroup');
  return { folder, control: 'cgroup.freeze', frozen: '1', thawed: '0' };
}

/** Writes what it reads, and thaws when we are gone: what stays frozen can't even be killed. */
const script = 'trap "" INT TERM; while read -r word; do echo "$word" >"$0"; done; echo "$1" >"$0"';

export class Freezer implements AsyncDisposable {
  readonly #hierarchy = findHierarchy();
  readonly #folder: string;
  readonly #writer: RunningCommand;

  constructor() {
    const { folder, control, thawed } = this.#hierarchy;
    this.#folder = join(folder, `seccompagent-test-${randomUUID()}`);
    mkdirSync(this.#folder);
    this.#writer = new RunningCommand(['sh', '-c', script, join(this.#folder, control), thawed], {
      deadlineMs: 100_000,
    });
  }

  /** Takes a process and all its threads. */
  take(pid: number): void {
    writeFileSync(join(this.#folder, 'cgroup.procs'), String(pid));
  }

  /** Resolves once everything in it stands still. */
  async freeze(): Promise<void> {
    this.#writer.write(`${this.#hierarchy.frozen}\n`);
    await until('the cgroup to be frozen', () => this.#isFrozen() || undefined);
  }

  thaw(): void {
    this.#writer.write(`${this.#hierarchy.thawed}\n`);
  }

  #isFrozen(): boolean {
    const { control, frozen } = this.#hierarchy;
    if (control === 'freezer.state') {
      return readFileSync(join(this.#folder, control), 'utf8').trim() === frozen;
    }
    return /^frozen 1$/mu.test(readFileSync(join(this.#folder, 'cgroup.events'), 'utf8'));
  }

  /** Its processes must have ended. */
  async [Symbol.asyncDispose](): Promise<void> {
    this.#writer.endInput();
    await this.#writer.ended;
    await until('the cgroup to be empty', () => {
      if (readFileSync(join(this.#folder, 'cgroup.procs'), 'utf8') !== '') return undefined;
      rmdirSync(this.#folder);
      return true;
    });
  }
}
