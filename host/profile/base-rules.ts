// SPDX-License-Identifier: Apache-2.0
// The rules of a generated profile, and those that it takes from another one.
import { decisionOf } from './profile.ts';
import type { Condition, Profile, Rule } from './profile.ts';
import { isJson } from './read-profile.ts';

export type Json = Readonly<Record<string, unknown>>;

export interface BaseProfile {
  readonly profile: Profile;
  /** As it was read. */
  readonly json: Json;
}

export interface GeneratedRule {
  readonly names: readonly string[];
  readonly action: string;
  readonly errnoRet?: number;
  readonly args?: readonly Condition[];
}

export function masked(index: number, value: number, valueTwo: number): readonly Condition[] {
  return [{ index, value, valueTwo, op: 'SCMP_CMP_MASKED_EQ' }];
}

/**
 * The base's own rules for a call, with all that they have but other conditions.
 * @param change undefined: a rule says nothing then
 */
export function changedRules(
  { profile, json }: BaseProfile,
  name: string,
  change: (rule: Rule) => readonly Condition[] | undefined,
): readonly GeneratedRule[] {
  const decision = decisionOf(profile, name);
  const read = Array.isArray(json['syscalls']) ? json['syscalls'] : [];
  return profile.rules.flatMap((rule, index) => {
    const { names, action } = rule;
    if (!names.includes(name) || action === profile.defaultAction) return [];
    // it decides alone, where it is there at all
    const isAlone = decision.kind === 'rule' && !decision.rule.isOfSomeHosts;
    if (isAlone && decision.index !== index) return [];
    const args = change(rule);
    if (args === undefined) return [];
    const raw: unknown = read[index];
    const { name: _name, args: _args, ...rest } = isJson(raw) ? raw : {};
    return [{ ...rest, names: [name], action, ...(args.length === 0 ? {} : { args }) }];
  });
}
