// SPDX-License-Identifier: Apache-2.0
// Cgroups as a kubelet makes them, for containers of runc.
import { randomUUID } from 'node:crypto';
import { existsSync, readdirSync, rmdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';

const mounted = '/sys/fs/cgroup';

/** Removes a cgroup with those in it. */
function remove(path: string): void {
  for (const entry of readdirSync(path, { withFileTypes: true })) {
    if (entry.isDirectory()) remove(join(path, entry.name));
  }
  rmdirSync(path);
}

export class PodCgroups implements Disposable {
  readonly #root = `seccompagent-test-${randomUUID()}`;

  /** The `linux.cgroupsPath` of a container in a pod. */
  pathOf(podUid: string, containerId: string): string {
    return `/${this.#root}/kubepods/burstable/pod${podUid}/${containerId}`;
  }

  /** Lets a container go on. */
  thaw(podUid: string, containerId: string): void {
    const path = this.pathOf(podUid, containerId);
    const version1 = join(mounted, 'freezer', path, 'freezer.state');
    if (existsSync(version1)) writeFileSync(version1, 'THAWED');
    const version2 = join(mounted, path, 'cgroup.freeze');
    if (existsSync(version2)) writeFileSync(version2, '0');
  }

  [Symbol.dispose](): void {
    // of version 2 there is one folder, of version 1 one for each hierarchy
    for (const hierarchy of ['', ...readdirSync(mounted)]) {
      const path = join(mounted, hierarchy, this.#root);
      if (existsSync(path)) remove(path);
    }
  }
}
