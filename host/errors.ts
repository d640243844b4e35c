// SPDX-License-Identifier: Apache-2.0
// AgentError and its codes: what is thrown when the agent itself fails.
import { cut, escaped } from './terminal-text.ts';

/** Every code, with what it means. Codes are stable: scripts and tests may compare them. */
export const agentErrorCodes = {
  AGENT_USAGE: 'the command line is wrong',
  AGENT_NOT_ROOT: 'the agent was not started as root',
  AGENT_ADDON_MISSING: 'the native addon is not built or does not load',
  AGENT_KERNEL: 'the kernel lacks something that the agent needs',
  AGENT_SOCKET_IN_USE: 'another agent listens on the agent socket',
  AGENT_SOCKET: 'the agent socket cannot be made',
  AGENT_STATE_INVALID: 'a message on the agent socket is no container process state',
  AGENT_USER_LIMIT: 'a user is at the limit of what users may have open',
  AGENT_LISTENER: 'a descriptor is no seccomp listener or cannot be taken over',
  AGENT_CONFIG_INVALID: 'the configuration is wrong',
  AGENT_BUNDLE_INVALID: 'a bundle or its manifest is wrong',
  AGENT_BUNDLE_STALE: 'a component is older than its source',
  AGENT_BUNDLE_ROOM: 'the bundles in use leave no room for another one',
  AGENT_GRANT_MISSING: 'a bundle is not granted what it needs',
  AGENT_SETTING_INVALID: 'a setting of a handler is wrong',
  AGENT_COMPONENT_INVALID: 'a file is no component that the agent can read',
  AGENT_COMPONENT_REFUSED: 'a component wants or offers what the agent does not allow',
  AGENT_COMPONENT_UNTRIED: 'nobody knows yet whether a component can be used',
  AGENT_HANDLER_FAILED: 'a handler trapped or answered nonsense',
  AGENT_CALLER: 'a caller cannot be looked at or acted for',
  AGENT_MEMORY: 'the agent has hardly any memory left',
  AGENT_WORKER: 'a worker thread cannot start',
  AGENT_METRICS: 'the metrics cannot be served',
  AGENT_AUDIT: 'the audit log cannot be written',
  AGENT_FALCO: 'nobody can tell Falco of calls',
  AGENT_REFERENCE: 'a reference of a bundle in an OCI registry is wrong',
  AGENT_OCI: 'an OCI registry cannot be reached or answers what is wrong',
  AGENT_SIGNATURE: 'a bundle is not signed by those who have to sign it',
  AGENT_KEY: 'a key of signers cannot be used',
  AGENT_STORE: 'the store of pulled bundles cannot be written or was changed',
  AGENT_RECORDING: 'a recording cannot be written or read',
  AGENT_KUBERNETES: 'the Kubernetes API cannot be used',
  AGENT_CONTROL_IN_USE: 'another agent listens on the control socket',
  AGENT_CONTROL: 'a running agent cannot be asked, or refuses',
  AGENT_COMMAND: 'the command cannot be run',
  AGENT_CASES_INVALID: 'the test cases of a handler are wrong',
  AGENT_PROFILE_INVALID: 'a seccomp profile is wrong',
  AGENT_BUILD: 'a handler cannot be built',
  AGENT_SCAFFOLD: 'a new handler cannot be written',
} as const;

export type AgentErrorCode = keyof typeof agentErrorCodes;

export interface AgentErrorOptions {
  readonly cause?: unknown;
  /** The handler that it happened in. */
  readonly handler?: string;
}

export class AgentError extends Error {
  readonly code: AgentErrorCode;
  readonly handler: string | undefined;

  constructor(code: AgentErrorCode, message: string, options: AgentErrorOptions = {}) {
    super(message, options.cause === undefined ? {} : { cause: options.cause });
    this.name = 'AgentError';
    this.code = code;
    this.handler = options.handler;
  }
}

/** Maximum of one error: it has texts of strangers, of any length, and containers keep it. */
const maxText = 2048;

/** The text of anything that was thrown, with what caused it, on one line for a terminal. */
export function messageOf(thrown: unknown): string {
  if (!(thrown instanceof Error)) return shownText(String(thrown));
  // Node adds lines of advice to some of its errors
  const [line = ''] = thrown.message.split('\n', 1);
  const shown = shownText(line);
  return thrown.cause === undefined ? shown : `${shown}: ${messageOf(thrown.cause)}`;
}

/** Fields of a log line for anything that was thrown. */
export interface FailureFields {
  readonly error: string;
  readonly code?: AgentErrorCode;
}

export function failureFields(thrown: unknown): FailureFields {
  const error = messageOf(thrown);
  return thrown instanceof AgentError ? { error, code: thrown.code } : { error };
}

/**
 * Line of a command for anything that was thrown, with its code at the end; usage errors are told by
 * the exit code.
 */
export function failureLine(thrown: unknown): string {
  const isCoded = thrown instanceof AgentError && thrown.code !== 'AGENT_USAGE';
  return `seccompagent: ${messageOf(thrown)}${isCoded ? ` [${thrown.code}]` : ''}\n`;
}

/** Cut before it is escaped: of one character this makes six. */
function shownText(text: string): string {
  return escaped(cut(text, maxText));
}

/** The `code` of an error of Node or of the addon, such as `EADDRINUSE`. */
export function systemCodeOf(thrown: unknown): string | undefined {
  if (!(thrown instanceof Error) || !('code' in thrown)) return undefined;
  return typeof thrown.code === 'string' ? thrown.code : undefined;
}

/** Advice for EPERM of a system call that the container around the agent forbids. */
export const missingRightsAdvice =
  'in a container add --cap-add SYS_ADMIN --cap-add SYS_PTRACE; `seccompagent doctor` names the missing rights';

const passing: readonly AgentErrorCode[] = ['AGENT_COMPONENT_UNTRIED', 'AGENT_BUNDLE_ROOM'];

/** Of what may come right by itself; undefined: it does not. */
export function passingCodeOf(thrown: unknown): AgentErrorCode | undefined {
  if (!(thrown instanceof Error)) return undefined;
  if (thrown instanceof AgentError && passing.includes(thrown.code)) return thrown.code;
  return passingCodeOf(thrown.cause);
}

/** Whether it may come right by itself, such as once somebody knows whether a component can be used. */
export function isPassing(thrown: unknown): boolean {
  return passingCodeOf(thrown) !== undefined;
}

const withdrawing: readonly AgentErrorCode[] = [
  'AGENT_GRANT_MISSING',
  'AGENT_SIGNATURE',
  'AGENT_KEY',
];

/** Whether it is the operator who does not allow it, or not any more. */
export function isWithdrawn(thrown: unknown): boolean {
  return thrown instanceof AgentError && withdrawing.includes(thrown.code);
}

/** Whether it is the operator who does not allow it, or not any more, or nobody can tell. */
export function isForbidden(thrown: unknown): boolean {
  // what cannot be proved is not allowed
  return isWithdrawn(thrown) || (thrown instanceof AgentError && thrown.code === 'AGENT_STORE');
}
