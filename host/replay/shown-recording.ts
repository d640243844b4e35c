// SPDX-License-Identifier: Apache-2.0
// Entries of a recording as lines of text, and as JSON.
import type { Action } from '../call/action.ts';
import type { RecordedAsk, RecordedHostCall, RecordedOutcome } from '../recording/recorded-call.ts';
import type {
  CallEntry,
  EndEntry,
  EndReason,
  HeaderEntry,
  RecordedHandler,
  RecordedRegistry,
  RegistryEntry,
} from '../recording/recording-format.ts';
import { describeAction, describeCall } from '../trial/described.ts';
import { describeAnswer } from '../trial/described-answer.ts';
import { showPlain } from '../trial/trial.ts';
import type { Plain } from '../trial/yaml-value.ts';
import { InputDescriber } from './described-input.ts';

/** An entry, as somebody reads it. */
export interface ShownEntry {
  /** Made when they are wanted. */
  readonly lines: () => readonly string[];
  readonly facts: () => unknown;
}

const reasons: Readonly<Record<EndReason, string>> = {
  asked: 'on request',
  calls: 'at the limit of calls',
  container: 'with its container',
  agent: 'with the agent',
};

export function endText({ calls, lost, reason }: EndEntry): string {
  const missing = lost === 0 ? '' : `, ${lost} lost`;
  return `${calls} calls recorded${missing}; ended ${reasons[reason]}`;
}

/** Words as they are, all else as in test files. */
function shown(plain: Plain): string {
  return typeof plain === 'string' ? plain : showPlain(plain);
}

/** What JSON cannot hold exactly becomes a text. */
function json(plain: Plain): unknown {
  if (typeof plain === 'bigint') {
    const number = Number(plain);
    return Number.isSafeInteger(number) ? number : plain.toString();
  }
  if (Array.isArray(plain)) return plain.map((item: Plain) => json(item));
  if (typeof plain !== 'object' || plain === null) return plain;
  return Object.fromEntries(Object.entries(plain).map(([key, value]) => [key, json(value)]));
}

function pairs(entries: Iterable<readonly [key: string, value: string | null]>): string {
  return [...entries]
    .map(([key, value]) => (value === null ? `${key} (left out)` : `${key}=${shown(value)}`))
    .join(', ');
}

function handlerText({ name, bundle, digest, settings }: RecordedHandler): string {
  const of = bundle === '' ? '' : ` of ${bundle}`;
  const has = settings.length === 0 ? '' : `, settings ${settings.join(', ')}`;
  return `${name}${of}, sha256:${digest}${has}`;
}

/** Lines that say nothing are left out. */
function titled(rows: readonly (readonly [title: string, text: string])[]): readonly string[] {
  return rows
    .filter(([, text]) => text !== '')
    .map(([title, text]) => `${title.padEnd(11)}  ${text}`);
}

function registryRows({
  bundles,
  handlers,
  given,
}: RecordedRegistry): readonly (readonly [title: string, text: string])[] {
  return [
    ['bundles', bundles.map(({ name, version }) => `${name} ${version}`).join(', ')],
    ...handlers.map((handler) => ['handler', handlerText(handler)] as const),
    ['metadata', pairs(Object.entries(given))],
  ];
}

function outcomeText(outcome: RecordedOutcome<Action>): string {
  switch (outcome.kind) {
    case 'action':
      return shown(describeAction(outcome.action));
    case 'failed':
      return `failed: ${outcome.reason} [${outcome.code}]`;
    case 'left-alone':
      return 'not asked: quarantined';
  }
}

function outcomeFacts(outcome: RecordedOutcome<Action>): Readonly<Record<string, unknown>> {
  switch (outcome.kind) {
    case 'action':
      return { action: json(describeAction(outcome.action)) };
    case 'failed':
      return { failure: { code: outcome.code, reason: outcome.reason } };
    case 'left-alone':
      return { isQuarantined: true };
  }
}

function hostCallText({ call, answer }: RecordedHostCall): string {
  const { name, arguments: own } = describeCall(call);
  const given = Object.keys(own).length === 0 ? '' : ` ${showPlain(own)}`;
  return `${name}${given} = ${shown(describeAnswer(call, answer))}`;
}

function hostCallFacts({ call, answer }: RecordedHostCall): unknown {
  const { name, arguments: own } = describeCall(call);
  return { name, arguments: json(own), answer: json(describeAnswer(call, answer)) };
}

/** Reads entries in their order: whose answers they are depends on those before. */
export class ShownRecording {
  readonly #describer = new InputDescriber();
  readonly #header: HeaderEntry;
  #handlers: readonly RecordedHandler[];
  #calls = 0;

  constructor(header: HeaderEntry) {
    this.#header = header;
    this.#handlers = header.handlers;
  }

  /** Calls until now. */
  get calls(): number {
    return this.#calls;
  }

  header(): ShownEntry {
    const { container, agent } = this.#header;
    return {
      facts: () => this.#header,
      lines: () =>
        titled([
          ['container', container.id],
          ['recorded by', `seccompagent ${agent}`],
          ...registryRows(this.#header),
          ['annotations', pairs(container.annotations)],
          ['fields', pairs(Object.entries(container.fields))],
        ]),
    };
  }

  entry(entry: CallEntry | RegistryEntry): ShownEntry {
    if (entry.kind === 'call') return this.#call(entry);
    this.#handlers = entry.handlers;
    return {
      facts: () => entry,
      lines: () => ['from here on other handlers answer', ...titled(registryRows(entry))],
    };
  }

  end(end: EndEntry): ShownEntry {
    return { facts: () => end, lines: () => titled([['end', endText(end)]]) };
  }

  #call(entry: CallEntry): ShownEntry {
    this.#calls += 1;
    const [place, handlers] = [this.#calls, this.#handlers];
    const { at, arch, syscall, family, asks, decision } = entry;
    const time = timeText(at);
    const nameOf = ({ handler }: RecordedAsk): string => handlers[handler]?.name ?? `${handler}`;
    return {
      facts: () => ({
        kind: 'call',
        call: place,
        time,
        arch,
        syscall,
        family,
        arguments: json(this.#describer.describeArguments(entry)),
        asks: asks.map((ask) => ({
          handler: nameOf(ask),
          calls: ask.calls.map((call) => hostCallFacts(call)),
          ...outcomeFacts(ask.outcome),
        })),
        ...outcomeFacts(decision),
      }),
      lines: () => [
        `${place}  ${time}  ${this.#describer.describe(entry)} = ${outcomeText(decision)}`,
        ...asks.flatMap((ask) => [
          `  ${nameOf(ask)}: ${outcomeText(ask.outcome)}`,
          ...ask.calls.map((call) => `    ${hostCallText(call)}`),
        ]),
      ],
    };
  }
}

/** Of a stranger's file: any number. */
function timeText(at: number): string {
  const time = new Date(at);
  return Number.isNaN(time.getTime()) ? `${at}` : time.toISOString();
}
