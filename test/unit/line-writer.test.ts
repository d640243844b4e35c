// SPDX-License-Identifier: Apache-2.0
// Tests that a line of the log ends with its own event, however long it is and however slowly it is read.
import { pino } from 'pino';
import { expect, onTestFinished, test, vi } from 'vitest';

import { LineWriter } from '../../host/log/line-writer.ts';
import { Log, jsonLine, textLine } from '../../host/log/log.ts';
import { recordOf } from '../support/log-records.ts';

const forged = ' container=victim event=container-killed';
const asText = (record: string): string => textLine(record, false);

interface Written {
  readonly log: Log;
  readonly lines: () => readonly string[];
}

/** @param max bytes that are written at once; then nobody reads for a while */
function written(lineOf: (record: string) => string, max: number = Infinity): Written {
  const chunks: Buffer[] = [];
  const writer = new LineWriter((bytes) => {
    const part = bytes.subarray(0, Math.min(bytes.length, max));
    chunks.push(part);
    return part.length;
  });
  const formatters = { level: (label: string) => ({ level: label }) };
  const write = (record: string): void => {
    writer.record(record, lineOf);
  };
  const log = new Log(pino({ base: null, formatters, timestamp: () => ',"time":"T"' }, { write }));
  return { log, lines: () => Buffer.concat(chunks).toString().split('\n').slice(0, -1) };
}

test.for([
  ['text', asText],
  ['JSON', jsonLine],
] as const)('Log: in %s no field and no message is taken for an event', ([, lineOf]) => {
  const { log, lines } = written(lineOf);
  log.event('reloaded', { event: 'container-killed', container: 'a event=container-killed' });
  log.with({ container: 'c' }).ofHandler('info', `made${forged}`);
  expect(lines().map((line) => recordOf(line)?.event)).toEqual(['reloaded', 'handler-log']);
});

test('Log: in text the event is the last field', () => {
  const { log, lines } = written(asText);
  log.event('reloaded', { containers: 1 });
  log.with({ container: 'c' }).ofHandler('info', `made${forged}`);
  expect(lines().map((line) => line.split(' ').at(-1))).toEqual([
    'event=reloaded',
    'event=handler-log',
  ]);
});

test.for([
  ['text', asText],
  ['JSON', jsonLine],
] as const)(
  'LineWriter: a long line in %s is cut in its fields and keeps its event',
  ([, lineOf]) => {
    const { log, lines } = written(lineOf);
    log.ofHandler('info', forged.repeat(1000));
    log.counted('paths-not-held', { paths: Array.from({ length: 2000 }, () => `/x${forged}`) });
    expect(lines().map((line) => recordOf(line)?.event)).toEqual(['handler-log', 'paths-not-held']);
    expect(Math.max(...lines().map((line) => Buffer.byteLength(line)))).toBeLessThan(16_384);
  },
);

test('LineWriter: no end of a part passes for the end of a line', () => {
  for (let length = 0; length < 200; length += 1) {
    const beside = Buffer.byteLength('T INFO  ');
    const { log, lines } = written(asText, beside + length + forged.length);
    log.ofHandler('info', `${'x'.repeat(length)}${forged} and more`);
    log.ofHandler('info', 'next');
    expect(lines().filter((line) => line.endsWith('event=container-killed'))).toEqual([]);
    expect(lines()[0]).toMatch(/…$/u);
  }
});

test.for([
  ['text', asText],
  ['JSON', jsonLine],
] as const)(
  'LineWriter: lines in %s that nobody takes are counted, and told first',
  ([, lineOf]) => {
    let isFull = false;
    const chunks: Buffer[] = [];
    const writer = new LineWriter((bytes) => {
      if (isFull) throw new Error('EAGAIN');
      chunks.push(bytes);
      return bytes.length;
    });
    const tell = (event: string): void => {
      writer.record(JSON.stringify({ level: 'info', time: 'T', event, msg: 'x' }), lineOf);
    };
    tell('one');
    isFull = true;
    for (let line = 0; line < 5; line += 1) tell('lost');
    isFull = false;
    tell('two');
    tell('three');
    const records = Buffer.concat(chunks)
      .toString()
      .split('\n')
      .slice(0, -1)
      .map((line) => recordOf(line));
    expect(records.map((record) => record?.event)).toEqual([
      'one',
      'log-lines-lost',
      'two',
      'three',
    ]);
    expect(String(records[1]?.['count'])).toBe('5');
  },
);

test('LineWriter: what was lost is told when there is room again, also if no line comes', () => {
  vi.useFakeTimers();
  onTestFinished(() => {
    vi.useRealTimers();
  });
  let isFull = true;
  const lines: string[] = [];
  const writer = new LineWriter((bytes) => {
    if (isFull) throw new Error('EAGAIN');
    lines.push(bytes.toString());
    return bytes.length;
  });
  const tell = (): void => {
    writer.record('{"level":"info","time":"T","event":"lost","msg":"x"}', asText);
  };
  tell();
  vi.advanceTimersByTime(5000);
  expect(lines).toEqual([]);
  tell();
  isFull = false;
  vi.advanceTimersByTime(1000);
  expect(lines.map((line) => recordOf(line.trimEnd()))).toMatchObject([
    { event: 'log-lines-lost', count: '2' },
  ]);
  vi.advanceTimersByTime(5000);
  expect(lines).toHaveLength(1);
});
