// SPDX-License-Identifier: Apache-2.0
// The agent's log: lines on stderr, as text or as JSON.
import { writeSync } from 'node:fs';

import { pino } from 'pino';
import type { Logger as Pino } from 'pino';

import { escaped, quoted } from '../terminal-text.ts';
import { LevelCell } from './level-cell.ts';
import { LineWriter } from './line-writer.ts';
import { isLogLevel, logEvents, logLevels } from './log-events.ts';
import type { AgentEvent, ContainerEvent, LogEvent, LogLevel } from './log-events.ts';

type Fields = Readonly<Record<string, unknown>>;

export interface LogOptions {
  readonly level: LogLevel;
  readonly format: 'text' | 'json';
  readonly isColored: boolean;
  /** Of a log whose level others share, which counts then; see level-cell.ts. */
  readonly levelCell?: SharedArrayBuffer;
}

const colors: Readonly<Record<LogLevel, number>> = {
  trace: 90,
  debug: 36,
  info: 32,
  warn: 33,
  error: 31,
  fatal: 35,
};

/** All words of `-log`. */
export const logWords: readonly string[] = [...logLevels, 'color', 'nocolor', 'json'];

const stderrFd = 2;

/**
 * Reads a list as `-log` takes it: a level, `color`, `nocolor`, `json`, in any order.
 * @returns the options, or the first word that is none
 */
export function parseLogOptions(
  text: string,
  isTerminal: boolean,
): { readonly options: LogOptions } | { readonly unknownWord: string } {
  let level: LogLevel = 'info';
  let format: LogOptions['format'] = 'text';
  let isColored = isTerminal;
  for (const word of text.split(',').map((part) => part.trim())) {
    if (isLogLevel(word)) level = word;
    else if (word === 'json') format = 'json';
    else if (word === 'color') isColored = true;
    else if (word === 'nocolor') isColored = false;
    else if (word !== '') return { unknownWord: word };
  }
  return { options: { level, format, isColored } };
}

/** One line of text for a record that pino made: `TIME LEVEL message key=value …`. */
export function textLine(json: string, isColored: boolean): string {
  const record: unknown = JSON.parse(json);
  if (typeof record !== 'object' || record === null) return json;
  const fields = new Map<string, unknown>(Object.entries(record));
  const take = (key: string): string => {
    const value = fields.get(key);
    fields.delete(key);
    return typeof value === 'string' ? value : '';
  };
  const level = take('level');
  const time = take('time');
  const message = escaped(take('msg'));
  const color = isColored && isLogLevel(level) ? colors[level] : undefined;
  const name = level.toUpperCase().padEnd(5);
  const shownName = color === undefined ? name : `\u001B[${color}m${name}\u001B[0m`;
  const pairs = [...fields].map(([key, value]) => ` ${key}=${quoted(value)}`).join('');
  return `${time} ${shownName} ${message}${pairs}\n`;
}

/** Of all logs of this thread. */
const stderr = new LineWriter((bytes) => writeSync(stderrFd, bytes));

/** A person may read a program's input on a terminal, too: as `textLine`. */
export function jsonLine(line: string): string {
  return `${escaped(line.trimEnd())}\n`;
}

/** Lines of handlers have it: what a handler writes is never taken for an event of the agent. */
const handlerEvent = { event: 'handler-log' } as const;

/** Writes events with their fields. */
export class Log {
  readonly #pino: Pino;
  readonly #cell: LevelCell;

  constructor(logger: Pino, cell: LevelCell = LevelCell.of('trace')) {
    this.#pino = logger;
    this.#cell = cell;
  }

  get level(): LogLevel {
    return this.#cell.level;
  }

  /** Of all logs that share it, in whichever thread. */
  set level(level: LogLevel) {
    this.#cell.level = level;
  }

  /** For a log that shares the level. */
  get levelCell(): SharedArrayBuffer {
    return this.#cell.buffer;
  }

  /** Whether each decision has a line. */
  get hasDecisions(): boolean {
    return this.isEnabled('debug');
  }

  /** Lines on one container are told by `UserLines`, and by `UserLog` in workers. */
  event(event: AgentEvent, fields: object = {}): void {
    this.#write(event, fields);
  }

  /** A line on one container, of which the user has not too many, or nobody can have. */
  counted(event: ContainerEvent, fields: object): void {
    this.#write(event, fields);
  }

  /** Of what was told before: for those who want every detail. */
  repeated(event: LogEvent, fields: object = {}): void {
    if (this.isEnabled('debug')) this.#pino.debug({ ...fields, event }, logEvents[event][1]);
  }

  ofHandler(level: LogLevel, message: string): void {
    this.#pino[level](handlerEvent, message);
  }

  #write(event: LogEvent, fields: object): void {
    const [level, sentence] = logEvents[event];
    if (this.isEnabled(level)) this.#pino[level]({ ...fields, event }, sentence);
  }

  isEnabled(level: LogLevel): boolean {
    return this.#cell.allows(level) && this.#pino.isLevelEnabled(level);
  }

  /** One whose lines all have these fields. */
  with(fields: Fields): Log {
    return new Log(this.#pino.child(fields), this.#cell);
  }

  /**
   * Bytes of a handler's lines besides their messages, in either format: mostly names, which containers
   * choose.
   */
  get bytesBeside(): number {
    const time = new Date().toISOString();
    const fields = { ...this.#pino.bindings(), ...handlerEvent };
    const json = JSON.stringify({ level: 'error', time, ...fields, msg: '' });
    return Math.max(Buffer.byteLength(jsonLine(json)), Buffer.byteLength(textLine(json, true)));
  }
}

/** For several logs whose level changes together. */
export function withSharedLevel(options: LogOptions): LogOptions {
  return { ...options, levelCell: LevelCell.of(options.level).buffer };
}

/** Makes a log. Each line is one write, so that lines of several threads never mix. */
export function createLog(options: LogOptions): Log {
  const lineOf = (record: string): string =>
    options.format === 'json' ? jsonLine(record) : textLine(record, options.isColored);
  const write = (record: string): void => {
    stderr.record(record, lineOf);
  };
  const logger = pino(
    {
      level: 'trace',
      base: null,
      timestamp: () => `,"time":"${new Date().toISOString()}"`,
      formatters: { level: (label) => ({ level: label }) },
    },
    { write },
  );
  const { level, levelCell } = options;
  return new Log(logger, levelCell === undefined ? LevelCell.of(level) : new LevelCell(levelCell));
}
