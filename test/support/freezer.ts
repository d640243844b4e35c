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

export interface FreezerHierarchy {
  readonly name: 'version 1' | 'version 2';
  readonly folder: string;
  /** The file, and what is written to it. */
  readonly control: string;
  readonly frozen: string;
  readonly thawed: string;
}

function findHierarchies(): readonly FreezerHierarchy[] {
  const found: FreezerHierarchy[] = [];
  if (existsSync(join(version1, 'tasks'))) {
    const words = { control: 'freezer.state', frozen: 'FROZEN', thawed: 'THAWED' };
    found.push({ name: 'version 1', folder: version1, ...words });
  }
  const folder = version2.find((path) => existsSync(join(path, 'cgroup.controllers')));
  if (folder !== undefined) {
    const words = { control: 'cgroup.freeze', frozen: '1', thawed: '0' };
    found.push({ name: 'version 2', folder, ...words });
  }
  return found;
}

/** What this machine has; runtimes take the first one. */
export const freezerHierarchies: readonly FreezerHierarchy[] = findHierarchies();

function firstHierarchy(): FreezerHierarchy {
  const [first] = freezerHierarchies;
  if (first === undefined) throw new Error('no cgroup hierarchy is mounted in /sys/fs/cgroup');
  return first;
}

/** Writes what it reads, and thaws when we are gone: what stays frozen can't even be killed. */
const script = 'trap "" INT TERM; while read -r word; do echo "$word" >"$0"; done; echo "$1" >"$0"';

export class Freezer implements AsyncDisposable {
  readonly #hierarchy: FreezerHierarchy;
  readonly #folder: string;
  readonly #writer: RunningCommand;

  constructor(hierarchy: FreezerHierarchy = firstHierarchy()) {
    this.#hierarchy = hierarchy;
    const { folder, control, thawed } = hierarchy;
    this.#folder = join(folder, `seccompagent-test-${randomUUID()}`);
    mkdirSync(this.#folder);
    this.#writer = new RunningCommand(['sh', '-c', script, join(this.#folder, control), thawed], {
      deadlineMs: 100_000,
    });
  }

  /** Who writes its pid to this file takes all its threads along. */
  get members(): string {
    return join(this.#folder, 'cgroup.procs');
  }

  /** Takes a process and all its threads. */
  take(pid: number): void {
    writeFileSync(this.members, String(pid));
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
      if (readFileSync(this.members, 'utf8') !== '') return undefined;
      rmdirSync(this.#folder);
      return true;
    });
  }
}
