// SPDX-License-Identifier: Apache-2.0
// Calls and flags that manifests have refused besides the trapped ones (`refuse`).
import { familyMembers } from '../syscalls/syscall-table.ts';
import type { Bundle } from '../bundles/bundle.ts';
import { namespaceFlag } from '../bundles/refused-calls.ts';
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

type Flag = readonly [name: string, value: number];

/** From Linux 7.1, and of unshare(2) alone: to clone(2) the bit is CLONE_PARENT_SETTID. */
const emptyMounts: Flag = ['UNSHARE_EMPTY_MNTNS', 0x0010_0000];

function refusedWith(name: string, flags: readonly Flag[]): Refusal {
  return {
    name,
    flags: flags.map(([, value]) => value),
    errno: errno.EPERM,
    shown: `${name} with ${flags.map(([flag]) => flag).join(' or ')}`,
  };
}

/** Of sendto(2) and its siblings: it makes a connection, as connect(2) does. */
const fastOpen = 0x2000_0000;
const senders = { sendto: 3, sendmsg: 2, sendmmsg: 3 } as const;

/** And what connects without connect(2), where handlers are asked about that and not about this. */
export function withConnecting(
  refused: readonly Refusal[],
  syscalls: readonly string[],
): readonly Refusal[] {
  if (!syscalls.includes('connect')) return refused;
  const others = Object.entries(senders)
    .filter(([name]) => !syscalls.includes(name) && refused.every((each) => each.name !== name))
    .map(([name, argument]) => ({
      name,
      argument,
      flags: [fastOpen],
      // as where the kernel has it switched off: programs connect then
      errno: errno.EOPNOTSUPP,
      shown: `${name} with MSG_FASTOPEN`,
    }));
  return [...refused, ...others];
}

/** By calls, of which each is there once. */
export function refusalsOf(words: readonly string[]): readonly Refusal[] {
  const flags = words.toSorted().flatMap((word): readonly Flag[] => {
    const value = namespaceFlag(word);
    return value === undefined ? [] : [[word, value]];
  });
  const wholly = words
    .filter((word) => namespaceFlag(word) === undefined)
    .flatMap((word) => familyMembers(word));
  const whole = [...new Set(wholly)]
    .toSorted()
    .map((name) => ({ name, flags: [], errno: errno.EPERM, shown: name }));
  if (flags.length === 0) return whole;
  const ofUnshare = words.includes('CLONE_NEWNS') ? [...flags, emptyMounts] : flags;
  const others = [
    refusedWith('clone', flags),
    refusedWith('unshare', ofUnshare),
    // its flags are in memory, where no filter looks; libraries use clone(2) where it is missing
    { name: 'clone3', flags: [], errno: errno.ENOSYS, shown: 'clone3' },
  ];
  return [...whole, ...others.filter(({ name }) => !wholly.includes(name))];
}

/** An agent that is asked about what it has no handler for does not refuse it. */
export function isRefusing(action: string): boolean {
  return !letsPass(action) && action !== notify;
}

function isPass(action: string): boolean {
  return !isRefusing(action);
}

/** Whether a profile refuses it whatever the machine and the container are. */
export function isRefusedBy(profile: Profile, refusal: Refusal): boolean {
  const rules = profile.rules.filter((rule) => isPass(rule.action) || !rule.isOfSomeHosts);
  const certain = { ...profile, rules };
  if (refusal.flags.length > 0) return keepsFlags(certain, refusal, isPass);
  return !actionsOf(certain, refusal.name).some(isPass);
}
