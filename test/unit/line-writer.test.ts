// SPDX-License-Identifier: Apache-2.0
// Tests that a line of the log ends with its own event, however long it is and however slowly it is read.
import { pino } from 'pino';
import { expect, test } from 'vitest';

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
