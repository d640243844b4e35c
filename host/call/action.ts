// SPDX-License-Identifier: Apache-2.0
// Actions, the answers of handlers; made once, so that answering allocates nothing.
import { errnoNumber, errnos, ordinalsByNumber } from '../syscalls/errno.ts';
import type { ErrnoName } from '../syscalls/errno.ts';

export interface Failure {
  readonly kind: 'fail';
  readonly errno: ErrnoName;
  readonly number: number;
}

/** Answers to the kernel. */
export type FinalAction =
  | { readonly kind: 'value'; readonly value: bigint }
  | Failure
  | { readonly kind: 'continue' };

/** The answer is sent later; until then nothing else happens for the call. */
export interface DelayAction {
  readonly kind: 'delay';
  /** 1 to `longestDelayMs`. */
  readonly delayMs: number;
  readonly answer: FinalAction;
}

/** The caller gets a copy of a descriptor, whose number there is what the call returns. */
export interface DescriptorAction {
  readonly kind: 'descriptor';
  /** An index among those that the host holds for the call. */
  readonly descriptor: number;
  readonly isCloseOnExec: boolean;
}

/** Answers of a worker. */
export type Decision = FinalAction | DelayAction | DescriptorAction;

/** The host does the call as it was decoded. */
interface PerformAction {
  readonly kind: 'perform';
}

/** Outcome of a chain. */
export type ChainDecision = Decision | PerformAction;

/** `next`: the handler has no opinion, the next one of the chain is asked. */
export type Action = ChainDecision | { readonly kind: 'next' };

/** A day. */
export const longestDelayMs = 86_400_000;

export const continueAction: FinalAction = { kind: 'continue' };
export const nextAction: Action = { kind: 'next' };
export const performAction: PerformAction = { kind: 'perform' };
export const zeroAction: FinalAction = { kind: 'value', value: 0n };

/** Values that the kernel would hand to the caller as errors, see syscall(2). */
const lowestError = -4095n;

const failures: readonly Failure[] = errnos.map(([errno, number]) => ({
  kind: 'fail',
  errno,
  number,
}));

export function fail(errno: ErrnoName): Failure {
  return { kind: 'fail', errno, number: errnoNumber(errno) };
}

/** The failure of a WIT ordinal; undefined when the enum has none such. */
export function failureByOrdinal(ordinal: number): Failure | undefined {
  return failures[ordinal];
}

const ordinals = ordinalsByNumber();

/** The failure of the kernel's errno; EIO for one that has no name. */
export function failureByNumber(number: number): Failure {
  return failures[ordinals[number] ?? 0] ?? fail('EIO');
}

/** The value as an action; undefined when it would be taken for an error. */
export function valueAction(value: bigint): FinalAction | undefined {
  if (value === 0n) return zeroAction;
  return value >= lowestError && value < 0n ? undefined : { kind: 'value', value };
}

/** The same answer after a time; undefined when that is more than a day. */
export function delayed(milliseconds: bigint, answer: FinalAction): Decision | undefined {
  if (milliseconds === 0n) return answer;
  if (milliseconds < 0n || milliseconds > longestDelayMs) return undefined;
  return { kind: 'delay', delayMs: Number(milliseconds), answer };
}
