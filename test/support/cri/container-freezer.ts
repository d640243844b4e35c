// SPDX-License-Identifier: Apache-2.0
// Whether somebody has frozen a container, and the end of that.
import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';

const version1 = '/sys/fs/cgroup/freezer';
/** Of version 2: alone, and beside version 1. */
const version2 = ['/sys/fs/cgroup', '/sys/fs/cgroup/unified'] as const;

export class ContainerFreezer {
  readonly #folder: string;
  readonly #isVersion1: boolean;

  /** @param pid of a process of the container */
  constructor(pid: number) {
    const lines = readFileSync(`/proc/${pid}/cgroup`, 'utf8');
    const freezer = /^\d+:freezer:(?<path>.*)$/mu.exec(lines)?.groups?.['path'];
    const unified = /^0::(?<path>.*)$/mu.exec(lines)?.groups?.['path'];
    this.#isVersion1 = freezer !== undefined;
    const path = freezer ?? unified ?? '/';
    if (path === '/') throw new Error(`process ${pid} has no cgroup of its own: ${lines}`);
    const mounts = this.#isVersion1 ? [version1] : version2;
    const folder = mounts.map((mount) => join(mount, path)).find((found) => existsSync(found));
    if (folder === undefined) throw new Error(`there is no ${path}`);
    this.#folder = folder;
  }

  get isFrozen(): boolean {
    if (this.#isVersion1) return this.#read('freezer.state') === 'FROZEN\n';
    return /^frozen 1$/mu.test(this.#read('cgroup.events'));
  }

  thaw(): void {
    const [file, word] = this.#isVersion1 ? ['freezer.state', 'THAWED'] : ['cgroup.freeze', '0'];
    writeFileSync(join(this.#folder, file), word);
  }

  #read(file: string): string {
    return readFileSync(join(this.#folder, file), 'utf8');
  }
}
