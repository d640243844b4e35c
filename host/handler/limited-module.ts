// SPDX-License-Identifier: Apache-2.0
// The module that is compiled in place of a handler's core module.
import type { CodeBounds } from './code-bounds.ts';
import { limitsOf, rewritten } from './core-module.ts';
import { checksOf } from './interrupt-checks.ts';

/**
 * The module that is tried, compiled and instantiated in place of this one.
 * @param code those that it is within; absent: the usual ones
 * @throws AgentError AGENT_COMPONENT_REFUSED
 */
export function limitedModule(
  bytes: Uint8Array,
  maximumPages: number,
  code?: CodeBounds,
): Uint8Array {
  return rewritten(bytes, new Map([...limitsOf(maximumPages), ...checksOf(bytes, code)]));
}
