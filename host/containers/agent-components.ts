// SPDX-License-Identifier: Apache-2.0
// Components of all containers; the workers and the resolver forget those that no container has any more.
import type { CodeSize } from '../bundles/code-room.ts';
import { useEveryMs } from '../bundles/oci/store-room.ts';
import type { Pool } from '../worker/pool.ts';
import type { Attachments } from './attachments.ts';
import type { UsedComponents } from './used-components.ts';

export interface AgentComponentsParts {
  readonly used: UsedComponents;
  readonly attachments: Attachments;
  readonly pool: () => Pool | undefined;
}

/** No call takes so long. */
const forgetAfterMs = 120_000;

export class AgentComponents implements Disposable {
  readonly #parts: AgentComponentsParts;
  #timer: NodeJS.Timeout | undefined;
  readonly #inUse: NodeJS.Timeout;

  constructor(parts: AgentComponentsParts) {
    this.#parts = parts;
    this.#inUse = setInterval(() => {
      parts.attachments.resolver.noteUse?.();
    }, useEveryMs).unref();
  }

  /** Components of containers, of shadows and of workers. */
  all(): readonly CodeSize[] {
    const { used, pool } = this.#parts;
    return [...used.all(), ...(pool()?.components ?? [])];
  }

  /** Components of one owner's containers, and of those that have ended, as long as workers have them. */
  of(owner: string): readonly CodeSize[] {
    const { used } = this.#parts;
    return [...used.of(owner), ...used.leftOf(owner, this.#heldIds)];
  }

  /** Forgets at once, where containers have ended and so nobody waits for their calls. */
  forgetNow(): void {
    const { attachments, used, pool } = this.#parts;
    if (attachments.settledForMs < forgetAfterMs) return;
    used.keepLeft(this.#heldIds);
    pool()?.keepOnly(used.ids());
  }

  /**
   * Calls that were begun before may still need components that no registry has any more: so a
   * component has to be without a container twice.
   * @param before components that containers had, so that others wait for the next time
   */
  forgetLater(before?: ReadonlySet<string>): void {
    if (this.#timer !== undefined) return;
    const { attachments, used, pool } = this.#parts;
    const had = before ?? new Set(pool()?.sharedIds);
    this.#timer = setTimeout(() => {
      this.#timer = undefined;
      const ids = used.ids();
      used.keepLeft(this.#heldIds);
      pool()?.keepOnly(new Set([...had, ...ids]));
      attachments.resolver.forgetUnused?.(forgetAfterMs);
      const isLeft = pool()?.sharedIds.some((id) => !ids.has(id)) === true;
      if (isLeft) this.forgetLater(ids);
    }, forgetAfterMs).unref();
  }

  get #heldIds(): ReadonlySet<string> {
    return this.#parts.pool()?.heldIds ?? new Set();
  }

  [Symbol.dispose](): void {
    clearTimeout(this.#timer);
    clearInterval(this.#inUse);
  }
}
