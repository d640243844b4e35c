// SPDX-License-Identifier: Apache-2.0
// Tries one case: makes the calls, and compares what comes of them with what must.
import { isDeepStrictEqual } from 'node:util';

import { AgentError, messageOf } from '../errors.ts';
import type { LoadedComponent } from '../handler/direct.ts';
import type { Grants } from '../registry/grants.ts';
import type { Expectation, TrialCase, TrialStep } from './case-file.ts';
import { describeAction, describeCall } from './described.ts';
import type { DescribedCall } from './described.ts';
import { HandlerHarness } from './handler-harness.ts';
import type { Plain } from './yaml-value.ts';

/** Something that is not as it must be. */
export interface Difference {
  /** Of the expectation, in the file of the cases. */
  readonly line: number;
  /** `action`, `calls[0]`, … */
  readonly what: string;
  readonly expected: string;
  readonly found: string;
}

export interface TrialResult {
  readonly name: string;
  readonly line: number;
  readonly hasPassed: boolean;
  readonly differences: readonly Difference[];
}

/** On one line; numbers of any size. */
export function showPlain(value: Plain): string {
  if (typeof value === 'bigint') return String(value);
  if (Array.isArray(value)) return `[${value.map((item: Plain) => showPlain(item)).join(', ')}]`;
  if (typeof value === 'object' && value !== null) {
    const entries = Object.entries(value).map(([key, item]) => `${key}: ${showPlain(item)}`);
    return `{ ${entries.join(', ')} }`;
  }
  return JSON.stringify(value);
}

function showCall({ name, arguments: own }: DescribedCall): string {
  return Object.keys(own).length === 0 ? name : `${name}: ${showPlain(own)}`;
}

function compareCalls(
  expected: readonly DescribedCall[],
  found: readonly DescribedCall[],
  line: number,
): readonly Difference[] {
  return Array.from({ length: Math.max(expected.length, found.length) }).flatMap((_, index) => {
    const [wanted, own] = [expected[index], found[index]];
    if (wanted !== undefined && own !== undefined && isCall(own, wanted)) return [];
    return [
      {
        line,
        what: `calls[${index}]`,
        expected: wanted === undefined ? 'no call' : showCall(wanted),
        found: own === undefined ? 'no call' : showCall(own),
      },
    ];
  });
}

/** Only the arguments that are expected count. */
function isCall(found: DescribedCall, expected: DescribedCall): boolean {
  return (
    found.name === expected.name &&
    Object.entries(expected.arguments).every(
      ([key, value]) =>
        Object.hasOwn(found.arguments, key) && isDeepStrictEqual(found.arguments[key], value),
    )
  );
}

/** Outcome of a call: an action, or a failure with its reason. */
type Outcome = { readonly action: Plain } | { readonly failure: string };

function compareOutcome(expectation: Expectation, outcome: Outcome): readonly Difference[] {
  const { line, action, failure } = expectation;
  if ('failure' in outcome) {
    if (failure !== undefined && outcome.failure.includes(failure)) return [];
    const expected = failure ?? (action === undefined ? 'an action' : showPlain(action));
    return [{ line, what: 'failure', expected, found: outcome.failure }];
  }
  const found = showPlain(outcome.action);
  if (failure !== undefined) return [{ line, what: 'failure', expected: failure, found }];
  if (action === undefined || isDeepStrictEqual(action, outcome.action)) return [];
  return [{ line, what: 'action', expected: showPlain(action), found }];
}

function ask(harness: HandlerHarness, step: TrialStep): Outcome {
  try {
    return { action: describeAction(harness.ask(step.syscall, ...step.arguments)) };
  } catch (thrown) {
    if (!(thrown instanceof AgentError)) throw thrown;
    return { failure: messageOf(thrown) };
  }
}

function tryStep(harness: HandlerHarness, step: TrialStep): readonly Difference[] {
  const { expectation } = step;
  const before = harness.calls.length;
  harness.host.forgetAnswers();
  harness.host.prepare(...step.answers);
  const outcome = ask(harness, step);
  const calls = harness.calls.slice(before).map((call) => describeCall(call));
  const refused = harness.refused.splice(0);
  const differences = [
    ...compareOutcome(expectation, outcome),
    ...(expectation.calls === undefined
      ? []
      : compareCalls(expectation.calls, calls, expectation.line)),
  ];
  return differences.length === 0 || refused.length === 0
    ? differences
    : [...differences, beyondGrants(refused, expectation)];
}

/** Difference that explains the others. */
function beyondGrants(refused: readonly string[], { line }: Expectation): Difference {
  const found = `refused: ${refused.join(', ')}`;
  return { line, what: 'grants', expected: 'what bundle.json asks for', found };
}

function surround({ host }: HandlerHarness, { surroundings }: TrialCase): void {
  const { containerId, annotations, memory, strings, state, caller, callingProcess } = surroundings;
  if (containerId !== undefined) host.containerId = containerId;
  if (caller !== undefined) host.caller = caller;
  if (callingProcess !== undefined) host.callingProcess = callingProcess;
  host.annotations = annotations;
  host.memory = memory;
  host.strings = strings;
  for (const [key, value] of state) host.remember(key, value);
}

export interface TriedHandler {
  readonly component: LoadedComponent;
  /** Absent: it has no limits. */
  readonly grants?: Grants;
}

/** Settings of the handler, or the reason why the bundle refuses them. */
export type GivenSettings = ReadonlyMap<string, string> | string;

/** The instance, or why somebody did not take the settings. */
function begin(
  { component, grants }: TriedHandler,
  settings: GivenSettings,
): HandlerHarness | string {
  if (typeof settings === 'string') return settings;
  try {
    return new HandlerHarness(component, Object.fromEntries(settings), grants);
  } catch (thrown) {
    if (!(thrown instanceof AgentError)) throw thrown;
    return messageOf(thrown);
  }
}

function differencesOf(
  given: TrialCase,
  handler: TriedHandler,
  settings: GivenSettings,
): readonly Difference[] {
  const { line, refusal } = given;
  const harness = begin(handler, settings);
  if (typeof harness === 'string') {
    if (refusal !== undefined && harness.includes(refusal)) return [];
    return [{ line, what: 'settings', expected: refusal ?? 'taken', found: harness }];
  }
  if (refusal !== undefined) return [{ line, what: 'settings', expected: refusal, found: 'taken' }];
  surround(harness, given);
  return given.steps.flatMap((step) => tryStep(harness, step));
}

/** @param settings what the handler gets in this case */
export function tryCase(
  given: TrialCase,
  handler: TriedHandler,
  settings: GivenSettings,
): TrialResult {
  const differences = differencesOf(given, handler, settings);
  const { name, line } = given;
  return { name, line, hasPassed: differences.length === 0, differences };
}
