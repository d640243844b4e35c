// SPDX-License-Identifier: Apache-2.0
// Tests the log's options and its lines of text.
import { pino } from 'pino';
import { expect, test } from 'vitest';

import { logLevels } from '../../host/log/log-events.ts';
import { LevelCell } from '../../host/log/level-cell.ts';
import {
  createLog,
  jsonLine,
  Log,
  parseLogOptions,
  textLine,
  withSharedLevel,
} from '../../host/log/log.ts';

const escape = '\u001B';

function lineOf(fields: Readonly<Record<string, unknown>>, isColored = false): string {
  return textLine(JSON.stringify({ level: 'info', time: 'T', msg: 'done', ...fields }), isColored);
}

/** Characters that move a cursor, end a line or are not shown: they must not reach a terminal. */
function controlCharacters(line: string): readonly string[] {
  return line.replace(/\n$/u, '').match(/[\p{Cc}\p{Zl}\p{Zp}]/gu) ?? [];
}

test('parseLogOptions: nothing is info as text', () => {
  for (const text of ['', ',', ' , ']) {
    expect(parseLogOptions(text, true)).toEqual({
      options: { level: 'info', format: 'text', isColored: true },
    });
  }
});

test.for(logLevels)('parseLogOptions: %s is a level', (level) => {
  expect(parseLogOptions(level, false)).toEqual({
    options: { level, format: 'text', isColored: false },
  });
});

test('parseLogOptions: words come in any order, and the last of a kind counts', () => {
  expect(parseLogOptions(' json , debug,color,warn ', false)).toEqual({
    options: { level: 'warn', format: 'json', isColored: true },
  });
  expect(parseLogOptions('color,nocolor', true)).toMatchObject({ options: { isColored: false } });
});

test.for(['loud', 'INFO', 'debug json', 'silent', 'constructor'])(
  'parseLogOptions: "%s" is no word of it',
  (word) => {
    expect(parseLogOptions(`info,${word}`, false)).toEqual({ unknownWord: word });
  },
);

test('textLine: time, level, message and fields in their order', () => {
  expect(lineOf({ container: 'c1', peerPid: 7, isFirst: true, none: null })).toBe(
    'T INFO  done container=c1 peerPid=7 isFirst=true none=null\n',
  );
});

test('textLine: plain values stand as they are, others in quotes', () => {
  expect(lineOf({ path: '/run/a_b-c.d:e,f@g%h+i', text: 'two words', empty: '', quote: '"' })).toBe(
    'T INFO  done path=/run/a_b-c.d:e,f@g%h+i text="two words" empty="" quote="\\""\n',
  );
});

test.for([
  ['trace', 90],
  ['debug', 36],
  ['info', 32],
  ['warn', 33],
  ['error', 31],
  ['fatal', 35],
] as const)('textLine: %s has the colour %i, and nothing else has one', ([level, color]) => {
  expect(lineOf({ level, key: 'a b' }, true)).toBe(
    `T ${escape}[${color}m${level.toUpperCase().padEnd(5)}${escape}[0m done key="a b"\n`,
  );
});

test('textLine: a record without level, time or message is still a line', () => {
  expect(textLine('{"a":1}', true)).toBe('        a=1\n');
});

const hostile = [
  ['a line end', 'a\nT FATAL forged', String.raw`"a\nT FATAL forged"`],
  ['an escape sequence', `${escape}[2J`, String.raw`"\u001b[2J"`],
  ['a window title', `${escape}]0;x\u0007`, String.raw`"\u001b]0;x\u0007"`],
  ['the 8-bit introducer', '\u009B2J', String.raw`"\u009b2J"`],
  ['delete', '\u007F', String.raw`"\u007f"`],
  ['a line separator', '\u2028\u2029', String.raw`"\u2028\u2029"`],
  ['a NUL', '\0', String.raw`"\u0000"`],
  ['a lone surrogate', '\uD800', String.raw`"\ud800"`],
] as const;

test.for(hostile)('textLine: %s in a value is escaped', ([, value, shown]) => {
  expect(lineOf({ path: value })).toBe(`T INFO  done path=${shown}\n`);
});

test.for(hostile)('textLine: %s in a message is escaped', ([, message]) => {
  // handlers write messages, and paths of containers are in them
  expect(controlCharacters(lineOf({ msg: message }))).toEqual([]);
});

test.for(hostile)('textLine: %s within a list or an object is escaped', ([, value]) => {
  expect(controlCharacters(lineOf({ list: [value], object: { key: value } }))).toEqual([]);
});

test.for(hostile)('M6: jsonLine: %s is escaped, and means the same', ([, value]) => {
  const line = jsonLine(`${JSON.stringify({ msg: value, list: [value] })}\n`);
  expect(controlCharacters(line)).toEqual([]);
  expect(JSON.parse(line)).toEqual({ msg: value, list: [value] });
});

test('bytesBeside: the names of a container count, however long they are', () => {
  const lines: string[] = [];
  const formatters = { level: (label: string) => ({ level: label }) };
  const write = (line: string): void => void lines.push(line);
  const logger = pino(
    { base: null, timestamp: () => `,"time":"${new Date().toISOString()}"`, formatters },
    { write },
  ).child({
    handler: 'h'.repeat(60),
    container: 'ü'.repeat(64),
    namespace: 'n'.repeat(63),
    pod: 'p'.repeat(253),
    containerName: 'c"'.repeat(30),
  });
  const log = new Log(logger);
  log.ofHandler('error', 'message');
  const [json = ''] = lines;
  const sizes = [json, textLine(json, true)].map((line) => Buffer.byteLength(line));
  expect(log.bytesBeside).toBe(Math.max(...sizes) - 'message'.length);
});

test('a level that is changed counts for all logs that share it, in whichever thread', () => {
  const shared = withSharedLevel({ level: 'warn', format: 'json', isColored: false });
  const [one, other] = [createLog(shared), createLog(structuredClone(shared)).with({ id: 1 })];
  const alone = createLog({ ...shared, levelCell: LevelCell.of('error').buffer });
  for (const level of logLevels) {
    one.level = level;
    expect([one.level, other.level, alone.level]).toEqual([level, level, 'error']);
    const enabled = logLevels.slice(logLevels.indexOf(level));
    expect(logLevels.filter((each) => other.isEnabled(each))).toEqual(enabled);
    expect(other.hasDecisions).toBe(level === 'trace' || level === 'debug');
  }
});

test('a level that nobody shares is the one of the options', () => {
  const log = createLog({ level: 'error', format: 'json', isColored: false });
  expect(log.level).toBe('error');
  expect(logLevels.filter((level) => log.isEnabled(level))).toEqual(['error', 'fatal']);
});
