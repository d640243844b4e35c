// SPDX-License-Identifier: Apache-2.0
// Tests which answers are none by a handler's grants.
import { expect, test } from 'vitest';

import { continueAction, fail, nextAction, performAction } from '../../host/call/action.ts';
import type { Action, FinalAction } from '../../host/call/action.ts';
import { pointerFault } from '../../host/call/pointer-fault.ts';
import { inbox } from '../../host/native.ts';
import { answerRule } from '../../host/worker/answer-rules.ts';
import { Syscalls } from '../../host/syscalls/syscalls.ts';
import type { Grants } from '../../host/registry/grants.ts';
import { failure } from '../support/failures.ts';

const code = 'AGENT_HANDLER_FAILED';

function check(grants: Omit<Grants, 'capabilities'>, name: string, action: Action): void {
  const syscall = new Syscalls().byName(name);
  if (syscall === undefined) throw new Error(`no ${name}`);
  const rule = answerRule({ capabilities: {}, ...grants });
  rule?.(action, syscall);
}

test('answers: without limits nobody asks', () => {
  expect(answerRule({ capabilities: { filesystem: { paths: ['/a'] } } })).toBeUndefined();
});

const late = (answer: FinalAction): Action => ({ kind: 'delay', delayMs: 1, answer });

test.for([
  fail('EPERM'),
  fail('EIO'),
  late(fail('EIO')),
  late(continueAction),
  nextAction,
] as const)('answers: %j is granted', (action) => {
  expect(() => {
    check({ errnos: ['EPERM', 'EIO'] }, 'chmod', action);
  }).not.toThrow();
});

test.for([fail('EACCES'), late(fail('EACCES'))] as const)(
  'answers: %j is a failure of the handler where other errnos are granted',
  (action) => {
    expect(() => {
      check({ errnos: ['EPERM', 'EIO'] }, 'chmod', action);
    }).toThrow(failure(code, 'EACCES', 'EPERM', 'EIO'));
  },
);

test.for([inbox.null, -14, -36, -22])(
  'answers: a pointer that could not be followed (%i) is no answer of the handler',
  (length) => {
    expect(() => {
      check({ errnos: ['EPERM'] }, 'chmod', pointerFault(length));
    }).not.toThrow();
  },
);

test('answers: an errno that a handler names is its own, though a pointer could give it', () => {
  expect(() => {
    check({ errnos: ['EPERM'] }, 'chmod', fail('EFAULT'));
  }).toThrow(failure(code, 'EFAULT', 'EPERM'));
});

test('answers: only granted families are performed', () => {
  const grants = { perform: ['mkdir'] } as const;
  expect(() => {
    check(grants, 'mkdirat', performAction);
    check(grants, 'chmod', fail('EACCES'));
  }).not.toThrow();
  expect(() => {
    check(grants, 'fchmodat', performAction);
  }).toThrow(failure(code, 'fchmodat', 'mkdir'));
});
