// SPDX-License-Identifier: Apache-2.0
// Tests that text of strangers does nothing to a terminal.
import { expect, test } from 'vitest';

import { AgentError, messageOf } from '../../host/errors.ts';
import { escaped, shownJson, shownLines } from '../../host/terminal-text.ts';

const hostile = 'a\u001B[2J\u009B2J\u007F\r\n\t\0\u2028\u202E\u2066\u200Fb';
const visible = String.raw`a\u001b[2J\u009b2J\u007f\u000d\u000a\u0009\u0000\u2028\u202e\u2066\u200fb`;

test('M6: terminal text: control characters are shown as their numbers, all else as it is', () => {
  expect(escaped(hostile)).toBe(visible);
  expect(escaped(String.raw`Grüße, 日本語 🙂 \u001b`)).toBe(String.raw`Grüße, 日本語 🙂 \u001b`);
});

test('M6: terminal text: lines stay as many as they are', () => {
  expect(shownLines(['one', hostile, ''])).toBe(`one\n${visible}\n`);
});

test('M6: terminal text: JSON means the same', () => {
  const value = { [hostile]: [hostile, 1] };
  const text = shownJson(value);
  expect(JSON.parse(text)).toEqual(value);
  expect(text.replaceAll('\n', '')).not.toMatch(/[\p{Cc}\p{Bidi_Control}\u2028]/u);
});

test('M6: terminal text: so are messages, with their causes', () => {
  const cause = new Error('\u001B[2J');
  expect(messageOf(new AgentError('AGENT_OCI', '\u009B2J', { cause }))).toBe(
    String.raw`\u009b2J: \u001b[2J`,
  );
  expect(messageOf('\u001B')).toBe(String.raw`\u001b`);
});
