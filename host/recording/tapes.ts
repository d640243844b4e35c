// SPDX-License-Identifier: Apache-2.0
// Recordings of the main thread, by container.
import { setTimeout as pause } from 'node:timers/promises';

import type { ContainerKey } from '../agent-socket/container-key.ts';
import type { TapedCall } from './recorded-call.ts';
import type { RecordedFacts } from './recorded-facts.ts';
import { decodeCall } from './recorded-call.ts';
import type { RecordedCall } from './recorded-call.ts';
import type { EndReason } from './recording-format.ts';
import { LossCounters, makeLossCounters, maxSlots } from './tape-room.ts';
import { IndexPool } from '../counting/index-pool.ts';

/** Receiver of a container's calls. */
export interface Tap {
  /** Somebody answers for the container; also when it is somebody else from now on. */
  readonly begin: (facts: RecordedFacts) => void;
  /** @param done to be called once the call takes no more room */
  readonly take: (call: RecordedCall, done: () => void) => void;
  /** Nothing comes any more. @param lost how many calls are missing */
  readonly end: (reason: EndReason, lost: number) => void;
}

/** A listener whose calls are written down. */
interface Taped {
  readonly container: ContainerKey;
  readonly slot: number;
}

interface Tapping {
  readonly container: ContainerKey;
  readonly tap: Tap;
  /** Lost calls before, by slot. */
  readonly lostBefore: Map<number, number>;
  /** Of listeners that are gone. */
  lost: number;
  /** Only what is on its way already is still waited for. */
  isLeaving: boolean;
}

/** Messages of workers arrive within milliseconds; nobody waits for a slow reader. */
const drainMs = 2000;
const lookMs = 5;

export class Tapes {
  readonly losses: SharedArrayBuffer = makeLossCounters();
  readonly #isRead: () => boolean;
  readonly #counters = new LossCounters(this.losses);
  readonly #slots = new IndexPool(maxSlots);
  readonly #taped: Map<number, Taped> = new Map();
  readonly #tappings: Set<Tapping> = new Set();
  /** The agent ends: nobody waits for calls any more. */
  #isOver = false;

  /** @param isRead whether all that workers have sent has come, and was read */
  constructor(isRead: () => boolean) {
    this.#isRead = isRead;
  }

  isTapped(container: ContainerKey): boolean {
    return this.#tappingsOf(container).some(({ isLeaving }) => !isLeaving);
  }

  /** Tells of a container from now on, whether it is there already or not. */
  add(container: ContainerKey, tap: Tap): void {
    this.#tappings.add({ container, tap, lostBefore: new Map(), lost: 0, isLeaving: false });
  }

  /** A place to count losses. */
  takeSlot(): number {
    return this.#slots.take();
  }

  /** Of a listener that never came to be one. */
  releaseSlot(slot: number): void {
    this.#slots.giveBack(slot);
  }

  /** A listener's calls are written down from now on, or by another registry. */
  begin(token: number, { container, slot }: Taped, facts: RecordedFacts): void {
    this.#taped.set(token, { container, slot });
    for (const tapping of this.#tappingsOf(container)) {
      if (!tapping.lostBefore.has(slot)) tapping.lostBefore.set(slot, this.#counters.of(slot));
      tapping.tap.begin(facts);
    }
  }

  /** A call that was answered without anybody who could write it down. */
  lose(slot: number): void {
    this.#counters.lose(slot);
  }

  take({ token, bytes }: TapedCall, done: () => void): void {
    const taped = this.#taped.get(token);
    const tappings = taped === undefined ? [] : this.#tappingsOf(taped.container);
    let users = tappings.length;
    if (users === 0) {
      done();
      return;
    }
    const call = decodeCall(bytes);
    const leave = (): void => {
      users -= 1;
      if (users === 0) done();
    };
    for (const { tap } of tappings) tap.take(call, leave);
  }

  /** A listener is gone, or is not written down any more, which used this place. */
  async end(token: number, slot: number): Promise<void> {
    if (!this.#isOver) await this.#drain();
    const taped = this.#taped.get(token);
    if (taped?.slot === slot) this.#forget(token, taped);
    this.#slots.giveBack(slot);
  }

  /** No more of its container is written down for it. */
  leave(tap: Tap): void {
    for (const tapping of this.#tappings) {
      if (tapping.tap === tap) tapping.isLeaving = true;
    }
  }

  /** A recording that has left ends once it has what was on its way. */
  async finish(tap: Tap, reason: EndReason): Promise<void> {
    await this.#drain();
    for (const tapping of this.#tappings) {
      if (tapping.tap === tap) this.#finish(tapping, reason);
    }
  }

  /** Ends all. */
  async endAll(): Promise<void> {
    if (this.#tappings.size > 0) await this.#drain();
    for (const tapping of this.#tappings) this.#finish(tapping, 'agent');
    // calls on their way have been waited for
    this.#isOver = true;
  }

  #forget(token: number, { container, slot }: Taped): void {
    this.#taped.delete(token);
    const isGone = ![...this.#taped.values()].some((other) => other.container === container);
    for (const tapping of this.#tappingsOf(container)) {
      tapping.lost += this.#lostAt(tapping, slot);
      tapping.lostBefore.delete(slot);
      if (isGone && !tapping.isLeaving) this.#finish(tapping, 'container');
    }
  }

  #tappingsOf(container: ContainerKey): readonly Tapping[] {
    return [...this.#tappings].filter((tapping) => tapping.container === container);
  }

  #lostAt({ lostBefore }: Tapping, slot: number): number {
    const before = lostBefore.get(slot);
    return before === undefined ? 0 : this.#counters.of(slot) - before;
  }

  #finish(tapping: Tapping, reason: EndReason): void {
    this.#tappings.delete(tapping);
    const rest = [...tapping.lostBefore.keys()].map((slot) => this.#lostAt(tapping, slot));
    tapping.tap.end(
      reason,
      rest.reduce((sum, lost) => sum + lost, tapping.lost),
    );
  }

  async #drain(): Promise<void> {
    const end = performance.now() + drainMs;
    while (!this.#isRead() && performance.now() < end) await pause(lookMs);
  }
}
