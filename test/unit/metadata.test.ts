// SPDX-License-Identifier: Apache-2.0
// Tests the reader of listenerMetadata.
import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';

import { expect, test } from 'vitest';

import { messageOf } from '../../host/errors.ts';
import { namedMiddleware, parseMetadata, unselected } from '../../host/resolvers/metadata.ts';
import { failureOf } from '../support/agent-failure.ts';
import { failure } from '../support/failures.ts';
import type { Named } from '../support/failures.ts';

test('metadata: without lines it selects and sets nothing', () => {
  expect(parseMetadata('')).toEqual({ settings: new Map() });
  expect(parseMetadata('\n\n')).toEqual({ settings: new Map() });
});

test('metadata: BUNDLE selects in its order, the other keys are settings', () => {
  expect(parseMetadata('A=1\nBUNDLE=b, a\n\nB_1.x-y=\n')).toEqual({
    bundles: ['b', 'a'],
    settings: new Map([
      ['A', '1'],
      ['B_1.x-y', ''],
    ]),
  });
});

test.for([
  ['kill-container', 'kill-container'],
  ['freeze-container', 'freeze-container'],
  ['errno:ENOSYS', 'ENOSYS'],
  ['continue', 'continue'],
] as const)('metadata: DEFAULT_ACTION=%s is no setting', ([text, defaultAction]) => {
  const read = parseMetadata(`DEFAULT_ACTION=${text}\nA=1`);
  expect(read).toEqual({ defaultAction, settings: new Map([['A', '1']]) });
});

test.for([
  ['prometheus', ['prometheus']],
  ['falco', ['falco']],
  ['falco, prometheus', ['falco', 'prometheus']],
] as const)('metadata: MIDDLEWARE=%s is no setting', ([text, middleware]) => {
  expect(parseMetadata(`MIDDLEWARE=${text}`)).toEqual({ middleware, settings: new Map() });
});

const invalid = 'AGENT_SETTING_INVALID';

test.for<readonly [text: string, key: string, ...named: readonly string[]]>([
  ['DEFAULT_ACTION=', 'DEFAULT_ACTION'],
  ['DEFAULT_ACTION=kill', 'DEFAULT_ACTION', 'kill-container', 'freeze-container', 'continue'],
  ['DEFAULT_ACTION=errno:EPERMM', 'DEFAULT_ACTION', 'errno:'],
  ['DEFAULT_ACTION=kill-container ', 'DEFAULT_ACTION'],
  ['MIDDLEWARE=', 'MIDDLEWARE'],
  ['MIDDLEWARE=falco,', 'MIDDLEWARE'],
  ['MIDDLEWARE=falco,falco', 'MIDDLEWARE', '"falco"'],
  ['MIDDLEWARE=Falco', 'MIDDLEWARE', '"Falco"', 'prometheus, falco'],
])('G3: metadata: %s is refused', ([text, ...named]) => {
  expect(() => parseMetadata(text)).toThrow(failure(invalid, 'listenerMetadata', ...named));
});

function names(count: number): string {
  return Array.from({ length: count }, (_, index) => `b${index}`).join(',');
}

test('metadata: sixteen bundles are selected, and as many shadows', () => {
  const { bundles, shadow } = parseMetadata(`BUNDLE=${names(16)}\nBUNDLE_SHADOW=${names(16)}`);
  expect([bundles?.length, shadow?.length]).toEqual([16, 16]);
});

test('metadata: a value begins behind the first "=" and is taken as it is', () => {
  expect(parseMetadata('OPTIONS= a=b,c=d \r\nBUNDLE=x').settings).toEqual(
    new Map([['OPTIONS', ' a=b,c=d \r']]),
  );
});

test.for<readonly [what: string, text: string, ...named: readonly Named[]]>([
  ['a line without "="', 'A=1\nsecret', /\b2\b/u, '"="'],
  ['a line of blanks', ' ', /\b1\b/u, '"="'],
  ['a line without a key', '=1', /\b1\b/u],
  ['a key twice', 'A=1\nA=1', '"A"'],
  ['BUNDLE twice', 'BUNDLE=a\nBUNDLE=b', '"BUNDLE"'],
  ['no bundle', 'BUNDLE=', 'BUNDLE'],
  ['an empty name', 'BUNDLE=a,,b', 'BUNDLE'],
  ['too many bundles', `BUNDLE=${names(17)}`, 'BUNDLE', /\b16\b/u],
  ['too many in a shadow', `BUNDLE_SHADOW=${names(17)}`, 'BUNDLE_SHADOW', /\b16\b/u],
  ['a bundle twice', 'BUNDLE=a,b, a', 'BUNDLE', '"a"'],
])('G3: metadata: %s is refused', ([, text, ...named]) => {
  expect(() => parseMetadata(text)).toThrow(failure(invalid, 'listenerMetadata', ...named));
});

test.for([
  ['', []],
  ['MIDDLEWARE=falco\nsecret', ['falco']],
  ['=1\nMIDDLEWARE=prometheus, falco,falco\nMIDDLEWARE=,nobody', ['prometheus', 'falco']],
  ['A=\nXMIDDLEWARE=falco\n MIDDLEWARE=falco', []],
] as const)('metadata: of %j that is wrong, the middleware is %j', ([text, known]) => {
  expect(namedMiddleware(text)).toEqual(known);
});

test('M5: metadata: no value is in what is said of it', () => {
  const texts = [
    'A=secret\nA=secret',
    'secret',
    '=secret',
    'two secrets=1\ntwo secrets=1',
    'DEFAULT_ACTION=secret',
    'DEFAULT_ACTION=errno:secret',
  ];
  for (const text of texts) {
    const refused = failureOf(() => parseMetadata(text));
    expect(refused.code).toBe(invalid);
    expect(messageOf(refused)).not.toContain('secret');
  }
});

test('metadata: a key of any length is shown in part', () => {
  const key = 'k'.repeat(100_000);
  expect(failureOf(() => parseMetadata(`${key}=\n${key}=`)).message.length).toBeLessThan(200);
});

test('A7: metadata: of keys that nobody can have meant the first ten are named', () => {
  const keys = Array.from({ length: 12 }, (_, index) => `KEY${index}`);
  const listed = unselected(keys);
  expect(listed).toMatch(/"KEY0", .*"KEY9"\D*\b2\b/u);
  expect(listed).not.toContain('KEY10');
});

test('A10: metadata: names of bundles keep nothing else of the text in memory', () => {
  setFlagsFromString('--expose-gc');
  const collect: () => void = runInNewContext('gc');
  const kept: string[] = [];
  collect();
  const before = process.memoryUsage().heapUsed;
  for (let index = 0; index < 1000; index += 1) {
    const name = `a-bundle-with-a-long-name-${index}`;
    const text = JSON.parse(JSON.stringify(`BUNDLE=${name}\nREST=${'x'.repeat(60_000)}${index}`));
    kept.push(...(parseMetadata(text).bundles ?? []));
  }
  collect();

  expect(kept).toHaveLength(1000);
  expect(process.memoryUsage().heapUsed - before).toBeLessThan(10 * 2 ** 20);
});
