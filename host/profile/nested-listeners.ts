// SPDX-License-Identifier: Apache-2.0
// seccomp(2) in a generated profile: no listener beside the agent's.
import { AgentError } from '../errors.ts';
import { changedRules, masked } from './base-rules.ts';
import type { BaseProfile, GeneratedRule } from './base-rules.ts';
import { errno } from './errno-numbers.ts';
import { decisionOf } from './profile.ts';
import type { Condition } from './profile.ts';
import { letsPass } from './seccomp-words.ts';

/** SECCOMP_FILTER_FLAG_NEW_LISTENER of <linux/seccomp.h>, in the second argument of seccomp(2). */
const newListener = 8;
const seccompFlags = 1;

/** The flags without that of a listener; undefined: the condition holds only with it. */
function withoutListener(condition: Condition): Condition | undefined {
  const { op, value, valueTwo } = condition;
  switch (op) {
    case 'SCMP_CMP_EQ':
      return (value & newListener) === 0 ? condition : undefined;
    case 'SCMP_CMP_MASKED_EQ': {
      if ((value & valueTwo & newListener) !== 0) return undefined;
      // in numbers that may have more than 32 bits
      const isLookedAt = (value & newListener) !== 0;
      return { ...condition, value: isLookedAt ? value : value + newListener };
    }
    default:
      throw new AgentError(
        'AGENT_PROFILE_INVALID',
        `the base compares the flags of seccomp(2) with ${op}, and the generated profile has to compare them itself: no filter does both`,
      );
  }
}

/** Effect of a rule on calls without a listener; undefined: none. */
function unlistened(conditions: readonly Condition[]): readonly Condition[] | undefined {
  const onFlags = conditions.filter(({ index }) => index === seccompFlags);
  const others = conditions.filter(({ index }) => index !== seccompFlags);
  if (onFlags.length === 0) return [...others, ...masked(seccompFlags, newListener, 0)];
  if (onFlags.length > 1) {
    throw new AgentError(
      'AGENT_PROFILE_INVALID',
      'a rule of the base has several conditions on the flags of seccomp(2): runtimes take each for a rule of its own',
    );
  }
  const own = onFlags.map((condition) => withoutListener(condition));
  return own.some((condition) => condition === undefined)
    ? undefined
    : [...others, ...own.filter((condition) => condition !== undefined)];
}

/**
 * A task has one listener: the kernel refuses a second one with EBUSY. Whoever looks first whether
 * there is such a thing is told that there is not, as by an old kernel, and does without.
 */
export function withoutNestedListeners(base: BaseProfile): readonly GeneratedRule[] {
  const blocked: GeneratedRule = {
    names: ['seccomp'],
    action: 'SCMP_ACT_ERRNO',
    errnoRet: errno.EINVAL,
    args: masked(seccompFlags, newListener, newListener),
  };
  const { profile } = base;
  if (decisionOf(profile, 'seccomp').kind === 'default') {
    return letsPass(profile.defaultAction) ? [blocked] : [];
  }
  // a rule without condition would decide alone
  return [blocked, ...changedRules(base, 'seccomp', ({ conditions }) => unlistened(conditions))];
}
