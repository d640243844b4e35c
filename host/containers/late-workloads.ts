// SPDX-License-Identifier: Apache-2.0
// Containers that were attached before all was known of their workloads: they are resolved again later.
import { failureFields } from '../errors.ts';
import type { ContainerIdentity } from '../resolvers/resolver.ts';
import { shownContainer } from '../registry/shown-container.ts';
import { believedWorkload, isSameWorkload } from '../agent-socket/workload.ts';
import type { Workload } from '../agent-socket/workload.ts';
import type { Attached } from './attached.ts';
import { resolveLate } from './reloading.ts';
import type { ResolvingParts } from './reloading.ts';

/** Pods come in crowds, and change all the time. */
const gatherMs = 100;

export class LateWorkloads implements Disposable {
  readonly #parts: ResolvingParts;
  /** Workloads as they were known last, by the tokens of listeners. */
  readonly #lacking: Map<number, Workload> = new Map();
  #looking: NodeJS.Timeout | undefined;

  constructor(parts: ResolvingParts) {
    this.#parts = parts;
    parts.attachments.resolver.kubernetes?.onLearned(() => {
      this.#lookSoon();
    });
  }

  /** A listener was attached. */
  enter(token: number, { identity }: Attached): Disposable {
    if (this.#lacks(identity)) this.#lacking.set(token, this.#workloadOf(identity));
    return {
      [Symbol.dispose]: () => {
        this.#lacking.delete(token);
      },
    };
  }

  [Symbol.dispose](): void {
    clearTimeout(this.#looking);
    this.#lacking.clear();
  }

  #lookSoon(): void {
    if (this.#lacking.size === 0) return;
    this.#looking ??= setTimeout(() => {
      this.#looking = undefined;
      this.#look();
    }, gatherMs).unref();
  }

  #look(): void {
    for (const [token, before] of this.#lacking) {
      const attached = this.#parts.containers.get(token);
      if (attached === undefined) continue;
      const workload = this.#workloadOf(attached.identity);
      if (isSameWorkload(workload, before)) continue;
      if (this.#lacks(attached.identity)) this.#lacking.set(token, workload);
      else this.#lacking.delete(token);
      this.#parts.lines.tell(
        attached.identity,
        'container-resolving-again',
        shownContainer({ ...attached.registry, workload }, attached.identity),
      );
      void this.#resolve(token, attached.identity);
    }
  }

  async #resolve(token: number, identity: ContainerIdentity): Promise<void> {
    const { containers, turns, lines } = this.#parts;
    try {
      await turns.take(identity, () => {
        const attached = containers.get(token);
        if (attached !== undefined) resolveLate(this.#parts, token, attached);
      });
    } catch (thrown) {
      const shown = shownContainer(identity.state, identity);
      const fields = { ...shown, ...failureFields(thrown) };
      lines.tell(identity, 'container-not-resolved-again', fields);
    }
  }

  #workloadOf(identity: ContainerIdentity): Workload {
    return this.#parts.attachments.resolver.workloadOf?.(identity) ?? believedWorkload(identity);
  }

  #lacks(identity: ContainerIdentity): boolean {
    return this.#parts.attachments.resolver.kubernetes?.lacks(identity) ?? false;
  }
}
