// SPDX-License-Identifier: Apache-2.0
// The flags of clone(2) that make namespaces, as unshare(2) does, and what profiles say of them.
import { decisionOf } from './profile.ts';
import type { Condition, Profile, Rule } from './profile.ts';
import { letsPass } from './seccomp-words.ts';

/** CLONE_NEW… of <linux/sched.h>; that of time namespaces is none of clone(2). */
const namespaceFlags: readonly number[] = [
  0x0002_0000, // mount
  0x0200_0000, // cgroup
  0x0400_0000, // UTS
  0x0800_0000, // IPC
  0x1000_0000, // user
  0x2000_0000, // PID
  0x4000_0000, // network
];

/** The argument of clone(2) with the flags, on all architectures that profiles here are for. */
const flagsArgument = 0;

/** One for each flag: a rule holds where all of its conditions do. */
export const namespaceConditions: readonly Condition[] = namespaceFlags.map((flag) => ({
  index: flagsArgument,
  value: flag,
  valueTwo: flag,
  op: 'SCMP_CMP_MASKED_EQ',
}));

/** None of them. */
export const withoutNamespaces: Condition = {
  index: flagsArgument,
  value: namespaceFlags.reduce((all, flag) => all + flag, 0),
  valueTwo: 0,
  op: 'SCMP_CMP_MASKED_EQ',
};

/** Whether a rule is for clone(2) without any of the flags. */
function isWithoutNamespaces({ conditions }: Rule): boolean {
  return conditions.some(
    ({ index, op, value, valueTwo }) =>
      index === flagsArgument &&
      op === 'SCMP_CMP_MASKED_EQ' &&
      namespaceFlags.every((flag) => (value & flag) !== 0 && (valueTwo & flag) === 0),
  );
}

function isFor({ conditions: [only, ...others] }: Rule, flag: number): boolean {
  return (
    only !== undefined &&
    others.length === 0 &&
    only.index === flagsArgument &&
    only.op === 'SCMP_CMP_MASKED_EQ' &&
    only.value === flag &&
    only.valueTwo === flag
  );
}

/** Whether clone(2) makes no namespace that the agent does not hear of, or that is not refused. */
export function keepsNamespaces(profile: Profile): boolean {
  const decision = decisionOf(profile, 'clone');
  switch (decision.kind) {
    case 'default':
      return !letsPass(profile.defaultAction);
    case 'rule':
      return !letsPass(decision.rule.action);
    case 'conditional': {
      const passing = decision.rules.filter(({ action }) => letsPass(action));
      const kept = decision.rules.filter(({ action }) => !letsPass(action));
      return (
        passing.every((rule) => isWithoutNamespaces(rule)) &&
        (!letsPass(profile.defaultAction) ||
          namespaceFlags.every((flag) => kept.some((rule) => isFor(rule, flag))))
      );
    }
  }
}
