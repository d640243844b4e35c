// SPDX-License-Identifier: Apache-2.0
// What the host does for the call that is being answered.
import type { DecodedArgument } from './received-call.ts';

export type GuestLogLevel = 'debug' | 'info' | 'warn' | 'error';

/** What `operate` and the like return when the notification is gone; otherwise 0 or an errno. */
export const gone = -1;

/** What the host does for the call that is being answered. */
export interface CallHost {
  /** @returns 0, a positive errno, or `gone` */
  /** @param ranges as `mountRange` of native.ts says; @returns as `operate` */
  mount(memory: Uint8Array, ranges: Int32Array): number;
  /**
   * Does one of `operation` of native.ts.
   * @param numbers as `operationNumber` says, but for the places where paths start: those of the call
   * @param result what it gives back is put there
   * @param within folders that nothing is done outside of, as `operate` of native.ts says
   * @returns 0, a positive errno, or `gone`
   */
  operate(
    operation: number,
    memory: Uint8Array,
    numbers: Int32Array,
    result: Uint8Array,
    within?: Uint8Array,
  ): number;
  /** Room for a result, of `mostOperationBytes`: the next one comes into the same place. */
  resultRoom(): Uint8Array;

  /** A copy of a descriptor of the caller: its index, or a negated errno. */
  takeFd(fd: number): number;
  /** Gives the caller a copy: its number there, or a negated errno. */
  installFd(descriptor: number, isCloseOnExec: boolean): number;
  /** The same under this number. */
  replaceFd(descriptor: number, fd: number, isCloseOnExec: boolean): number;

  /** How many bytes an argument leads to; or a negated errno. */
  argumentSize(argument: number): bigint;
  /** Reads behind an argument: how many bytes, or a negated errno. */
  readArgument(argument: number, offset: bigint, into: Uint8Array): number;
  /** Writes behind an argument: 0, a positive errno, or `gone`. */
  writeArgument(argument: number, offset: bigint, bytes: Uint8Array): number;

  /** As `credentialsLayout` of native.ts says; or a positive errno, or `gone`. */
  credentials(): Uint8Array | number;
  /** As `processLayout` of native.ts says; or a positive errno, or `gone`. */
  process(): Uint8Array | number;
  /** @param where a `userNamespace` of native.ts; @returns 1: it has, 0: it has not, or a negated errno */
  hasCapability(capability: number, where: number): number;

  readonly containerId: string;
  readonly annotations: readonly (readonly [key: string, value: string])[];
  /** @returns 0 or a positive errno; so do the next ones */
  killContainer(): number;
  freezeContainer(isFrozen: boolean): number;
  /** Numbers of 64 bits as `resourceNumbers` of native.ts says; or a positive errno. */
  containerResources(): Uint8Array | number;

  /** The value of a key; undefined: there is none. */
  stateGet(key: Uint8Array): Uint8Array | undefined;
  /** @param mostKeys how many there may be; absent: as many as anybody may have */
  stateSet(key: Uint8Array, value: Uint8Array, mostKeys?: number): number;
  stateRemove(key: Uint8Array): boolean;
  /** Adds what `number` has and leaves the sum there, both s64. */
  stateAdd(key: Uint8Array, number: Uint8Array, mostKeys?: number): number;

  /** Nanoseconds of a clock that is never set. */
  monotonicNs(): bigint;
  /** Nanoseconds since 1970. */
  wallNs(): bigint;

  log(level: GuestLogLevel, message: string): void;
  decodedArguments(): readonly DecodedArgument[];
}
