// SPDX-License-Identifier: Apache-2.0
// Layout of decisions on their way from workers to the main thread: a ring of cells in shared memory
// for each worker, and one bell for all of them.

/** Positions of 32-bit words in front of the cells; what threads change is in cache lines of its own. */
export const header = {
  /** Number of cells written; it goes round as 32-bit numbers do. */
  head: 0,
  /** The same of those that were read. */
  tail: 16,
  /** Decisions that there was no room for. */
  lost: 32,
  /**
   * The call that the worker is deciding now: a cell without an outcome. Its `count` is that of the
   * cells with its arguments, which nobody has published; 0: there are none.
   */
  current: 48,
  /** The same as `lost`, by whose they were: `lostPlaces` pairs of a `watch` and how many. */
  lostBy: 64,
  words: 192,
} as const;

/** A power of two. Of more containers at once it is only known how many decisions were lost. */
export const lostPlaces = 64;

/** Positions of 32-bit words in a cell; `value` and `at` are 64 bits wide. */
export const cell = {
  /** Number of cells that the decision takes; `skipped` and more: so many have nothing. */
  count: 0,
  /** Names the registry to the main thread. */
  watch: 1,
  /** The caller's thread. */
  tid: 2,
  /** The notification's id, low half first. */
  id: 4,
  /** When the call was begun, by `monotonicMs`; a float. */
  at: 6,
  /** As the kernel counts. */
  number: 8,
  /** The handler's place in the registry; -1: none. */
  handler: 9,
  /** The return value of the call. */
  value: 10,
  /** An `outcome`, with an errno above `errnoShift` and a `failure` above `failureShift`. */
  outcome: 12,
  /** Acts for the caller, as `actBit` says, and the index of the architecture above `archShift`. */
  acts: 13,
  /** In tenths of a microsecond. */
  duration: 14,
  /** The answer comes so many milliseconds later. */
  delayMs: 15,
  /** Of the current call, which has no `delayMs` yet: position of the cells with its arguments. */
  held: 15,
  words: 16,
} as const;

export const cellBytes: number = cell.words * Int32Array.BYTES_PER_ELEMENT;
export const archShift = 24;
/** Of what is no architecture that we know. */
export const unknownArch = 0x7f;
export const errnoShift = 4;
export const failureShift = 24;
/** In the word `count`: what is behind the last decision that fits before the end of the ring. */
export const skipped = 0x1_0000;

/** The outcome of a call. */
export const outcome = { value: 1, errno: 2, continue: 3, descriptor: 4 } as const;

/** Why the agent answered in place of a handler; 0: it did not. */
export const failureReasons = [
  'none',
  'trap',
  'deadline',
  'settings',
  'agent',
  'quarantine',
  'unknown-call',
] as const;

export type DecisionFailure = (typeof failureReasons)[number];

/** Acts for a caller, or on its container, by bits: their names in the same order. */
export const actNames = [
  'perform',
  'mount',
  'operate',
  'take-descriptor',
  'give-descriptor',
  'write-memory',
  'kill-container',
  'freeze-container',
] as const;

export type ActName = (typeof actNames)[number];

/** The bit of an act. */
export function actBit(name: ActName): number {
  return 1 << actNames.indexOf(name);
}

const nsPerMs = 1e6;

/** The same clock in all threads. */
export function monotonicMs(): number {
  return Number(process.hrtime.bigint()) / nsPerMs;
}

/** A power of two: at a hundred thousand calls a second, what a sixth of a second brings. */
const cellCount = 16_384;

/** Memory is taken as it is written first, so nobody pays for decisions that nobody wants to see. */
export function makeDecisionRing(cells: number = cellCount): SharedArrayBuffer {
  return new SharedArrayBuffer(header.words * Int32Array.BYTES_PER_ELEMENT + cells * cellBytes);
}

/** 0 while the main thread sleeps until it is rung. */
export function makeBell(): SharedArrayBuffer {
  const bell = new SharedArrayBuffer(Int32Array.BYTES_PER_ELEMENT);
  new Int32Array(bell)[0] = 1;
  return bell;
}

/** The words of a ring, as each side sees them. */
export class RingView {
  readonly words: Int32Array;
  readonly floats: Float64Array;
  readonly wide: BigInt64Array;
  readonly bytes: Uint8Array;
  /** Number of cells. */
  readonly cells: number;

  constructor(buffer: SharedArrayBuffer) {
    this.words = new Int32Array(buffer);
    this.floats = new Float64Array(buffer);
    this.wide = new BigInt64Array(buffer);
    this.bytes = new Uint8Array(buffer);
    this.cells = (this.words.length - header.words) / cell.words;
  }

  /** The first word of a cell, by how many were before it. */
  start(position: number): number {
    return header.words + (position & (this.cells - 1)) * cell.words;
  }
}
