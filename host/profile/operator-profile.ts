// SPDX-License-Identifier: Apache-2.0
// A profile as an object of the Security Profiles Operator.
import { stringify } from 'yaml';

import { AgentError } from '../errors.ts';
import type { Generated } from './generate.ts';
import { isJson } from './read-profile.ts';

/** Keys of rules that its schema has. */
const ruleKeys: readonly string[] = ['names', 'action', 'errnoRet', 'args'];
/** Of metadata.name: a DNS subdomain, see the conventions of the API. */
export const objectName: RegExp = /^[a-z\d](?:[-a-z\d]{0,61}[a-z\d])?$/u;

/** Version v1beta1 has errnos as texts. */
function operatorRule(rule: unknown): object {
  if (!isJson(rule)) return {};
  const lost = Object.keys(rule).find((key) => !ruleKeys.includes(key) && key !== 'comment');
  if (lost !== undefined) {
    throw new AgentError(
      'AGENT_PROFILE_INVALID',
      `a rule of the base has "${lost}", which SeccompProfile has no place for`,
    );
  }
  const { comment: _comment, errnoRet, ...rest } = rule;
  return errnoRet === undefined ? rest : { ...rest, errnoRet: JSON.stringify(errnoRet) };
}

/**
 * @param name of the object
 * @throws AgentError AGENT_PROFILE_INVALID: something of the base would be lost
 */
export function operatorText({ profile, isDefaultOurs }: Generated, name: string): string {
  const { syscalls, defaultErrnoRet, ...rest } = profile;
  if (defaultErrnoRet !== undefined && !isDefaultOurs) {
    throw new AgentError(
      'AGENT_PROFILE_INVALID',
      'the base has "defaultErrnoRet", which SeccompProfile has no place for',
    );
  }
  const rules = Array.isArray(syscalls) ? syscalls : [];
  return stringify(
    {
      apiVersion: 'security-profiles-operator.x-k8s.io/v1beta1',
      kind: 'SeccompProfile',
      metadata: { name },
      spec: { ...rest, syscalls: rules.map((rule: unknown) => operatorRule(rule)) },
    },
    { lineWidth: 0 },
  );
}
