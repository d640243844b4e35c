// SPDX-License-Identifier: Apache-2.0
// In a worker: gives the slots of its counters out. None of it runs for each call.
import { noHandler, otherLabels, otherSlot, slotLayout, unnamedSlot } from './counters.ts';
import type { CallLabels, SlotName } from './counters.ts';

export interface SlotBookParts {
  /** The worker's. */
  readonly counters: SharedArrayBuffer;
  /** Told of a slot before it is used. */
  readonly announce: (name: SlotName) => void;
  /** Told of slots that are not used any more. */
  readonly giveBack: (slots: readonly number[]) => void;
}

/** More than a container needs; without a limit, one could use up those of all. */
const mostOfContainer = 64;
/**
 * Of syscalls and the handlers that may answer them: a container calls what it likes, and its bundles
 * may have many handlers.
 */
const mostAnswersOfContainer = 256;
/** So many are kept for containers that have none yet: each gets one at least. */
const reserve = 1024;

/** The handler of a slot. */
export interface SlotHandler {
  readonly name: string;
  readonly bundle?: string;
}

const nobody: SlotHandler = { name: noHandler };

/** The slots for the calls of one syscall that one handler of a container answers. */
export class AnswerSlots {
  readonly #take: (errno: number) => number | undefined;
  readonly #rest: () => number;
  readonly #byErrno: Map<number, number> = new Map();
  #lastErrno = -1;
  #lastSlot: number = unnamedSlot;

  /**
   * @param take undefined: there is none
   * @param rest that of the container for all that has none
   */
  constructor(take: (errno: number) => number | undefined, rest: () => number) {
    this.#take = take;
    this.#rest = rest;
  }

  /** @param errno what the caller is told; 0: no error */
  of(errno: number): number {
    // most answers are those of the call before
    return errno === this.#lastErrno ? this.#lastSlot : this.#find(errno);
  }

  #find(errno: number): number {
    const own = this.#byErrno.get(errno) ?? this.#take(errno);
    if (own !== undefined) this.#byErrno.set(errno, own);
    this.#lastErrno = errno;
    this.#lastSlot = own ?? this.#rest();
    return this.#lastSlot;
  }
}

/** The slots of one container. */
export class ContainerSlots {
  readonly #take: (labels: CallLabels, isSpare: boolean) => number | undefined;
  readonly #answers: Map<string, AnswerSlots> = new Map();
  /** For those that there are no more of. */
  readonly #others: AnswerSlots;
  readonly slots: number[] = [];
  /** For all that it has no slots of their own for. */
  #rest: number | undefined;

  /** @param take undefined: there is none */
  constructor(take: (labels: CallLabels, isSpare: boolean) => number | undefined) {
    this.#take = take;
    this.#others = new AnswerSlots(
      () => undefined,
      () => this.#restSlot(),
    );
  }

  /**
   * The slots for the calls of a syscall that a handler answers. The caller keeps them: this is too
   * slow for every call.
   * @param handler absent for answers that no handler gave
   */
  answersOf(syscall: string, { name, bundle = '' }: SlotHandler = nobody): AnswerSlots {
    const key = JSON.stringify([syscall, name, bundle]);
    const known = this.#answers.get(key);
    if (known !== undefined) return known;
    if (this.#answers.size >= mostAnswersOfContainer) return this.#others;
    const made = new AnswerSlots(
      (errno) => this.#ownSlot({ syscall, handler: name, bundle, status: String(errno) }),
      () => this.#restSlot(),
    );
    this.#answers.set(key, made);
    return made;
  }

  #ownSlot(labels: CallLabels): number | undefined {
    if (this.slots.length >= mostOfContainer) return undefined;
    const own = this.#take(labels, true);
    if (own !== undefined) this.slots.push(own);
    return own;
  }

  #restSlot(): number {
    if (this.#rest !== undefined) return this.#rest;
    const taken = this.#take(otherLabels, false);
    if (taken !== undefined) this.slots.push(taken);
    this.#rest = taken ?? otherSlot;
    return this.#rest;
  }
}

export class SlotBook {
  readonly #parts: SlotBookParts;
  readonly #words: BigUint64Array;
  readonly #containers: Map<number, ContainerSlots> = new Map();
  /** Given back; the main thread may not have taken yet what the first of them have counted. */
  readonly #givenBack: number[] = [];
  #next = unnamedSlot + 1;

  constructor(parts: SlotBookParts) {
    this.#parts = parts;
    this.#words = new BigUint64Array(parts.counters);
  }

  /** @param token of the container's listener */
  of(token: number): ContainerSlots {
    const known = this.#containers.get(token);
    if (known !== undefined) return known;
    const made = new ContainerSlots((labels, isSpare) => this.#take(token, labels, isSpare));
    this.#containers.set(token, made);
    return made;
  }

  /** The container is gone: no slot of it is used from now on. */
  end(token: number): void {
    const slots = this.#containers.get(token)?.slots ?? [];
    this.#containers.delete(token);
    if (slots.length === 0) return;
    for (const slot of slots) Atomics.store(this.#words, isGivenBackWord(slot), 1n);
    this.#givenBack.push(...slots);
    this.#parts.giveBack(slots);
  }

  #take(token: number, labels: CallLabels, isSpare: boolean): number | undefined {
    const free = otherSlot - this.#next + this.#givenBack.length;
    if (isSpare && free <= reserve) return undefined;
    const slot = this.#nextFree();
    if (slot !== undefined) this.#parts.announce({ slot, token, ...labels });
    return slot;
  }

  /** Those that were used before come first: their memory is there. */
  #nextFree(): number | undefined {
    const [oldest] = this.#givenBack;
    if (oldest !== undefined && Atomics.load(this.#words, isGivenBackWord(oldest)) === 0n) {
      return this.#givenBack.shift();
    }
    if (this.#next >= otherSlot) return undefined;
    this.#next += 1;
    return this.#next - 1;
  }
}

function isGivenBackWord(slot: number): number {
  return slot * slotLayout.words + slotLayout.isGivenBack;
}
