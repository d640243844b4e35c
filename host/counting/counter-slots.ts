// SPDX-License-Identifier: Apache-2.0
// In a worker: the slots of its counters, and which listeners have them. Not on a call's way.
import { noHandler, otherLabels, otherSlot, slotLayout, unnamedSlot } from './counters.ts';
import type { CallLabels, SlotName } from './counters.ts';
import { IndexPool } from './index-pool.ts';

export interface CounterSlotsParts {
  /** The worker's. */
  readonly counters: SharedArrayBuffer;
  /** Told of a slot before it is used. */
  readonly announce: (name: SlotName) => void;
  /** Told of slots that are not used any more. */
  readonly giveBack: (slots: readonly number[]) => void;
}

/** More than a container needs, however many listeners; without a limit, one could use up those of all. */
const maxOfContainer = 64;
/**
 * Of syscalls and the handlers that may answer them: a container calls what it likes, and its bundles
 * may have many handlers. And of all containers: there are not so many slots.
 */
const maxAnswersOfContainer = 256;
const maxAnswers = 8192;
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

/** The slots of one listener of a container. */
export class ContainerSlots {
  readonly #take: (labels: CallLabels, isSpare: boolean) => number | undefined;
  readonly #mayHaveAnswers: () => boolean;
  readonly #answers: Map<string, AnswerSlots> = new Map();
  /** For those that there are no more of. */
  readonly #others: AnswerSlots;
  readonly slots: number[] = [];
  /** For all that it has no slots of their own for. */
  #rest: number | undefined;

  /**
   * @param take undefined: there is none
   * @param mayHaveAnswers whether there may be one more of `AnswerSlots`; told that there is
   */
  constructor(
    take: (labels: CallLabels, isSpare: boolean) => number | undefined,
    mayHaveAnswers: () => boolean = () => true,
  ) {
    this.#take = take;
    this.#mayHaveAnswers = mayHaveAnswers;
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
    if (!this.#mayHaveAnswers()) return this.#others;
    const made = new AnswerSlots(
      (errno) => this.#ownSlot({ syscall, handler: name, bundle, status: String(errno) }),
      () => this.#restSlot(),
    );
    this.#answers.set(key, made);
    return made;
  }

  #ownSlot(labels: CallLabels): number | undefined {
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

/** Slots of a listener, or of all of a container's. */
interface Had {
  /** But those for the rest. */
  slots: number;
  answers: number;
}

interface Listener {
  readonly place: number;
  readonly slots: ContainerSlots;
  readonly had: Had;
}

export class CounterSlots {
  readonly #parts: CounterSlotsParts;
  readonly #words: BigUint64Array;
  readonly #listeners: Map<number, Listener> = new Map();
  /** By the places of containers. */
  readonly #ofPlaces: Map<number, Had> = new Map();
  #answers = 0;
  readonly #indexes = new IndexPool(otherSlot);
  /** Given back, but the main thread may not have taken yet what they have counted; oldest first. */
  readonly #givenBack: number[] = [];

  constructor(parts: CounterSlotsParts) {
    this.#parts = parts;
    this.#words = new BigUint64Array(parts.counters);
    // `unnamedSlot` is the first one, and no listener's own
    this.#indexes.take();
  }

  /**
   * @param token of the listener
   * @param place of its container
   */
  of(token: number, place: number): ContainerSlots {
    const known = this.#listeners.get(token);
    if (known !== undefined) return known.slots;
    const made: Listener = {
      place,
      slots: new ContainerSlots(
        (labels, isSpare) =>
          isSpare ? this.#takeOwn(made, token, labels) : this.#take(token, labels),
        () => this.#mayHaveAnswers(made),
      ),
      had: { slots: 0, answers: 0 },
    };
    this.#listeners.set(token, made);
    return made.slots;
  }

  /** The listener is gone: no slot of it is used from now on. */
  end(token: number): void {
    const listener = this.#listeners.get(token);
    if (listener === undefined) return;
    this.#listeners.delete(token);
    this.#count(listener, { slots: -listener.had.slots, answers: -listener.had.answers });
    const { slots } = listener.slots;
    if (slots.length === 0) return;
    for (const slot of slots) Atomics.store(this.#words, isGivenBackWord(slot), 1n);
    this.#givenBack.push(...slots);
    this.#parts.giveBack(slots);
  }

  #takeOwn(listener: Listener, token: number, labels: CallLabels): number | undefined {
    const free = this.#indexes.left + this.#givenBack.length;
    const ofContainer = this.#ofPlaces.get(listener.place)?.slots ?? 0;
    if (free <= reserve || ofContainer >= maxOfContainer) return undefined;
    const slot = this.#take(token, labels);
    if (slot !== undefined) this.#count(listener, { slots: 1, answers: 0 });
    return slot;
  }

  #mayHaveAnswers(listener: Listener): boolean {
    const ofContainer = this.#ofPlaces.get(listener.place)?.answers ?? 0;
    if (ofContainer >= maxAnswersOfContainer || this.#answers >= maxAnswers) return false;
    this.#count(listener, { slots: 0, answers: 1 });
    return true;
  }

  #count({ place, had }: Listener, more: Had): void {
    const all = this.#ofPlaces.get(place) ?? { slots: 0, answers: 0 };
    for (const counted of [had, all]) {
      counted.slots += more.slots;
      counted.answers += more.answers;
    }
    this.#answers += more.answers;
    if (all.slots + all.answers > 0) this.#ofPlaces.set(place, all);
    else this.#ofPlaces.delete(place);
  }

  #take(token: number, labels: CallLabels): number | undefined {
    const slot = this.#nextFree();
    if (slot !== undefined) this.#parts.announce({ slot, token, ...labels });
    return slot;
  }

  #nextFree(): number | undefined {
    this.#collect();
    const slot = this.#indexes.take();
    return slot < otherSlot ? slot : undefined;
  }

  /** Slots are free once the main thread has taken their counts. */
  #collect(): void {
    for (;;) {
      const [oldest] = this.#givenBack;
      if (oldest === undefined || Atomics.load(this.#words, isGivenBackWord(oldest)) !== 0n) return;
      this.#givenBack.shift();
      this.#indexes.giveBack(oldest);
    }
  }
}

function isGivenBackWord(slot: number): number {
  return slot * slotLayout.words + slotLayout.isGivenBack;
}
