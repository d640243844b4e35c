// SPDX-License-Identifier: Apache-2.0
// Tests how references of bundles in OCI registries are read.
import { expect, test } from 'vitest';

import {
  formatReference,
  isReference,
  parseDigestReference,
  parseReference,
} from '../../host/bundles/oci/reference.ts';
import { failure } from '../support/failures.ts';

const digest = `sha256:${'0f'.repeat(32)}`;

test.for([
  ['oci://example.com/a', { host: 'example.com', repository: 'a' }],
  ['example.com:5000/a/b-c/d__e.f', { host: 'example.com:5000', repository: 'a/b-c/d__e.f' }],
  ['localhost/a:1.0', { host: 'localhost', repository: 'a', tag: '1.0' }],
  ['[::1]:5000/a:V_1', { host: '[::1]:5000', repository: 'a', tag: 'V_1' }],
  [`oci://h/a@${digest}`, { host: 'h', repository: 'a', digest }],
  [`h/a:t@${digest}`, { host: 'h', repository: 'a', tag: 't', digest }],
] as const)('reference %s: is read', ([text, reference]) => {
  expect(parseReference(text)).toEqual(reference);
  expect(formatReference(parseReference(text))).toBe(text.replace('oci://', ''));
});

test.for([
  'mkdir-suffix',
  '',
  '/a',
  'user@host/a',
  'https://example.com/a',
  'example.com:0/a',
  'example.com/A',
  'example.com/../a',
  'example.com/a//b',
  'example.com/a?b',
  'example.com/a:',
  'example.com/a:b:c',
  'example.com/a:.',
  `example.com/a@${digest.toUpperCase()}`,
  `example.com/a@sha512:${'0f'.repeat(64)}`,
  `example.com/a@${digest}@${digest}`,
  `example.com/${'a'.repeat(255)}`,
])('reference %s: is refused', (text) => {
  expect(() => parseReference(text)).toThrow(failure('AGENT_REFERENCE', `"${text.slice(0, 80)}`));
});

test('reference: a tag alone is no digest', () => {
  expect(() => parseDigestReference('oci://h/a:t')).toThrow(
    failure('AGENT_REFERENCE', '"oci://h/a:t"', '@sha256:'),
  );
  expect(parseDigestReference(`oci://h/a:t@${digest}`)).toMatchObject({ digest });
});

test('reference: it is told from a bundle name by its scheme', () => {
  expect(isReference(`oci://h/a@${digest}`)).toBe(true);
  expect(isReference('h/a')).toBe(false);
});
