// SPDX-License-Identifier: Apache-2.0
// In a worker: tells the main thread what was decided. It allocates nothing and waits for nobody:
// where there is no room, the decision is counted as lost.
import type { Decision } from '../call/action.ts';
import { inbox } from '../native.ts';
import type { ReceivedCall } from '../call/received-call.ts';
import type { Syscall, Syscalls } from '../syscalls/syscalls.ts';
import { argumentCells, writeArguments } from './argument-bytes.ts';
import {
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
  unknownArch,
} from './decision-layout.ts';
import type { DecisionFailure } from './decision-layout.ts';
import type { RingShare } from './ring-share.ts';

export interface DecisionBuffers {
  /** Its own. */
  readonly ring: SharedArrayBuffer;
  /** One for all workers. */
  readonly bell: SharedArrayBuffer;
}

/** Handler, failure and syscall of a decision. */
export interface DecisionFacts {
  /** The handler's place in the registry; -1: none. */
  readonly handler: number;
  readonly failure: DecisionFailure;
  /** The syscall of the call; undefined: unknown. */
  readonly syscall: Syscall | undefined;
}

const tenthsPerMs = 10_000;
/** Of the ring, for calls that just continue. */
const usualShare = 3 / 4;

export class DecisionWriter {
  readonly #view: RingView;
  readonly #bell: Int32Array;
  readonly #call: ReceivedCall;
  /** The inbox: its 64-bit numbers cost an allocation each, its words do not. */
  readonly #inbox: Int32Array;
  #head: number;
  #watch: RingShare | undefined;
  #began = 0;
  /** Between the clock that all threads have and this thread's own. */
  readonly #clockAhead = monotonicMs() - performance.now();
  /** Acts for the call so far. */
  #acts = 0;
  /** The cells that hold its arguments already, behind all that is published; undefined: none. */
  #held: { readonly position: number; readonly cells: number } | undefined;
  readonly #syscalls: Pick<Syscalls, 'find'>;

  constructor(
    { ring, bell }: DecisionBuffers,
    call: ReceivedCall,
    syscalls: Pick<Syscalls, 'find'>,
  ) {
    this.#view = new RingView(ring);
    this.#bell = new Int32Array(bell);
    this.#call = call;
    this.#syscalls = syscalls;
    this.#inbox = new Int32Array(call.bytes.buffer, 0, inbox.size / Int32Array.BYTES_PER_ELEMENT);
    this.#head = Atomics.load(this.#view.words, header.head);
  }

  /** A call is about to be decided. Whoever ends this worker finds it there. */
  begin(watch: RingShare): void {
    this.#watch = watch;
    this.#acts = 0;
    this.#held = undefined;
    this.#began = performance.now();
    this.#describe(header.current, watch.id, this.#began + this.#clockAhead);
    this.#view.words[header.current + cell.count] = 0;
  }

  /**
   * Something is about to be done for the caller, or to its container. Whoever ends this worker
   * afterwards finds that, and what the call asked for.
   * @param bits of acts; 0: none
   */
  act(bits: number): void {
    const watch = this.#watch;
    if (bits === 0 || watch === undefined) return;
    const isFirst = this.#acts === 0;
    this.#acts |= bits;
    const place = header.current + cell.acts;
    const { words } = this.#view;
    words[place] = (words[place] ?? 0) | bits;
    if (isFirst && watch.withArguments) this.#hold(watch);
  }

  #hold(watch: RingShare): void {
    const syscall = this.#syscalls.find(this.#call.arch, this.#call.number);
    const cells = 1 + argumentCells(this.#call, syscall);
    const position = this.#reserve(cells, false, watch);
    if (position === undefined) return;
    this.#held = { position, cells };
    this.#writeArguments(position, syscall);
    const { words } = this.#view;
    words[header.current + cell.held] = position;
    words[header.current + cell.count] = cells;
  }

  #writeArguments(position: number, syscall: Syscall | undefined): void {
    const from = (this.#view.start(position) + cell.words) * Int32Array.BYTES_PER_ELEMENT;
    writeArguments(this.#call, syscall, this.#view.bytes.subarray(from));
  }

  /** It was decided. */
  end(decision: Decision, facts: DecisionFacts): void {
    const watch = this.#watch;
    if (watch === undefined) return;
    this.#watch = undefined;
    const { words, floats } = this.#view;
    // nobody has told of it meanwhile
    if (Atomics.exchange(words, header.current + cell.watch, 0) === 0) return;
    const { withArguments, id } = watch;
    const held = this.#held;
    const cells = held?.cells ?? (withArguments ? 1 + argumentCells(this.#call, facts.syscall) : 1);
    const isUsual = decision.kind === 'continue' && facts.failure === 'none' && this.#acts === 0;
    const position = held?.position ?? this.#reserve(cells, isUsual, watch);
    if (position === undefined) {
      this.#lose(id);
      return;
    }
    const start = this.#view.start(position);
    words[start + cell.count] = cells;
    this.#describe(start, id, floats[(header.current + cell.at) / 2] ?? 0);
    words[start + cell.handler] = facts.handler;
    words[start + cell.acts] = (words[start + cell.acts] ?? 0) | this.#acts;
    words[start + cell.duration] = (performance.now() - this.#began) * tenthsPerMs;
    this.#answer(start, decision, failureReasons.indexOf(facts.failure));
    if (cells > 1 && held === undefined) this.#writeArguments(position, facts.syscall);
    this.#publish(position + cells);
    watch.wrote(cells, this.#head);
  }

  #describe(start: number, watch: number, at: number): void {
    const { words, floats } = this.#view;
    words[start + cell.watch] = watch;
    words[start + cell.tid] = this.#call.tid;
    words[start + cell.id] = this.#inbox[inbox.id / 4] ?? 0;
    words[start + cell.id + 1] = this.#inbox[inbox.id / 4 + 1] ?? 0;
    words[start + cell.number] = this.#call.number;
    words[start + cell.acts] = Math.min(this.#call.arch, unknownArch) << archShift;
    floats[(start + cell.at) / 2] = at;
  }

  #answer(start: number, decision: Decision, failure: number): void {
    const { words, wide } = this.#view;
    const isDelayed = decision.kind === 'delay';
    const answer = isDelayed ? decision.answer : decision;
    words[start + cell.delayMs] = isDelayed ? decision.delayMs : 0;
    let errno = 0;
    if (answer.kind === 'fail') errno = answer.number;
    else if (answer.kind === 'value') wide[(start + cell.value) / 2] = answer.value;
    const kind = answer.kind === 'fail' ? outcome.errno : outcome[answer.kind];
    words[start + cell.outcome] = kind | (errno << errnoShift) | (failure << failureShift);
  }

  /**
   * Room for so many cells side by side. A container has at most as many as it leaves free, so that a
   * flood costs itself alone; its calls that just continue, of which anybody can make many, have less.
   * @returns undefined: there is none
   */
  #reserve(cells: number, isUsual: boolean, share: RingShare): number | undefined {
    const { words } = this.#view;
    const place = this.#head & (this.#view.cells - 1);
    const toSkip = place + cells > this.#view.cells ? this.#view.cells - place : 0;
    const used = (this.#head - Atomics.load(words, header.tail)) | 0;
    if (used + toSkip + cells > this.#view.cells) return undefined;
    const most = isUsual ? this.#view.cells * usualShare : this.#view.cells;
    if (share.unread(this.#head, used) + used + cells > most) return undefined;
    if (toSkip > 0) words[this.#view.start(this.#head) + cell.count] = skipped + toSkip;
    return this.#head + toSkip;
  }

  #lose(watch: number): void {
    const { words } = this.#view;
    Atomics.add(words, header.lost, 1);
    for (let place = 0; place < lostPlaces; place += 1) {
      const at = header.lostBy + 2 * ((watch + place) & (lostPlaces - 1));
      // whose it is changes only where nothing is left to be read
      if (words[at] !== watch && Atomics.load(words, at + 1) !== 0) continue;
      Atomics.store(words, at, watch);
      Atomics.add(words, at + 1, 1);
      break;
    }
    this.#ring();
  }

  #publish(head: number): void {
    this.#head = head | 0;
    Atomics.store(this.#view.words, header.head, this.#head);
    this.#ring();
  }

  /** Waking the main thread takes microseconds, which is once for all that comes while it is awake. */
  #ring(): void {
    if (Atomics.load(this.#bell, 0) !== 0) return;
    if (Atomics.exchange(this.#bell, 0, 1) === 0) Atomics.notify(this.#bell, 0, 1);
  }
}
