// SPDX-License-Identifier: Apache-2.0
// Answers to calls that no handler has answered: as texts, and as values.
import { AgentError } from '../errors.ts';
import { errnos } from '../syscalls/errno.ts';
import type { ErrnoName } from '../syscalls/errno.ts';

/** Receivers of a container's calls besides its handlers. */
export const middlewareNames = ['prometheus', 'falco'] as const;

export type MiddlewareName = (typeof middlewareNames)[number];

/** Acts on a container; the call that causes one fails with EPERM. */
export type ContainerStop = 'kill-container' | 'freeze-container';

/** For a call that no handler of the chain has an opinion of. */
export type DefaultAction = 'continue' | ErrnoName | ContainerStop;

/** For a call that the agent or a handler failed at. */
export type FailurePolicy =
  | { readonly kind: 'errno'; readonly errno: ErrnoName }
  | { readonly kind: 'continue' }
  | { readonly kind: ContainerStop };

export const defaultFailure: FailurePolicy = { kind: 'errno', errno: 'EPERM' };

/** Policy of the operator where a bundle has none; no bundle may be less strict. */
export interface Policies {
  readonly defaultAction: DefaultAction;
  readonly failure: FailurePolicy;
  /** Absent: the operator has not said it, and a bundle may say what it likes. */
  readonly isFailureSet?: true;
}

export const defaultPolicies: Policies = {
  defaultAction: 'continue',
  failure: defaultFailure,
};

const errnoPrefix = 'errno:';

/** The strictest first; between the second and the last one are errnos. */
const stops: readonly ContainerStop[] = ['kill-container', 'freeze-container'];

export function isStop(action: string): action is ContainerStop {
  return stops.some((stop) => stop === action);
}

const policyList = `errno:NAME (such as errno:EPERM), continue, ${stops.join(', ')}`;

/** `errno:EPERM` → EPERM; undefined when it is nothing of the kind. */
function errnoOf(text: string): ErrnoName | undefined {
  if (!text.startsWith(errnoPrefix)) return undefined;
  return errnos.find(([name]) => name === text.slice(errnoPrefix.length))?.[0];
}

/** @throws AgentError AGENT_USAGE, which says what there is */
export function parseFailurePolicy(text: string): FailurePolicy {
  if (text === 'continue' || isStop(text)) return { kind: text };
  const errno = errnoOf(text);
  if (errno !== undefined) return { kind: 'errno', errno };
  throw new AgentError('AGENT_USAGE', `"${text}" is not a failure policy. Policies: ${policyList}`);
}

/** Undefined when it is none. */
export function defaultActionOf(text: string): DefaultAction | undefined {
  return text === 'continue' || isStop(text) ? text : errnoOf(text);
}

/** @throws AgentError AGENT_USAGE, which says what there is */
export function parseDefaultAction(text: string): DefaultAction {
  const action = defaultActionOf(text);
  if (action !== undefined) return action;
  throw new AgentError('AGENT_USAGE', `"${text}" is not a default action. Actions: ${policyList}`);
}

/** As it is written in manifests, configurations and metadata. */
export function defaultActionText(action: DefaultAction): string {
  return action === 'continue' || isStop(action) ? action : `${errnoPrefix}${action}`;
}

/**
 * Of the container itself, of its bundles and of the operator: the strictest, so that none lets pass
 * what another would not. Of errnos the first.
 * @param said by the container and its bundles, in that order
 */
export function strictestDefault(
  said: readonly Partial<Policies>[],
  operators: Policies,
): DefaultAction {
  const actions = [...said, operators].flatMap(({ defaultAction }) => defaultAction ?? []);
  return (
    stops.find((stop) => actions.includes(stop)) ??
    actions.find((action) => action !== 'continue') ??
    'continue'
  );
}

/** The same for failures: a bundle that says nothing counts on what the operator wants. */
export function strictestFailure(
  bundles: readonly Partial<Policies>[],
  operators: Policies,
): FailurePolicy {
  const said = bundles.map(({ failure }) => failure ?? operators.failure);
  const policies = operators.isFailureSet === true ? [...said, operators.failure] : said;
  return (
    policies.find(({ kind }) => kind === 'kill-container') ??
    policies.find(({ kind }) => kind === 'freeze-container') ??
    policies.find(({ kind }) => kind === 'errno') ??
    policies[0] ??
    operators.failure
  );
}

/** For the calls of a container without handlers: it is never `continue`. */
export function refusalErrno(policy: FailurePolicy): ErrnoName {
  return policy.kind === 'errno' ? policy.errno : 'EPERM';
}

/** Errno of the caller; undefined: the kernel decides. */
export function failureErrno(policy: FailurePolicy): ErrnoName | undefined {
  switch (policy.kind) {
    case 'errno':
      return policy.errno;
    case 'continue':
      return undefined;
    case 'kill-container':
    case 'freeze-container':
      return 'EPERM';
  }
}
