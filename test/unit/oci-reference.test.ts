// SPDX-License-Identifier: Apache-2.0
// Tests how references of bundles in OCI registries are read.
import { expect, test } from 'vitest';

import {
  formatReference,
  isReference,
  parseDigestReference,
  parseReference,
} from '../../host/bundles/oci/reference.ts';

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
  ['mkdir-suffix', 'no repository'],
  ['', 'no repository'],
  ['/a', 'no valid host'],
  ['user@host/a', 'sha256'],
  ['https://example.com/a', 'no valid host'],
  ['example.com:0/a', 'no valid host'],
  ['example.com/A', 'no valid repository'],
  ['example.com/../a', 'no valid repository'],
  ['example.com/a//b', 'no valid repository'],
  ['example.com/a?b', 'no valid repository'],
  ['example.com/a:', 'no valid tag'],
  ['example.com/a:b:c', 'no valid tag'],
  ['example.com/a:.', 'no valid tag'],
  [`example.com/a@${digest.toUpperCase()}`, 'sha256'],
  [`example.com/a@sha512:${'0f'.repeat(64)}`, 'sha256'],
  [`example.com/a@${digest}@${digest}`, 'more than one "@"'],
  [`example.com/${'a'.repeat(255)}`, 'too long'],
] as const)('reference %s: is refused', ([text, reason]) => {
  expect(() => parseReference(text)).toThrow(
    expect.objectContaining({ code: 'AGENT_REFERENCE', message: expect.stringContaining(reason) }),
  );
});

test('reference: a tag alone is no digest', () => {
  expect(() => parseDigestReference('oci://h/a:t')).toThrow('has no digest');
  expect(parseDigestReference(`oci://h/a:t@${digest}`)).toMatchObject({ digest });
});

test('reference: it is told from a bundle name by its scheme', () => {
  expect(isReference(`oci://h/a@${digest}`)).toBe(true);
  expect(isReference('h/a')).toBe(false);
});
