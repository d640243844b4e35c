// SPDX-License-Identifier: Apache-2.0
// Makes the seccomp profile that sends a container's calls to handlers: all siblings of what they
// answer, in front of what another profile says, and nothing that walks around them.
import { AgentError } from '../errors.ts';
import { waitKillableFlag } from '../agent-socket/filter-flags.ts';
import { familyMembers } from '../syscalls/syscall-table.ts';
import { errno } from './errno-numbers.ts';
import { changedRules } from './base-rules.ts';
import type { BaseProfile, GeneratedRule, Json } from './base-rules.ts';
import { allowingBase } from './container-base.ts';
import {
  descriptorTaker,
  familyOf,
  ioUring,
  isNewerThanLibseccomp,
  waysAround,
} from './families.ts';
import { kinOf } from './kin.ts';
import {
  isWithout,
  keepsNamespaces,
  namespaceConditions,
  withFlag,
  withoutFlags,
  withoutNamespaces,
} from './namespace-flags.ts';
import { actionsOf, decisionOf } from './profile.ts';
import type { Condition, Profile, Rule } from './profile.ts';
import type { PreFilter } from './pre-filters.ts';
import { notifyingRules } from './notifying-rules.ts';
import { withoutNestedListeners } from './nested-listeners.ts';
import { isJson } from './read-profile.ts';
import { isRefusedBy, isRefusing, withConnecting } from './refusals.ts';
import type { Refusal } from './refusals.ts';
import { bigEndian, letsPass, trappedArchitectures } from './seccomp-words.ts';

export interface Wanted {
  /** The system calls that handlers answer. */
  readonly syscalls: readonly string[];
  /** For some of them: which of their calls handlers may answer. */
  readonly preFilters?: ReadonlyMap<string, PreFilter>;
  readonly listenerPath: string;
  readonly listenerMetadata: string;
  readonly isWaitKillable: boolean;
  /** Calls that are refused besides it, whatever the base says. */
  readonly refused?: readonly Refusal[];
  /** Calls that the kernel does, whatever the base says. */
  readonly allowed?: readonly string[];
  /** Absent: all other calls are allowed. */
  readonly base?: BaseProfile | undefined;
}

export interface Generated {
  /** As the OCI runtime specification has it, with its keys in this order. */
  readonly profile: Json;
  /** Notes for the operator. */
  readonly notes: readonly string[];
  /** Whether the errno of the default action is no base's. */
  readonly isDefaultOurs: boolean;
}

/** Blocked for all handlers unless asked for: io_uring may soon do what it cannot do today. */
export const alwaysBlocked: readonly string[] = [...ioUring, descriptorTaker];

/** Programs fall back on the calls that are trapped. */
function blockedCalls({ syscalls, allowed = [] }: Wanted): readonly string[] {
  const families = new Set(syscalls.map((name) => familyOf(name)));
  const around = [...families]
    .flatMap((family) => waysAround(family))
    .filter((family) => !families.has(family))
    .flatMap((family) => familyMembers(family))
    // threads and processes are made with it: see `blockedNamespaces`
    .filter((name) => name !== 'clone' && !ioUring.includes(name));
  const always = alwaysBlocked.filter(
    (name) => !syscalls.includes(name) && !allowed.includes(name),
  );
  return [...new Set([...around, ...always])].toSorted();
}

/** Only if the base allows them; its other rules on clone(2) stay. */
function blockedNamespaces({ syscalls }: Wanted, base: Profile): readonly GeneratedRule[] {
  const isAround = syscalls.some((name) => waysAround(familyOf(name)).includes('clone'));
  if (!isAround || syscalls.includes('clone') || keepsNamespaces(base)) return [];
  const decision = decisionOf(base, 'clone');
  if (decision.kind === 'conditional') {
    throw new AgentError(
      'AGENT_PROFILE_INVALID',
      'the base has conditions on clone(2) that let namespaces be made: have it refuse them',
    );
  }
  const action = decision.kind === 'rule' ? decision.rule.action : base.defaultAction;
  const names = ['clone'];
  const blocked = namespaceConditions.map((condition) => ({
    names,
    action: 'SCMP_ACT_ERRNO',
    errnoRet: errno.ENOSYS,
    args: [condition],
  }));
  if (action === base.defaultAction) return blocked;
  // a rule without condition would decide alone
  return [...blocked, { names, action, args: [withoutNamespaces] }];
}

/** Conditions of a rule of the base for calls without the flags. */
function unflagged(rule: Rule, refusal: Refusal): readonly Condition[] {
  const { action, conditions } = rule;
  if (isRefusing(action) || isWithout(refusal, rule)) return conditions;
  const without = withoutFlags(refusal);
  if (conditions.every(({ index }) => index !== without.index)) return [...conditions, without];
  throw new AgentError(
    'AGENT_PROFILE_INVALID',
    `the base has a condition that lets ${refusal.shown} pass: have it refuse that`,
  );
}

/** Of calls that are refused with some flags only; without them the base or the operator decides. */
function flaggedRules(
  refusal: Refusal,
  { allowed = [] }: Wanted,
  base: BaseProfile,
): readonly GeneratedRule[] {
  const { name, flags, argument, errno: errnoRet } = refusal;
  const names = [name];
  const blocked = flags.map((flag) => ({
    names,
    action: 'SCMP_ACT_ERRNO',
    errnoRet,
    args: [withFlag(flag, argument)],
  }));
  // a rule without condition would decide alone
  if (allowed.includes(name)) {
    return [...blocked, { names, action: 'SCMP_ACT_ALLOW', args: [withoutFlags(refusal)] }];
  }
  return [...blocked, ...changedRules(base, name, (rule) => unflagged(rule, refusal))];
}

/** Calls that handlers cannot guard. A base that refuses them already keeps its own rules. */
function refusingRules(wanted: Wanted, base: BaseProfile): readonly GeneratedRule[] {
  const { syscalls, refused = [], allowed = [] } = wanted;
  const failing = blockedCalls(wanted);
  const open = refused.filter(
    (refusal) =>
      !failing.includes(refusal.name) &&
      (allowed.includes(refusal.name) || !isRefusedBy(base.profile, refusal)),
  );
  const asked = refused.find(({ name }) => syscalls.includes(name));
  if (asked !== undefined) {
    throw new AgentError(
      'AGENT_PROFILE_INVALID',
      `${asked.shown} cannot be refused, as a bundle has it: a handler answers ${asked.name}`,
    );
  }
  const whole = open.filter(({ flags }) => flags.length === 0);
  return [
    ...[...new Set(whole.map((refusal) => refusal.errno))].map((errnoRet) => ({
      names: whole.filter((refusal) => refusal.errno === errnoRet).map(({ name }) => name),
      action: 'SCMP_ACT_ERRNO',
      errnoRet,
    })),
    ...open
      .filter(({ flags }) => flags.length > 0)
      .flatMap((refusal) => flaggedRules(refusal, wanted, base)),
  ];
}

/** Calls that the profile decides otherwise for handlers stay as they are. */
function allowingRules(
  { syscalls, refused = [], allowed = [] }: Wanted,
  others: readonly GeneratedRule[],
): readonly GeneratedRule[] {
  const opened = refused.filter(({ flags }) => flags.length > 0).map(({ name }) => name);
  const left = [...new Set(allowed)].filter((name) => !opened.includes(name)).toSorted();
  if (left.length === 0) return [];
  const around = syscalls
    .flatMap((name) => waysAround(familyOf(name)))
    .filter((family) => !ioUring.includes(family));
  const decided = others.flatMap(({ names }) => names);
  for (const name of left) {
    if (!decided.includes(name) && !around.includes(familyOf(name))) continue;
    throw new AgentError(
      'AGENT_PROFILE_INVALID',
      `${name} cannot be allowed: it would bypass the handlers`,
    );
  }
  return [{ names: left, action: 'SCMP_ACT_ALLOW' }];
}

function ownRules(wanted: Wanted, base: BaseProfile): readonly GeneratedRule[] {
  const handled = handledRules(wanted, base);
  return [...handled, ...allowingRules(wanted, handled)];
}

function handledRules(wanted: Wanted, base: BaseProfile): readonly GeneratedRule[] {
  const blocked = blockedCalls(wanted);
  return [
    ...notifyingRules(wanted, base),
    ...(blocked.length === 0
      ? []
      : [{ names: blocked, action: 'SCMP_ACT_ERRNO', errnoRet: errno.ENOSYS }]),
    ...blockedNamespaces(wanted, base.profile),
    ...refusingRules(wanted, base),
    ...withoutNestedListeners(base),
  ];
}

/** Rules of the base without what our own decide. */
function keptRules({ json }: BaseProfile, own: readonly string[]): readonly unknown[] {
  const rules = Array.isArray(json['syscalls']) ? json['syscalls'] : [];
  return rules.flatMap((rule: unknown) => {
    if (!isJson(rule)) return [];
    const { name, names = [name], ...rest } = rule;
    const left = Array.isArray(names) ? names.filter((each) => !own.includes(String(each))) : [];
    return left.length === 0 ? [] : [{ names: left, ...rest }];
  });
}

/** Such as those with a certain Linux capability. */
function isOfSomeHostsOnly({ rules }: Profile, name: string): boolean {
  const own = rules.filter(({ names }) => names.includes(name));
  return own.length > 0 && own.every(({ isOfSomeHosts }) => isOfSomeHosts);
}

function conflictNotes({ profile }: BaseProfile, wanted: Wanted): readonly string[] {
  const names = new Map<string, string[]>();
  for (const name of wanted.syscalls.toSorted()) {
    const actions = actionsOf(profile, name);
    const isSometimes = isOfSomeHostsOnly(profile, name);
    if (!isSometimes && actions.every((action) => action === 'SCMP_ACT_ALLOW')) continue;
    const said = `${actions.join(' or ')}${isSometimes ? ' in some containers only' : ''}`;
    names.set(said, [...(names.get(said) ?? []), name]);
  }
  return [...names].map(
    ([said, own]) =>
      `${own.join(', ')}: the base has ${said}; now handlers decide, and what they continue the kernel does as without the base`,
  );
}

/** Notes on calls that a base has conditions on, or refuses for what it cannot look at. */
const opened: Readonly<Record<string, string>> = {
  clone: 'also with flags that make namespaces',
  clone3: 'also with flags that make namespaces, which no filter sees',
  personality: 'also flags that switch off the randomisation of addresses',
  socket: 'also families AF_ALG (CVE-2026-31431) and AF_VSOCK',
};

/** Of calls that are allowed whole: their own conditions are left out with the rules of the base. */
function openedNotes(
  { profile }: BaseProfile,
  { allowed = [], refused = [] }: Wanted,
): readonly string[] {
  return [...new Set(allowed)].toSorted().flatMap((name) => {
    const isConditional = decisionOf(profile, name).kind === 'conditional';
    const isOpened = name === 'clone3' && !actionsOf(profile, name).every(letsPass);
    if (!isConditional && !isOpened) return [];
    const what = opened[name];
    const said = what === undefined ? '' : `, ${what}`;
    const stays = refused.find((each) => each.name === name)?.shown;
    const but = stays === undefined ? '' : `; for handlers, ${stays} stays refused`;
    return [`${name}: what the base refuses of it is allowed${said}${but}`];
  });
}

function baseNotes(base: BaseProfile): readonly string[] {
  const notes: string[] = [];
  const { profile, json } = base;
  const dropped = (profile.architectures ?? []).filter((arch) => bigEndian.includes(arch));
  if (dropped.length > 0) {
    notes.push(
      `${dropped.join(', ')} of the base are gone: they do not go with those of the agent`,
    );
  }
  if (json['archMap'] !== undefined) notes.push('"archMap" has become "architectures"');
  if (profile.rules.some(({ isOfSomeHosts }) => isOfSomeHosts)) {
    notes.push(
      'the base has rules with "includes" or "excludes": docker, podman and CRI-O look at them, containerd, runc and crun use these rules in any case',
    );
  }
  const { listenerPath } = profile;
  if (listenerPath !== undefined) notes.push(`the base's own listenerPath ${listenerPath} is gone`);
  return notes;
}

const allowsAllNote =
  "all other calls are allowed that this version knows, and newer ones fail with ENOSYS. This profile takes the place of the runtime's own, also for what that refuses: -base container refuses what those usually do, and -base FILE keeps what another profile says";

/** They would be let pass by a default action that allows. */
function newCallsNote(own: readonly string[], { defaultAction }: Profile): readonly string[] {
  const unknown = own.filter((name) => isNewerThanLibseccomp(name));
  if (unknown.length === 0 || !letsPass(defaultAction)) return [];
  return [
    `${unknown.join(', ')}: runtimes with libseccomp 2.6.0 or older do not know ${unknown.length > 1 ? 'them' : 'it'}, and let ${unknown.length > 1 ? 'them' : 'it'} pass; a base that refuses by default does not`,
  ];
}

function blockedNote(wanted: Wanted): readonly string[] {
  const around = blockedCalls(wanted);
  if (around.length === 0) return [];
  return [`${around.join(', ')} fail with ENOSYS: no handler answers them, and they bypass`];
}

function ringNote({ allowed = [] }: Wanted): readonly string[] {
  const rings = ioUring.filter((name) => allowed.includes(name));
  if (rings.length === 0) return [];
  return [`${rings.join(', ')} are allowed: handlers are not asked about what io_uring does`];
}

function takerNote({ allowed = [] }: Wanted): readonly string[] {
  if (!allowed.includes(descriptorTaker)) return [];
  return [
    `${descriptorTaker} is allowed: with CAP_SYS_PTRACE, containers can take the listener of what is executed in them, and answer its calls`,
  ];
}

function refusedNote({ refused = [] }: Wanted): readonly string[] {
  if (refused.length === 0) return [];
  return [
    `${refused.map(({ shown }) => shown).join(', ')} fail: handlers cannot guard what they do`,
  ];
}

/** Calls that stay as they are; authors of policies must know them. */
function kinNotes(
  { syscalls, allowed = [], refused = [] }: Wanted,
  blocked: readonly string[],
  base: Profile,
): readonly string[] {
  const families = [...new Set(syscalls.map((name) => familyOf(name)))].toSorted();
  const isOpen = (name: string): boolean =>
    !syscalls.includes(name) &&
    !blocked.includes(name) &&
    !refused.some((refusal) => refusal.name === name && refusal.flags.length === 0) &&
    (allowed.includes(name) || actionsOf(base, name).some(letsPass));
  return families.flatMap((family) =>
    kinOf(family).flatMap(({ families: others, where }) => {
      const open = others.flatMap((other) => familyMembers(other)).filter(isOpen);
      if (open.length === 0) return [];
      return [
        `${open.join(', ')}: no handler answers ${open.length > 1 ? 'them' : 'it'}, and ${where} ${open.length > 1 ? 'they do' : 'it does'} what ${family} does`,
      ];
    }),
  );
}

export function generateProfile(asked: Wanted): Generated {
  const { base } = asked;
  const wanted = { ...asked, refused: withConnecting(asked.refused ?? [], asked.syscalls) };
  const whole = base ?? allowingBase();
  const { profile } = whole;
  const own = ownRules(wanted, whole);
  const ownNames = own.flatMap(({ names }) => names);
  const others = (profile.architectures ?? []).filter(
    (arch) => !trappedArchitectures.includes(arch) && !bigEndian.includes(arch),
  );
  const flags = new Set([...profile.flags, ...(wanted.isWaitKillable ? [waitKillableFlag] : [])]);
  const errnoRet = whole.json['defaultErrnoRet'];
  return {
    isDefaultOurs: base === undefined,
    profile: {
      defaultAction: profile.defaultAction,
      ...(errnoRet === undefined ? {} : { defaultErrnoRet: errnoRet }),
      architectures: [...trappedArchitectures, ...others.toSorted()],
      ...(flags.size === 0 ? {} : { flags: [...flags].toSorted() }),
      listenerPath: wanted.listenerPath,
      listenerMetadata: wanted.listenerMetadata,
      syscalls: [...own, ...keptRules(whole, ownNames)],
    },
    notes: [
      ...(base === undefined ? [allowsAllNote] : []),
      ...blockedNote(wanted),
      ...ringNote(wanted),
      ...takerNote(wanted),
      ...refusedNote(wanted),
      ...kinNotes(wanted, blockedCalls(wanted), profile),
      ...newCallsNote(ownNames, profile),
      ...(base === undefined
        ? []
        : [...baseNotes(base), ...openedNotes(base, wanted), ...conflictNotes(base, wanted)]),
    ],
  };
}

// ---- as texts ----

/** As kubelets, docker and podman read it. */
export function ociText({ profile }: Generated): string {
  return `${JSON.stringify(profile, undefined, 2)}\n`;
}
