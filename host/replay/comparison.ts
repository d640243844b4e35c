// SPDX-License-Identifier: Apache-2.0
// Differences between two answers to the same call.
import { pack } from 'msgpackr';

import type { Action } from '../call/action.ts';
import type { HostCall } from '../call/host-call.ts';
import { describeAction, describeCall } from '../trial/described.ts';
import { showPlain } from '../trial/trial.ts';
import type { RecordedCall, RecordedOutcome } from '../recording/recorded-call.ts';
import { redactedHostCall } from '../recording/redaction.ts';

export interface CallDifference {
  /** `action`, `calls[0]`, … */
  readonly what: string;
  readonly recorded: string;
  readonly replayed: string;
}

/** Whether secrets were left out where the recording comes from. */
export type Redaction = 'redacted' | 'whole';

/** Equal for calls that ask for the same. */
export function keyOf(call: HostCall, redaction: Redaction): string {
  return pack(redaction === 'redacted' ? redactedHostCall(call) : call).toString('latin1');
}

/** Queries that every handler may make, and that change nothing, are no difference. */
function counts({ kind }: HostCall): boolean {
  return kind !== 'log' && kind !== 'clock';
}

function countedCalls({ asks }: RecordedCall): readonly HostCall[] {
  return asks.flatMap(({ calls }) => calls.map(({ call }) => call)).filter((call) => counts(call));
}

function showOutcome(outcome: RecordedOutcome<Action>): string {
  switch (outcome.kind) {
    case 'action':
      return showPlain(describeAction(outcome.action));
    case 'failed':
      return `failed: ${outcome.reason}`;
    case 'left-alone':
      return 'was not asked';
  }
}

/** Without what must be in no log. */
function showCall(call: HostCall | undefined): string {
  if (call === undefined) return 'no call';
  const { name, arguments: own } = describeCall(redactedHostCall(call));
  return Object.keys(own).length === 0 ? name : `${name} ${showPlain(own)}`;
}

function outcomeDifferences(
  recorded: RecordedOutcome<Action>,
  replayed: RecordedOutcome<Action>,
): readonly CallDifference[] {
  const texts = { recorded: showOutcome(recorded), replayed: showOutcome(replayed) };
  const isSame =
    recorded.kind === 'failed' ? replayed.kind === 'failed' : texts.recorded === texts.replayed;
  return isSame ? [] : [{ what: 'action', ...texts }];
}

/** Nothing, where the recorded handlers were quarantined: their answers are unknown. */
export function differencesOf(
  recorded: RecordedCall,
  replayed: RecordedCall,
  redaction: Redaction,
): readonly CallDifference[] {
  if (recorded.decision.kind === 'left-alone') return [];
  const [before, after] = [countedCalls(recorded), countedCalls(replayed)];
  const max = Math.max(before.length, after.length);
  const calls = Array.from({ length: max }, (_, index) => {
    const [one, other] = [before[index], after[index]];
    const isSame =
      one !== undefined && other !== undefined && keyOf(one, redaction) === keyOf(other, redaction);
    return isSame
      ? []
      : [{ what: `calls[${index}]`, recorded: showCall(one), replayed: showCall(other) }];
  });
  return [...outcomeDifferences(recorded.decision, replayed.decision), ...calls.flat()];
}
