// SPDX-License-Identifier: Apache-2.0
// Tests the agent's own errors, and the text of anything that is thrown.
import { expect, test } from 'vitest';

import {
  AgentError,
  agentErrorCodes,
  failureFields,
  failureLine,
  messageOf,
  systemCodeOf,
} from '../../host/errors.ts';

test('AgentError: it says what failed, why, and in which handler', () => {
  const cause = new RangeError('too far');
  const error = new AgentError('AGENT_HANDLER_FAILED', 'it broke', { cause, handler: 'h' });
  expect(error).toBeInstanceOf(Error);
  expect(error).toMatchObject({
    name: 'AgentError',
    code: 'AGENT_HANDLER_FAILED',
    message: 'it broke',
    handler: 'h',
    cause,
  });
});

test('AgentError: without a cause it has none', () => {
  const error = new AgentError('AGENT_USAGE', 'no');
  expect(error.handler).toBeUndefined();
  expect(Object.hasOwn(error, 'cause')).toBe(false);
});

test('agentErrorCodes: each begins alike and says what it means', () => {
  for (const [code, meaning] of Object.entries(agentErrorCodes)) {
    expect(code).toMatch(/^AGENT_[A-Z_]+$/u);
    expect(meaning).toMatch(/^[^A-Z].*[^.]$/u);
  }
});

test('messageOf: causes follow what they caused', () => {
  const inner = new Error('inner');
  const middle = new AgentError('AGENT_LISTENER', 'middle', { cause: inner });
  expect(messageOf(new Error('outer', { cause: middle }))).toBe('outer: middle: inner');
  expect(messageOf(new Error('outer', { cause: 'a text' }))).toBe('outer: a text');
});

test('messageOf: of several lines it takes the first', () => {
  expect(messageOf(new Error('first\nsecond'))).toBe('first');
  expect(messageOf(new Error('a\nb', { cause: new Error('c\nd') }))).toBe('a: c');
});

test('messageOf: of texts of any length it takes the beginning, and shows that', () => {
  const inner = new Error(`inner ${'y'.repeat(1_000_000)}`);
  const outer = new Error(`outer ${'\x7f'.repeat(1_000_000)}`, { cause: inner });
  const [first = '', second = ''] = messageOf(outer).split(': ');
  expect(first).toMatch(/^outer (?:\\u007f){2042}…$/u);
  expect(second).toMatch(/^inner y{2042}…$/u);
  expect(messageOf('z'.repeat(5000))).toHaveLength(2049);
});

test.for([
  ['a text', 'a text'],
  [undefined, 'undefined'],
  [null, 'null'],
  [7n, '7'],
  [Symbol('s'), 'Symbol(s)'],
] as const)('messageOf: %s that was thrown is its text', ([thrown, text]) => {
  expect(messageOf(thrown)).toBe(text);
});

test('failureFields: an error has its code beside its text, and others have the text alone', () => {
  const cause = new Error('inner');
  const error = new AgentError('AGENT_LISTENER', 'outer', { cause });
  expect(failureFields(error)).toEqual({ error: 'outer: inner', code: 'AGENT_LISTENER' });
  expect(failureFields(cause)).toEqual({ error: 'inner' });
});

test.for([
  [new AgentError('AGENT_LISTENER', 'outer'), 'seccompagent: outer [AGENT_LISTENER]\n'],
  [new AgentError('AGENT_USAGE', 'outer'), 'seccompagent: outer\n'],
  [new Error('outer\ninner'), 'seccompagent: outer\n'],
] as const)('failureLine: of %o it is %j', ([thrown, line]) => {
  expect(failureLine(thrown)).toBe(line);
});

test('systemCodeOf: the code of a system error, and nothing else', () => {
  expect(systemCodeOf(Object.assign(new Error('no'), { code: 'EADDRINUSE' }))).toBe('EADDRINUSE');
  expect(systemCodeOf(Object.assign(new Error('no'), { code: 5 }))).toBeUndefined();
  expect(systemCodeOf(new Error('no'))).toBeUndefined();
  expect(systemCodeOf({ code: 'EADDRINUSE' })).toBeUndefined();
  expect(systemCodeOf(undefined)).toBeUndefined();
});
