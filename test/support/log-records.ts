// SPDX-License-Identifier: Apache-2.0
// The agent's log as records, whichever format it was written in. Tests compare events and fields of it:
// sentences may change.
import type { LogEvent } from '../../host/log/log-events.ts';

/** `handler-log`: a line that a handler has written. */
export type AnyEvent = LogEvent | 'handler-log';

export interface LogRecord {
  /** In small letters. */
  readonly level: string;
  readonly event: string;
  readonly msg: string;
  /** Texts, if it was written as text. */
  readonly [field: string]: unknown;
}

/** Each is the whole value, or a pattern in it. */
export type WantedFields = Readonly<Record<string, string | number | boolean | RegExp>>;

const textLine = /^\S+ (?<level>TRACE|DEBUG|INFO|WARN|ERROR|FATAL) +(?<rest>.*)$/u;
const pair = / (?<key>\w+)=(?<value>"(?:[^"\\]|\\.)*"|[[{].*?[\]}](?= \w+=|$)|\S+)/gu;

function unquoted(value: string): unknown {
  return value.startsWith('"') ? JSON.parse(value) : value;
}

function ofText(line: string): LogRecord | undefined {
  const { level = '', rest = '' } = textLine.exec(line)?.groups ?? {};
  if (level === '') return undefined;
  const fields = [...` ${rest}`.matchAll(pair)].map(({ groups }): [string, unknown] => [
    groups?.['key'] ?? '',
    unquoted(groups?.['value'] ?? ''),
  ]);
  return { event: '', ...Object.fromEntries(fields), level: level.toLowerCase(), msg: rest };
}

/** Undefined: the agent has not written that. */
export function recordOf(line: string): LogRecord | undefined {
  if (!line.startsWith('{')) return ofText(line);
  const record: LogRecord = JSON.parse(line);
  return typeof record.level === 'string' ? record : undefined;
}

/** Of all that was written to a stream. */
export function recordsOf(text: string): readonly LogRecord[] {
  return text
    .split('\n')
    .slice(0, -1)
    .map((line) => recordOf(line))
    .filter((record) => record !== undefined);
}

/** Undefined is no JSON. */
function shown(value: unknown = ''): string {
  return typeof value === 'string' ? value : JSON.stringify(value);
}

export function isRecord(record: LogRecord, event: AnyEvent, wanted: WantedFields = {}): boolean {
  if (record.event !== event) return false;
  return Object.entries(wanted).every(([key, value]) => {
    const text = shown(record[key]);
    return value instanceof RegExp ? value.test(text) : text === String(value);
  });
}

/** For messages of tests. */
export function wantedText(event: AnyEvent, wanted: WantedFields): string {
  const fields = Object.entries(wanted).map(([key, value]) => ` ${key}=${String(value)}`);
  return `${event}${fields.join('')} in the log`;
}
