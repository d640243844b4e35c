// SPDX-License-Identifier: Apache-2.0
// Tests the reader of listenerMetadata.
import { expect, test } from 'vitest';

import { namedMiddleware, parseMetadata, unselected } from '../../host/resolvers/metadata.ts';
import { failureOf } from '../support/agent-failure.ts';

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

const defaults = 'kill-container, freeze-container, errno:NAME or continue';

test.for([
  ['DEFAULT_ACTION=', `DEFAULT_ACTION must be ${defaults}`],
  ['DEFAULT_ACTION=kill', `DEFAULT_ACTION must be ${defaults}`],
  ['DEFAULT_ACTION=errno:EPERMM', `DEFAULT_ACTION must be ${defaults}`],
  ['DEFAULT_ACTION=kill-container ', `DEFAULT_ACTION must be ${defaults}`],
  ['MIDDLEWARE=', 'MIDDLEWARE has an empty name'],
  ['MIDDLEWARE=falco,', 'MIDDLEWARE has an empty name'],
  ['MIDDLEWARE=falco,falco', 'MIDDLEWARE names "falco" twice'],
  ['MIDDLEWARE=Falco', 'MIDDLEWARE names "Falco": prometheus, falco exist'],
] as const)('G3: metadata: %s is refused', ([text, message]) => {
  expect(failureOf(() => parseMetadata(text))).toMatchObject({
    code: 'AGENT_SETTING_INVALID',
    message: `listenerMetadata: ${message}`,
  });
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

test.for([
  ['a line without "="', 'A=1\nsecret', 'line 2 has no "="'],
  ['a line of blanks', ' ', 'line 1 has no "="'],
  ['a line without a key', '=1', 'line 1 has no key'],
  ['a key twice', 'A=1\nA=1', '"A" is duplicated'],
  ['BUNDLE twice', 'BUNDLE=a\nBUNDLE=b', '"BUNDLE" is duplicated'],
  ['no bundle', 'BUNDLE=', 'BUNDLE has an empty name'],
  ['an empty name', 'BUNDLE=a,,b', 'BUNDLE has an empty name'],
  ['too many bundles', `BUNDLE=${names(17)}`, 'BUNDLE has more than 16 names'],
  ['too many in a shadow', `BUNDLE_SHADOW=${names(17)}`, 'BUNDLE_SHADOW has more than 16 names'],
  ['a bundle twice', 'BUNDLE=a,b, a', 'BUNDLE names "a" twice'],
] as const)('G3: metadata: %s is refused', ([, text, message]) => {
  const failure = failureOf(() => parseMetadata(text));
  expect(failure.code).toBe('AGENT_SETTING_INVALID');
  expect(failure.message).toBe(`listenerMetadata: ${message}`);
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
  const texts = ['A=secret\nA=secret', 'secret', '=secret', 'two secrets=1\ntwo secrets=1'];
  for (const text of texts) {
    expect(failureOf(() => parseMetadata(text)).message).not.toContain('secret');
  }
});

test('metadata: a key of any length is shown in part', () => {
  const key = 'k'.repeat(100_000);
  expect(failureOf(() => parseMetadata(`${key}=\n${key}=`)).message.length).toBeLessThan(200);
});

test('A7: metadata: of keys that nobody can have meant the first ten are named', () => {
  const keys = Array.from({ length: 12 }, (_, index) => `KEY${index}`);
  expect(unselected(keys)).toMatch(/^"KEY0", .*"KEY9" and 2 more set, but no bundle/u);
});
