// SPDX-License-Identifier: Apache-2.0
// What manifests have refused beside what is trapped (`refuse`), as calls and their flags.
import { familyMembers } from '../notification/syscall-table.ts';
import type { Bundle } from '../registry/bundle.ts';
import { namespaceFlag } from '../registry/refused-calls.ts';
import type { Registry } from '../registry/registry.ts';
import { errno } from './errno-numbers.ts';
import { keepsFlags } from './namespace-flags.ts';
import type { FlaggedCall } from './namespace-flags.ts';
import { actionsOf } from './profile.ts';
import type { Profile } from './profile.ts';
import { letsPass, notify } from './seccomp-words.ts';

/** A call that is refused; without flags: whatever its arguments are. */
export interface Refusal extends FlaggedCall {
  readonly errno: number;
  /** For people: the call, and with which flags. */
  readonly shown: string;
}

/** Of the handlers that a container has. */
export function refusedWords(
  bundles: readonly Bundle[],
  { handlers }: Registry,
): readonly string[] {
  const words = bundles.flatMap((bundle) =>
    bundle.handlers
      .filter(({ name }) => handlers.some((own) => own.bundle === bundle.name && own.name === name))
      .flatMap(({ refuse = [] }) => refuse),
  );
  return [...new Set(words)];
}

/** By calls, of which each is there once. */
export function refusalsOf(words: readonly string[]): readonly Refusal[] {
  const flagNames = words.filter((word) => namespaceFlag(word) !== undefined).toSorted();
  const flags = flagNames.flatMap((word) => namespaceFlag(word) ?? []);
  const wholly = words
    .filter((word) => !flagNames.includes(word))
    .flatMap((word) => familyMembers(word));
  const whole = [...new Set(wholly)]
    .toSorted()
    .map((name) => ({ name, flags: [], errno: errno.EPERM, shown: name }));
  if (flags.length === 0) return whole;
  const flagged = ['clone', 'unshare'].map((name) => ({
    name,
    flags,
    errno: errno.EPERM,
    shown: `${name} with ${flagNames.join(' or ')}`,
  }));
  // its flags are in memory, where no filter looks; libraries use clone(2) where it is missing
  const memory = { name: 'clone3', flags: [], errno: errno.ENOSYS, shown: 'clone3' };
  const others = [...flagged, memory].filter(({ name }) => !wholly.includes(name));
  return [...whole, ...others];
}

/** Nobody refuses what an agent is asked about that has no handler for it. */
function isPass(action: string): boolean {
  return letsPass(action) || action === notify;
}

/** Whether a profile refuses it whatever the machine and the container are. */
export function isRefusedBy(profile: Profile, refusal: Refusal): boolean {
  const rules = profile.rules.filter((rule) => isPass(rule.action) || !rule.isOfSomeHosts);
  const certain = { ...profile, rules };
  if (refusal.flags.length > 0) return keepsFlags(certain, refusal, isPass);
  return !actionsOf(certain, refusal.name).some(isPass);
}
