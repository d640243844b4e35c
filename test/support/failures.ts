// SPDX-License-Identifier: Apache-2.0
// What tests expect of failures: their codes, and the names and values that their messages have to say.
// Sentences may change.
import { expect } from 'vitest';

import type { AgentErrorCode } from '../../host/errors.ts';

/** A name or a value of the test's own, or a pattern of such. */
export type Named = string | RegExp;

function sourceOf(named: Named): string {
  if (!(named instanceof RegExp)) return named.replaceAll(/[$()*+.?[\\\]^{|}]/gu, String.raw`\$&`);
  if (named.flags !== 'u') throw new Error(`${named} has other flags than u`);
  return `(?:${named.source})`;
}

/** Matches a text that has all of them, in any order. */
export function naming(...named: readonly Named[]): unknown {
  const all = named.map((each) => `(?=[^]*${sourceOf(each)})`).join('');
  return expect.stringMatching(new RegExp(`^${all}`, 'u'));
}

/**
 * Matches an AgentError of the code whose message has all of these.
 * @example expect(() => parse('x:')).toThrow(failure('AGENT_REFERENCE', 'x:'))
 */
export function failure(code: AgentErrorCode, ...named: readonly Named[]): unknown {
  return expect.objectContaining({ code, message: naming(...named) });
}

/**
 * Matches the result of a command that has failed so.
 * @example expect(await runCommand([seccompagent, 'list', '-x'])).toEqual(failed('AGENT_USAGE', '-x'))
 */
export function failed(code: AgentErrorCode, ...named: readonly Named[]): unknown {
  if (code === 'AGENT_USAGE') return expect.objectContaining({ code: 2, stderr: naming(...named) });
  return expect.objectContaining({ code: 1, stderr: naming(`[${code}]`, ...named) });
}
