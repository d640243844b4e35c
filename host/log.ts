// SPDX-License-Identifier: Apache-2.0
// The agent's log: lines on stderr, as text or as JSON.
import { writeSync } from 'node:fs';

import { pino } from 'pino';
import type { Logger } from 'pino';

import { escaped } from './terminal-text.ts';

export type { Logger } from 'pino';

export const logLevels = ['trace', 'debug', 'info', 'warn', 'error', 'fatal'] as const;

export type LogLevel = (typeof logLevels)[number];

export interface LogOptions {
  readonly level: LogLevel;
  readonly format: 'text' | 'json';
  readonly isColored: boolean;
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

function isLogLevel(text: string): text is LogLevel {
  return logLevels.some((level) => level === text);
}

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

function quoted(value: unknown): string {
  if (typeof value !== 'string') return escaped(JSON.stringify(value) ?? 'undefined');
  return /^[\w@%+=:,./-]+$/u.test(value) ? value : escaped(JSON.stringify(value));
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

/**
 * Bytes of a logger's lines besides their messages, in either format: mostly names, which containers
 * choose.
 */
export function bytesBeside(log: Logger): number {
  const time = new Date().toISOString();
  const json = JSON.stringify({ level: 'error', time, ...log.bindings(), msg: '' });
  return Math.max(Buffer.byteLength(jsonLine(json)), Buffer.byteLength(textLine(json, true)));
}

/** Longer texts are cut: no reader takes lines of any length. */
const maxLineBytes = 32_768;
const cutMark = Buffer.from('…\n');
const newline = Buffer.from('\n');

/** Whether the last line is on its way in part only: then the next one starts anew. */
let isLineOpen = false;

function writeLine(text: string): void {
  const line = Buffer.from(text);
  const whole =
    line.length > maxLineBytes
      ? Buffer.concat([line.subarray(0, maxLineBytes - cutMark.length), cutMark])
      : line;
  const bytes = isLineOpen ? Buffer.concat([newline, whole]) : whole;
  try {
    isLineOpen = writeSync(stderrFd, bytes) < bytes.length;
  } catch {
    // whoever read the log is gone or slow: containers must not wait for it
  }
}

/** A person may read a program's input on a terminal, too: as `textLine`. */
export function jsonLine(line: string): string {
  return `${escaped(line.trimEnd())}\n`;
}

/** Makes a logger. Each line is one write, so that lines of several threads never mix. */
export function createLog(options: LogOptions): Logger {
  const write = (line: string): void => {
    writeLine(options.format === 'json' ? jsonLine(line) : textLine(line, options.isColored));
  };
  return pino(
    {
      level: options.level,
      base: null,
      timestamp: () => `,"time":"${new Date().toISOString()}"`,
      formatters: { level: (label) => ({ level: label }) },
    },
    { write },
  );
}
