// SPDX-License-Identifier: Apache-2.0
// The flags of clone(2) that make namespaces, as unshare(2) does, and what profiles say of them.
import { namespaceFlags } from '../bundles/refused-calls.ts';
import { decisionOf } from './profile.ts';
import type { Condition, Profile, Rule } from './profile.ts';
import { letsPass } from './seccomp-words.ts';

const allFlags: readonly number[] = Object.values(namespaceFlags);

/** The argument of clone(2) and unshare(2) with the flags, on all architectures that profiles here are for. */
const namespacesArgument = 0;

/** Some flags, in one argument. */
export interface Flags {
  readonly flags: readonly number[];
  /** Absent: that of namespaces. */
  readonly argument?: number;
}

/** One for each flag: a rule holds where all of its conditions do. */
export function withFlag(flag: number, index: number = namespacesArgument): Condition {
  return { index, value: flag, valueTwo: flag, op: 'SCMP_CMP_MASKED_EQ' };
}

/** None of them. */
export function withoutFlags({ flags, argument: index = namespacesArgument }: Flags): Condition {
  const value = flags.reduce((all, flag) => all + flag, 0);
  return { index, value, valueTwo: 0, op: 'SCMP_CMP_MASKED_EQ' };
}

export const namespaceConditions: readonly Condition[] = allFlags.map((flag) => withFlag(flag));

export const withoutNamespaces: Condition = withoutFlags({ flags: allFlags });

/** Whether a rule is for calls without any of the flags. */
export function isWithout(
  { flags, argument = namespacesArgument }: Flags,
  { conditions }: Rule,
): boolean {
  return conditions.some(
    ({ index, op, value, valueTwo }) =>
      index === argument &&
      op === 'SCMP_CMP_MASKED_EQ' &&
      flags.every((flag) => (value & flag) !== 0 && (valueTwo & flag) === 0),
  );
}

function isFor(
  { conditions: [only, ...others] }: Rule,
  flag: number,
  argument: number = namespacesArgument,
): boolean {
  return (
    only !== undefined &&
    others.length === 0 &&
    only.index === argument &&
    only.op === 'SCMP_CMP_MASKED_EQ' &&
    only.value === flag &&
    only.valueTwo === flag
  );
}

/** Some of the flags, on one call. */
export interface FlaggedCall extends Flags {
  readonly name: string;
}

/** Whether no call with one of the flags gets an action that is a pass. */
export function keepsFlags(
  profile: Profile,
  { name, flags, argument }: FlaggedCall,
  isPass: (action: string) => boolean,
): boolean {
  const decision = decisionOf(profile, name);
  switch (decision.kind) {
    case 'default':
      return !isPass(profile.defaultAction);
    case 'rule':
      return !isPass(decision.rule.action);
    case 'conditional': {
      const passing = decision.rules.filter(({ action }) => isPass(action));
      const kept = decision.rules.filter(({ action }) => !isPass(action));
      return (
        passing.every((rule) =>
          isWithout({ flags, ...(argument === undefined ? {} : { argument }) }, rule),
        ) &&
        (!isPass(profile.defaultAction) ||
          flags.every((flag) => kept.some((rule) => isFor(rule, flag, argument))))
      );
    }
  }
}

/** Whether clone(2) makes no namespace that the agent does not hear of, or that is not refused. */
export function keepsNamespaces(profile: Profile): boolean {
  return keepsFlags(profile, { name: 'clone', flags: allFlags }, letsPass);
}
