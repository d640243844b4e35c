// SPDX-License-Identifier: Apache-2.0
// Finds a container's first process where a runtime does not say it (crun exec sends 0).
import type { ContainerProcessState } from './container-process-state.ts';

/** Remembers first processes by container, as long as any listener of the container lives. */
export class FirstPids {
  readonly #known: Map<string, { pid: number; users: number }> = new Map();

  /** Notes one more listener of a container; undefined: nobody has said it. */
  enter({ containerId, containerPid }: ContainerProcessState): number | undefined {
    const known = this.#known.get(containerId);
    // a container of the same name may have been made anew
    const pid = containerPid === 0 ? (known?.pid ?? 0) : containerPid;
    this.#known.set(containerId, { pid, users: (known?.users ?? 0) + 1 });
    return pid === 0 ? undefined : pid;
  }

  /** One listener of the container has ended. */
  leave(containerId: string): void {
    const known = this.#known.get(containerId);
    if (known === undefined) return;
    if (known.users <= 1) this.#known.delete(containerId);
    else known.users -= 1;
  }
}
