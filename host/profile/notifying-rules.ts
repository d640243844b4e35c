// SPDX-License-Identifier: Apache-2.0
// The rules of a generated profile that send calls to the agent, whole or for some arguments only.
import { masked } from './base-rules.ts';
import type { BaseProfile, GeneratedRule } from './base-rules.ts';
import type { PreFilter } from './pre-filters.ts';
import { decisionOf } from './profile.ts';
import type { Condition } from './profile.ts';
import { notify } from './seccomp-words.ts';

/** Of what is wanted. */
interface Notified {
  readonly syscalls: readonly string[];
  readonly preFilters?: ReadonlyMap<string, PreFilter>;
}

/** So many bits of a mask are told apart by a rule for each of their values. */
const maxBits = 4;

function bitsOf(mask: number): number {
  return mask.toString(2).replaceAll('0', '').length;
}

/** All other values that a filter's bits may have. */
function otherValues({ mask, values }: PreFilter): readonly number[] {
  const others: number[] = [];
  for (let value = mask; value >= 0; value = value === 0 ? -1 : (value - 1) & mask) {
    if (!values.includes(value)) others.push(value);
  }
  return others.toReversed();
}

/** A rule of the base that allows has to be said of the other values: it would decide alone. */
function isSaid({ profile }: BaseProfile, name: string, { mask }: PreFilter): boolean {
  const decision = decisionOf(profile, name);
  if (decision.kind !== 'rule' || decision.rule.isOfSomeHosts) return false;
  return decision.rule.action === 'SCMP_ACT_ALLOW' && bitsOf(mask) <= maxBits;
}

/** Calls that the filter passes on get the action of the base. */
function filtersFor(
  { preFilters = new Map() }: Notified,
  base: BaseProfile,
): ReadonlyMap<string, PreFilter> {
  return new Map(
    [...preFilters].filter(
      ([name, filter]) =>
        decisionOf(base.profile, name).kind === 'default' || isSaid(base, name, filter),
    ),
  );
}

function passingRules(
  base: BaseProfile,
  name: string,
  filter: PreFilter,
): readonly GeneratedRule[] {
  if (!isSaid(base, name, filter)) return [];
  return otherValues(filter).map((value) => ({
    names: [name],
    action: 'SCMP_ACT_ALLOW',
    args: masked(filter.index, filter.mask, value),
  }));
}

/** A rule for each value, with all calls that have the argument at the same place. */
export function notifyingRules(wanted: Notified, base: BaseProfile): readonly GeneratedRule[] {
  const filters = filtersFor(wanted, base);
  const names = wanted.syscalls.toSorted();
  const whole = names.filter((name) => !filters.has(name));
  const tests = new Map<
    string,
    { readonly names: string[]; readonly args: readonly Condition[] }
  >();
  for (const name of names) {
    const { index = 0, mask = 0, values = [] } = filters.get(name) ?? {};
    for (const value of values) {
      const args = masked(index, mask, value);
      const key = JSON.stringify(args);
      tests.set(key, { args, names: [...(tests.get(key)?.names ?? []), name] });
    }
  }
  return [
    ...(whole.length === 0 ? [] : [{ names: whole, action: notify }]),
    ...[...tests.values()].map(({ names: own, args }) => ({ names: own, action: notify, args })),
    ...[...filters].flatMap(([name, filter]) => passingRules(base, name, filter)),
  ];
}
