// SPDX-License-Identifier: Apache-2.0
// What a call gets that no handler has answered: as texts, and as values.
import { AgentError } from '../errors.ts';
import { errnos } from '../handler/errno.ts';
import type { ErrnoName } from '../handler/errno.ts';

/** For a call that no handler of the chain has an opinion of. */
export type DefaultAction = 'continue' | ErrnoName;

/** For a call that the agent or a handler failed at. */
export type FailurePolicy =
  | { readonly kind: 'errno'; readonly errno: ErrnoName }
  | { readonly kind: 'continue' }
  /** The call fails with EPERM, and the container's first process is killed. */
  | { readonly kind: 'kill-container' };

export const defaultFailure: FailurePolicy = { kind: 'errno', errno: 'EPERM' };

/** What the operator wants where a bundle does not say, and no bundle may be less strict. */
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

/** `errno:EPERM` → EPERM; undefined when it is nothing of the kind. */
function errnoOf(text: string): ErrnoName | undefined {
  if (!text.startsWith(errnoPrefix)) return undefined;
  return errnos.find(([name]) => name === text.slice(errnoPrefix.length))?.[0];
}

/** @throws AgentError AGENT_USAGE, which says what there is */
export function parseFailurePolicy(text: string): FailurePolicy {
  if (text === 'continue' || text === 'kill-container') return { kind: text };
  const errno = errnoOf(text);
  if (errno !== undefined) return { kind: 'errno', errno };
  throw new AgentError(
    'AGENT_USAGE',
    `"${text}" is no failure policy; there are errno:NAME (such as errno:EPERM), continue, kill-container`,
  );
}

/** @throws AgentError AGENT_USAGE, which says what there is */
export function parseDefaultAction(text: string): DefaultAction {
  if (text === 'continue') return 'continue';
  const errno = errnoOf(text);
  if (errno !== undefined) return errno;
  throw new AgentError(
    'AGENT_USAGE',
    `"${text}" is no default action; there are continue and errno:NAME (such as errno:ENOSYS)`,
  );
}

/** Of the bundles of one chain: the first that refuses, so that none lets pass what another, or the operator, would not. */
export function strictestDefault(
  bundles: readonly Partial<Policies>[],
  operators: Policies,
): DefaultAction {
  const said = bundles.flatMap(({ defaultAction }) => defaultAction ?? []);
  return said.find((action) => action !== 'continue') ?? operators.defaultAction;
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
    policies.find(({ kind }) => kind === 'errno') ??
    policies[0] ??
    operators.failure
  );
}

/** For the calls of a container without handlers: it is never `continue`. */
export function refusalErrno(policy: FailurePolicy): ErrnoName {
  return policy.kind === 'errno' ? policy.errno : 'EPERM';
}

/** What the caller gets to hear; undefined: the kernel judges. */
export function failureErrno(policy: FailurePolicy): ErrnoName | undefined {
  switch (policy.kind) {
    case 'errno':
      return policy.errno;
    case 'continue':
      return undefined;
    case 'kill-container':
      return 'EPERM';
  }
}
