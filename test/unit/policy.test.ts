// SPDX-License-Identifier: Apache-2.0
// Tests the texts of default actions and failure policies.
import { expect, test } from 'vitest';

import { errnos } from '../../host/syscalls/errno.ts';
import {
  defaultActionText,
  defaultFailure,
  defaultPolicies,
  failureErrno,
  parseDefaultAction,
  parseFailurePolicy,
  strictestDefault,
  strictestFailure,
} from '../../host/registry/policy.ts';
import type { DefaultAction, Policies } from '../../host/registry/policy.ts';
import { failure } from '../support/failures.ts';

test('parseFailurePolicy: every errno is one', () => {
  for (const [name] of errnos) {
    expect(parseFailurePolicy(`errno:${name}`)).toEqual({ kind: 'errno', errno: name });
  }
});

const words = ['continue', 'kill-container', 'freeze-container'] as const;

test.for(words)('parseFailurePolicy: %s is one', (text) => {
  expect(parseFailurePolicy(text)).toEqual({ kind: text });
});

test('parseDefaultAction: every errno is one, and is written as it is read', () => {
  for (const [name] of errnos) {
    expect(parseDefaultAction(`errno:${name}`)).toBe(name);
    expect(defaultActionText(name)).toBe(`errno:${name}`);
  }
});

test.for(words)('parseDefaultAction: %s is one, and is written as it is read', (text) => {
  expect(parseDefaultAction(text)).toBe(text);
  expect(defaultActionText(text)).toBe(text);
});

const said = (defaultAction: DefaultAction): Policies => ({ ...defaultPolicies, defaultAction });

test.for([
  [['EIO', 'kill-container', 'freeze-container'], 'continue', 'kill-container'],
  [['EIO', 'freeze-container', 'EPERM'], 'continue', 'freeze-container'],
  [['continue', 'EIO', 'EPERM'], 'continue', 'EIO'],
  [['continue'], 'continue', 'continue'],
  [[], 'ENOSYS', 'ENOSYS'],
  [['continue'], 'ENOSYS', 'ENOSYS'],
  [['EIO'], 'ENOSYS', 'EIO'],
  [['EIO'], 'freeze-container', 'freeze-container'],
  [['freeze-container'], 'kill-container', 'kill-container'],
] as const)(
  'G3: strictestDefault: of %j and the operator’s %s, %s holds',
  ([given, own, action]) => {
    const policies = given.map((defaultAction) => said(defaultAction));
    expect(strictestDefault(policies, said(own))).toBe(action);
  },
);

test('G3: strictestFailure: kill, freeze, errno, continue, in this order', () => {
  const policies = (['continue', 'errno:EIO', 'freeze-container', 'kill-container'] as const).map(
    (text) => ({ failure: parseFailurePolicy(text) }),
  );
  for (let count = 1; count <= policies.length; count += 1) {
    const some = policies.slice(0, count);
    expect(strictestFailure(some, defaultPolicies)).toEqual(some.at(-1)?.failure);
  }
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
  'kill-process',
  'constructor',
] as const;

test.for(neither)('G3: parseFailurePolicy: %j is none', (text) => {
  expect(() => parseFailurePolicy(text)).toThrow(
    failure('AGENT_USAGE', `"${text}"`, 'errno:', ...words),
  );
});

test.for(neither)('G3: parseDefaultAction: %j is none', (text) => {
  expect(() => parseDefaultAction(text)).toThrow(
    failure('AGENT_USAGE', `"${text}"`, 'errno:', ...words),
  );
});

test('failureErrno: it is the errno of the caller', () => {
  expect(failureErrno(defaultFailure)).toBe('EPERM');
  expect(failureErrno({ kind: 'errno', errno: 'EIO' })).toBe('EIO');
  expect(failureErrno({ kind: 'continue' })).toBeUndefined();
  // it hardly hears it
  expect(failureErrno({ kind: 'kill-container' })).toBe('EPERM');
  expect(failureErrno({ kind: 'freeze-container' })).toBe('EPERM');
});
