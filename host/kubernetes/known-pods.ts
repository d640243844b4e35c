// SPDX-License-Identifier: Apache-2.0
// The pods of this node as far as we know them, and who waits for one of them.
import { startDeadline } from '../scheduling/deadline.ts';
import type { Pod } from './pod.ts';

/** A kubelet has 110 by default, and large nodes have some hundreds. */
export const maxPods = 2048;

export class KnownPods {
  #pods: Map<string, Pod> = new Map();
  #byContainer: Map<string, Pod> = new Map();
  readonly #waiting: Set<() => void> = new Set();
  readonly #hearing: Set<() => void> = new Set();

  get size(): number {
    return this.#pods.size;
  }

  /** Number of waits for a pod. */
  get waiting(): number {
    return this.#waiting.size;
  }

  /**
   * By the uid that the API or a cgroup knows it by. Authors of pods may write the latter into any of
   * them: where several have it, it is nobody's.
   */
  byUid(uid: string): Pod | undefined {
    const found = this.#pods.get(uid);
    if (found !== undefined) return found;
    const named = [...this.#pods.values()].filter(({ cgroupUid }) => cgroupUid === uid);
    return named.length === 1 ? named[0] : undefined;
  }

  byContainer(containerId: string): Pod | undefined {
    return this.#byContainer.get(containerId);
  }

  /** @returns whether there is still room for it */
  set(pod: Pod): boolean {
    const before = this.#pods.get(pod.uid);
    if (before === undefined && this.#pods.size >= maxPods) return false;
    if (before !== undefined) this.#unindex(before);
    this.#pods.set(pod.uid, pod);
    this.#index(pod);
    this.tell();
    return true;
  }

  delete(uid: string): void {
    const pod = this.#pods.get(uid);
    if (pod === undefined) return;
    this.#pods.delete(uid);
    this.#unindex(pod);
  }

  /** There are no others. */
  replace(pods: readonly Pod[]): void {
    this.#pods = new Map(pods.map((pod) => [pod.uid, pod]));
    this.#byContainer = new Map();
    for (const pod of this.#pods.values()) this.#index(pod);
    this.tell();
  }

  /** Resolves when `isThere` becomes true, or when the time is over. */
  async untilThere(isThere: () => boolean, limitMs: number): Promise<void> {
    await new Promise<void>((resolve) => {
      const end = (): void => {
        clearTimeout(limit);
        this.#waiting.delete(look);
        resolve();
      };
      const look = (): void => {
        if (isThere()) end();
      };
      const limit = startDeadline(limitMs, end);
      this.#waiting.add(look);
    });
  }

  /** Calls it each time that there may be more than before. */
  onTold(hear: () => void): void {
    this.#hearing.add(hear);
  }

  /** All that wait look again. */
  tell(): void {
    for (const look of this.#waiting) look();
    for (const hear of this.#hearing) hear();
  }

  #index(pod: Pod): void {
    for (const id of pod.containers.keys()) this.#byContainer.set(id, pod);
  }

  /** Entries that belong to another pod by now stay. */
  #unindex(pod: Pod): void {
    for (const id of pod.containers.keys()) {
      if (this.#byContainer.get(id)?.uid === pod.uid) this.#byContainer.delete(id);
    }
  }
}
