// SPDX-License-Identifier: Apache-2.0
// Many pods that start and stop at once, and what became of the calls that they have made.
import { readdirSync } from 'node:fs';

import type { RuntimeName } from '../container-runtime.ts';
import { until } from '../polling.ts';
import { busyboxImage } from './containerd.ts';
import type { PodNode } from './node.ts';
import type { Pod, PodContainer } from './pod.ts';

export interface CrowdOptions {
  readonly node: PodNode;
  readonly runtime: RuntimeName;
  readonly count: number;
  /** Of pods and containers, so that sandboxes have a listener, too: it adds `-POD` to folders. */
  readonly profile: string;
  /** Common prefix of their names. */
  readonly name?: string;
}

interface Member {
  readonly name: string;
  readonly pod: Pod;
  readonly container: PodContainer;
}

const folders = Array.from({ length: 10 }, (_absent, index) => `made-${index}`);
const script = `for name in ${folders.join(' ')}; do mkdir /$name; done; touch /through; exec sleep 1000`;
const patienceMs = 120_000;

/** Pods that all run. */
export class Crowd {
  readonly #members: readonly Member[];

  private constructor(members: readonly Member[]) {
    this.#members = members;
  }

  /** Asks for all at once. Resolves when all containers have made their calls. */
  static async start({ node, runtime, count, profile, ...more }: CrowdOptions): Promise<Crowd> {
    const names = Array.from(
      { length: count },
      (_absent, index) => `${more.name ?? 'pod'}-${index}`,
    );
    const starting = names.map(async (name): Promise<Member> => {
      const pod = await node.containerd.runPod({ name, runtime, profile, hostNetwork: true });
      const command = ['sh', '-c', script];
      const container = await pod.start({ name: 'c', image: busyboxImage, command, profile });
      const pid = await container.firstPid();
      const look = (): true | undefined => made(pid).includes('through') || undefined;
      await until(`the calls of ${name}`, look, patienceMs);
      return { name, pod, container };
    });
    return new Crowd(await Promise.all(starting));
  }

  /** The ids of all sandboxes and containers. */
  get ids(): readonly string[] {
    return this.#members.flatMap(({ pod, container }) => [pod.id, container.id]);
  }

  /** Missing or wrong things, pod by pod. */
  async faults(): Promise<readonly string[]> {
    const found = this.#members.map(async ({ name, container }) => {
      const expected = folders.map((folder) => `${folder}-${name}`);
      const there = made(await container.firstPid()).filter((entry) => entry.startsWith('made-'));
      const isRight = there.toSorted().join(' ') === expected.toSorted().join(' ');
      return isRight ? [] : [`${name} has ${there.join(' ')}`];
    });
    return (await Promise.all(found)).flat();
  }

  /** All at once. */
  async stop(): Promise<void> {
    await Promise.all(this.#members.map(async ({ pod }) => pod[Symbol.asyncDispose]()));
  }
}

/** Contents of the root of a process. */
function made(pid: number): readonly string[] {
  return readdirSync(`/proc/${pid}/root`);
}
