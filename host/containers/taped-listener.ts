// SPDX-License-Identifier: Apache-2.0
// The calls of one listener that are written down, for recordings and for its shadow.
import type { ContainerKey } from '../agent-socket/container-key.ts';
import { factsOf } from '../recording/recorded-facts.ts';
import type { Answering } from '../recording/recorded-facts.ts';
import type { Tapes } from '../recording/tapes.ts';
import type { Shadows } from '../replay/shadows.ts';
import type { Shadow } from '../resolvers/resolver.ts';

export interface TapedListenerParts {
  readonly tapes: Tapes;
  readonly shadows: Shadows;
}

export interface TapedContainer extends Answering {
  readonly shadow: Shadow | undefined;
  readonly tapeSlot?: number | undefined;
}

export class TapedListener implements Disposable {
  readonly #parts: TapedListenerParts;
  readonly #container: ContainerKey;
  /** Undefined: it is not attached yet. */
  #token: number | undefined;
  #slot: number | undefined;

  constructor(parts: TapedListenerParts, container: ContainerKey) {
    this.#parts = parts;
    this.#container = container;
  }

  /** Slot for losses of its calls; undefined: nobody wants its calls. */
  slotFor(shadow: Shadow | undefined): number | undefined {
    const { tapes, shadows } = this.#parts;
    const isWanted = tapes.isTapped(this.#container) || shadows.isAsked(this.#token, shadow);
    if (isWanted) this.#slot ??= tapes.takeSlot();
    else void this.#leaveSlot();
    return this.#slot;
  }

  /** Its calls are handled by this registry from now on. */
  begin(token: number, attached: TapedContainer): void {
    this.#token = token;
    const { tapes, shadows } = this.#parts;
    const { shadow, tapeSlot } = attached;
    if (shadow?.kind !== 'resolved') shadows.end(token);
    if (tapeSlot === undefined) return;
    const taped = { container: this.#container, slot: tapeSlot };
    if (shadow?.kind === 'resolved') shadows.begin(token, taped, shadow);
    tapes.begin(token, taped, factsOf(attached));
  }

  [Symbol.dispose](): void {
    void this.#end();
  }

  async #end(): Promise<void> {
    const token = this.#token;
    const left = this.#leaveSlot();
    // the shadow is still asked about calls that are on their way
    if (left !== undefined) await left;
    if (token !== undefined) this.#parts.shadows.end(token);
  }

  /** @returns once its last calls have come; undefined: none are on their way */
  #leaveSlot(): Promise<void> | undefined {
    const slot = this.#slot;
    this.#slot = undefined;
    if (slot === undefined) return undefined;
    const { tapes } = this.#parts;
    if (this.#token !== undefined) return tapes.end(this.#token, slot);
    tapes.releaseSlot(slot);
    return undefined;
  }
}
