// SPDX-License-Identifier: Apache-2.0
// Tests the texts of default actions and failure policies.
import { expect, test } from 'vitest';

import { errnos } from '../../host/handler/errno.ts';
import {
  defaultFailure,
  failureErrno,
  parseDefaultAction,
  parseFailurePolicy,
} from '../../host/registry/policy.ts';
import { failureOf } from '../support/agent-failure.ts';

test('parseFailurePolicy: every errno is one', () => {
  for (const [name] of errnos) {
    expect(parseFailurePolicy(`errno:${name}`)).toEqual({ kind: 'errno', errno: name });
  }
});

test.for(['continue', 'kill-container'] as const)('parseFailurePolicy: %s is one', (text) => {
  expect(parseFailurePolicy(text)).toEqual({ kind: text });
});

test('parseDefaultAction: continue and every errno are some', () => {
  expect(parseDefaultAction('continue')).toBe('continue');
  for (const [name] of errnos) expect(parseDefaultAction(`errno:${name}`)).toBe(name);
});

const neither = [
  '',
  'errno',
  'errno:',
  'errno:eperm',
  'errno:EPERMM',
  'errno: EPERM',
  'errno:EPERM ',
  'errno:1',
  'errno:toString',
  'errno:EPERM,continue',
  'ERRNO:EPERM',
  'EPERM',
  'Continue',
  ' continue',
  'continue\n',
  'kill',
  'constructor',
] as const;

test.for(neither)('G3: parseFailurePolicy: %j is none', (text) => {
  expect(failureOf(() => parseFailurePolicy(text))).toMatchObject({
    code: 'AGENT_USAGE',
    message: `"${text}" is no failure policy; there are errno:NAME (such as errno:EPERM), continue, kill-container`,
  });
});

test.for([...neither, 'kill-container'])('G3: parseDefaultAction: %j is none', (text) => {
  expect(failureOf(() => parseDefaultAction(text))).toMatchObject({
    code: 'AGENT_USAGE',
    message: `"${text}" is no default action; there are continue and errno:NAME (such as errno:ENOSYS)`,
  });
});

test('failureErrno: what a caller gets to hear', () => {
  expect(failureErrno(defaultFailure)).toBe('EPERM');
  expect(failureErrno({ kind: 'errno', errno: 'EIO' })).toBe('EIO');
  expect(failureErrno({ kind: 'continue' })).toBeUndefined();
  // it hardly hears it
  expect(failureErrno({ kind: 'kill-container' })).toBe('EPERM');
});
