// SPDX-License-Identifier: Apache-2.0
// Failures of calls: their reasons, and their lines in the log.
import { AgentError, failureFields, messageOf } from '../errors.ts';
import type { Decision } from '../call/action.ts';
import type { FailureReason } from '../counting/counters.ts';
import type { Log } from '../log/log.ts';
import type { DecisionFailure } from '../observation/decision-layout.ts';
import { shownContainer } from '../registry/shown-container.ts';
import type { Syscall } from '../syscalls/syscalls.ts';
import type { Container } from './container.ts';
import type { CallFailure } from './thread-messages.ts';

/** A call whose answer is the failure policy. */
interface FailedCall {
  readonly tid: number;
  readonly syscall: Syscall | undefined;
  /** Undefined: its registry could not be read. */
  readonly container: Container | undefined;
}

/** Of a call that the failure policy answered, or that failed with no error. */
export function ownFailure(
  { registry }: Container,
  decision: Decision | undefined,
  syscall: Syscall | undefined,
): DecisionFailure {
  if (registry.isRefused === true) return 'settings';
  if (decision === undefined) return 'quarantine';
  return syscall === undefined ? 'unknown-call' : 'none';
}

export function reasonOf(thrown: unknown): FailureReason {
  if (!(thrown instanceof AgentError)) return 'agent';
  if (thrown.code === 'AGENT_HANDLER_FAILED') return 'trap';
  return thrown.code === 'AGENT_SETTING_INVALID' ? 'settings' : 'agent';
}

/**
 * The container has counted it.
 * @param callsUntold failed calls of the container before this one that are in no line
 */
export function logFailure(
  log: Log,
  thrown: unknown,
  { tid, syscall, container, callsUntold }: FailedCall & { readonly callsUntold: number },
): void {
  log.counted('call-failed', {
    ...(container === undefined ? {} : shownContainer(container.registry, container)),
    syscall: syscall?.name,
    tid,
    handler: thrown instanceof AgentError ? thrown.handler : undefined,
    ...failureFields(thrown),
    ...(callsUntold === 0 ? {} : { callsUntold }),
  });
}

/** Of a failed call, for the main thread. */
export function callFailure(thrown: unknown, token: number): CallFailure {
  const reason = reasonOf(thrown);
  return {
    token,
    handler: thrown instanceof AgentError ? thrown.handler : undefined,
    reason,
    ...(reason === 'settings' ? { refusal: messageOf(thrown) } : {}),
  };
}
