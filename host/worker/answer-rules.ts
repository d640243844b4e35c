// SPDX-License-Identifier: Apache-2.0
// Limits of a handler's answers, by its grants: errnos, and calls for `perform`.
import { AgentError } from '../errors.ts';
import type { Action } from '../call/action.ts';
import { isPointerFault } from '../call/pointer-fault.ts';
import type { Grants } from '../registry/grants.ts';
import type { Syscall } from '../syscalls/syscalls.ts';

/** @throws AgentError AGENT_HANDLER_FAILED for an answer that is not granted */
export type AnswerRule = (action: Action, syscall: Syscall) => void;

/** Undefined: everything may be answered. */
export function answerRule({ errnos, perform }: Grants): AnswerRule | undefined {
  if (errnos === undefined && perform === undefined) return undefined;
  const checkErrno = (action: Action): void => {
    if (action.kind !== 'fail' || errnos === undefined || errnos.includes(action.errno)) return;
    // the handler was not even asked
    if (isPointerFault(action)) return;
    notGranted(`errno ${action.errno}`, errnos);
  };
  return (action, { name, family }) => {
    checkErrno(action.kind === 'delay' ? action.answer : action);
    if (action.kind !== 'perform' || perform === undefined || perform.includes(family)) return;
    notGranted(`perform of ${name}`, perform);
  };
}

function notGranted(what: string, granted: readonly string[]): never {
  throw new AgentError(
    'AGENT_HANDLER_FAILED',
    `handler answered with ${what}; it was granted ${granted.join(', ')}`,
  );
}
