// SPDX-License-Identifier: Apache-2.0
// In the main thread: reads what one worker has decided.
import { errnoNameOf } from '../syscalls/errno.ts';
import { arches } from '../native.ts';
import type { Syscalls } from '../syscalls/syscalls.ts';
import { ArgumentReader } from './argument-bytes.ts';
import type { ShownAnswer, ShownDecision, WatchedContainer } from './decision.ts';
import {
  actNames,
  archShift,
  cell,
  errnoShift,
  failureReasons,
  failureShift,
  header,
  lostPlaces,
  monotonicMs,
  outcome,
  RingView,
  skipped,
} from './decision-layout.ts';
import type { ActName, DecisionFailure } from './decision-layout.ts';

const outcomeMask = (1 << errnoShift) - 1;
const errnoMask = (1 << (failureShift - errnoShift)) - 1;
const actMask = (1 << archShift) - 1;
const idShift = 32n;

export interface DecisionReaderParts {
  readonly ring: SharedArrayBuffer;
  readonly syscalls: Syscalls;
  /** Undefined: one that nobody remembers. */
  readonly container: (watch: number) => WatchedContainer | undefined;
}

/** Decisions that there was no room for. */
export interface LostDecisions {
  readonly container: WatchedContainer;
  readonly count: number;
}

/** Outcome of a call that was ended in place of its worker. */
export interface Ending {
  readonly answer: ShownAnswer;
  readonly failure: DecisionFailure;
  /** The handler's place in the registry; -1: none. */
  readonly handler: number;
}

export class DecisionReader {
  readonly #parts: DecisionReaderParts;
  readonly #view: RingView;
  readonly #arguments = new ArgumentReader();
  #tail: number;
  #lostBefore = 0;
  /** From the clock of decisions to that of people, which may be set. */
  #clockBehind = 0;

  constructor(parts: DecisionReaderParts) {
    this.#parts = parts;
    this.#view = new RingView(parts.ring);
    this.#tail = Atomics.load(this.#view.words, header.tail);
  }

  get isEmpty(): boolean {
    return Atomics.load(this.#view.words, header.head) === this.#tail;
  }

  /** Number of decisions lost since the last call. */
  takeLost(): number {
    const lost = Atomics.load(this.#view.words, header.lost);
    const since = (lost - this.#lostBefore) | 0;
    this.#lostBefore = lost;
    return since;
  }

  /** Of those, the containers that are known. */
  takeLostBy(): readonly LostDecisions[] {
    const { words } = this.#view;
    const lost: LostDecisions[] = [];
    for (let at = header.lostBy; at < header.lostBy + 2 * lostPlaces; at += 2) {
      // the worker gives the place to another container only once this is 0
      if (Atomics.load(words, at + 1) === 0) continue;
      const container = this.#parts.container(Atomics.load(words, at));
      const count = Atomics.exchange(words, at + 1, 0);
      if (container !== undefined) lost.push({ container, count });
    }
    return lost;
  }

  /** At most so many. */
  read(max: number): readonly ShownDecision[] {
    const { words } = this.#view;
    const head = Atomics.load(words, header.head);
    const decisions: ShownDecision[] = [];
    this.#clockBehind = Date.now() - monotonicMs();
    while (head !== this.#tail && decisions.length < max) {
      const start = this.#view.start(this.#tail);
      const count = words[start + cell.count] ?? 0;
      const decision = count < skipped ? this.#decision(start, count) : undefined;
      this.#tail = (this.#tail + (count % skipped)) | 0;
      Atomics.store(words, header.tail, this.#tail);
      if (decision !== undefined) decisions.push(decision);
    }
    return decisions;
  }

  /** The call that the worker was at when it was ended; undefined: it was at none. */
  takeCurrent(ending: Ending): ShownDecision | undefined {
    const watch = Atomics.exchange(this.#view.words, header.current + cell.watch, 0);
    if (watch === 0) return undefined;
    this.#clockBehind = Date.now() - monotonicMs();
    const begun = this.#begun(header.current, watch);
    if (begun === undefined) return undefined;
    const { answer, failure, handler } = ending;
    return {
      ...begun,
      handler: begun.container.handlers[handler],
      answer,
      failure,
      delayMs: 0,
      acts: this.#acts(header.current),
      microseconds: Math.max(0, Math.round((Date.now() - begun.at) * 1000)),
      ...this.#heldArguments(),
    };
  }

  #decision(start: number, count: number): ShownDecision | undefined {
    const { words } = this.#view;
    const begun = this.#begun(start, words[start + cell.watch] ?? 0);
    if (begun === undefined) return undefined;
    const failure = (words[start + cell.outcome] ?? 0) >>> failureShift;
    return {
      ...begun,
      handler: begun.container.handlers[words[start + cell.handler] ?? -1],
      answer: this.#answer(start),
      delayMs: words[start + cell.delayMs] ?? 0,
      failure: failureReasons[failure] ?? 'agent',
      acts: this.#acts(start),
      microseconds: ((words[start + cell.duration] ?? 0) >>> 0) / 10,
      ...this.#argumentsOf(start, count, start),
    };
  }

  #acts(start: number): readonly ActName[] {
    const acts = (this.#view.words[start + cell.acts] ?? 0) & actMask;
    return acts === 0 ? [] : actNames.filter((_, bit) => (acts & (1 << bit)) !== 0);
  }

  #begun(
    start: number,
    watch: number,
  ):
    | Pick<
        ShownDecision,
        'at' | 'container' | 'tid' | 'notificationId' | 'arch' | 'number' | 'syscall'
      >
    | undefined {
    const container = this.#parts.container(watch);
    if (container === undefined) return undefined;
    const { words, floats } = this.#view;
    const arch = (words[start + cell.acts] ?? 0) >>> archShift;
    const number = (words[start + cell.number] ?? 0) >>> 0;
    const low = BigInt((words[start + cell.id] ?? 0) >>> 0);
    const high = BigInt((words[start + cell.id + 1] ?? 0) >>> 0);
    return {
      at: (floats[(start + cell.at) / 2] ?? 0) + this.#clockBehind,
      container,
      tid: (words[start + cell.tid] ?? 0) >>> 0,
      notificationId: (high << idShift) | low,
      arch: arches[arch] ?? 'unknown',
      number,
      syscall: this.#parts.syscalls.find(arch, number)?.name,
    };
  }

  #answer(start: number): ShownAnswer {
    const { words, wide } = this.#view;
    const word = words[start + cell.outcome] ?? 0;
    switch (word & outcomeMask) {
      case outcome.value:
        return { kind: 'value', value: wide[(start + cell.value) / 2] ?? 0n };
      case outcome.errno:
        return { kind: 'errno', errno: errnoNameOf((word >>> errnoShift) & errnoMask) ?? 'EIO' };
      case outcome.descriptor:
        return { kind: 'descriptor' };
      default:
        return { kind: 'continue' };
    }
  }

  /** Of a call that its worker has acted for, and did not come to the end of. */
  #heldArguments(): Pick<ShownDecision, 'arguments'> {
    const { words } = this.#view;
    const count = words[header.current + cell.count] ?? 0;
    const start = this.#view.start(words[header.current + cell.held] ?? 0);
    return this.#argumentsOf(start, count, header.current);
  }

  /** @param call the cell that says which call it is */
  #argumentsOf(start: number, count: number, call: number): Pick<ShownDecision, 'arguments'> {
    if (count <= 1) return {};
    const { words, bytes } = this.#view;
    const arch = (words[call + cell.acts] ?? 0) >>> archShift;
    const syscall = this.#parts.syscalls.find(arch, (words[call + cell.number] ?? 0) >>> 0);
    if (syscall === undefined) return {};
    const from = (start + cell.words) * 4;
    const to = (start + count * cell.words) * 4;
    return { arguments: this.#arguments.read(bytes.subarray(from, to), syscall) };
  }
}
