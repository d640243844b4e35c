// SPDX-License-Identifier: Apache-2.0
// Why a child has found nothing out: whether it would find nothing the next time.
import type { ProgramEnd } from '../program.ts';
import type { ChildLimits } from './child-limits.ts';
import type { Finding } from './finding.ts';

const mebibyte = 2 ** 20;

/** Signals that end a program that breaks a rule, or is at its own limit. */
const ownSignals: readonly string[] = ['SIGTRAP', 'SIGABRT', 'SIGILL', 'SIGSEGV', 'SIGBUS'];

/** A child says so before it reads what it is asked about: what ends it sooner is no fault of that. */
export const readyLine = 'ready\n';

export interface ChildLimitsGiven {
  readonly given: ChildLimits;
  /** Limits with enough memory. */
  readonly usual: ChildLimits;
}

/** @param said what it says of itself; empty: nothing */
export function failureOf(
  { code, signal, hasSaidTooMuch, why, stdout, stderr, processorMs }: ProgramEnd,
  { given, usual }: ChildLimitsGiven,
  said = '',
): Finding {
  if (!stdout.startsWith(readyLine)) {
    return { kind: 'unknown', reason: why || said || (stderr.trim().split('\n').at(-1) ?? '') };
  }
  // the limit counts ticks, which may be more than what was used; far below it, somebody else has
  // sent the signal
  if (signal === 'SIGXCPU' && processorMs > (given.processorSeconds * 1000) / 2) {
    return { kind: 'bad', reason: `it takes more than ${given.processorSeconds} s of a processor` };
  }
  const isOwn =
    code !== undefined || hasSaidTooMuch || (signal !== undefined && ownSignals.includes(signal));
  if (!isOwn) return { kind: 'unknown', reason: why };
  const isMemory = /out of memory|Allocation failed/iu.test(stderr);
  const room = `${Math.floor(given.dataBytes / mebibyte)} MiB`;
  const ended = isMemory ? `it takes more memory than ${room}` : `it ended: ${why || said || code}`;
  return given.dataBytes < usual.dataBytes
    ? { kind: 'unknown', reason: `${ended}; the agent's memory limit leaves ${room} for it` }
    : { kind: 'bad', reason: said || ended };
}
