// SPDX-License-Identifier: Apache-2.0
// A seccomp profile as values: what the runtimes' JSON and the Security Profiles Operator's YAML say.

/** On one argument of a call. */
export interface Condition {
  /** From 0. */
  readonly index: number;
  readonly value: number;
  /** With SCMP_CMP_MASKED_EQ: what is left of the argument under the mask `value`. */
  readonly valueTwo: number;
  readonly op: string;
}

export interface Rule {
  readonly names: readonly string[];
  readonly action: string;
  /** All have to hold; empty: whatever the arguments are. */
  readonly conditions: readonly Condition[];
  /** It may be absent on some machines or containers: docker's and podman's own conditions. */
  readonly isOfSomeHosts: boolean;
}

export type ProfileFormat = 'oci' | 'spo';

export interface Profile {
  readonly format: ProfileFormat;
  readonly defaultAction: string;
  /** Undefined: nothing is said, and the machine's own is meant. */
  readonly architectures?: readonly string[];
  /** They are of docker's `archMap`, of which a machine takes what is for its own. */
  readonly hasArchitectureMap: boolean;
  readonly flags: readonly string[];
  readonly listenerPath?: string;
  readonly listenerMetadata?: string;
  /** In the order of the file, wrong ones included. */
  readonly rules: readonly Rule[];
  /** Rules that another profile brings. */
  readonly baseName?: string;
}

/**
 * The action for a call, as libseccomp puts rules together: one whose action is the default action
 * is left out; of those without conditions the first one counts, and it takes the place of all that
 * have conditions, be they before it or behind it.
 */
export type Decision =
  | { readonly kind: 'default' }
  | { readonly kind: 'rule'; readonly rule: Rule; readonly index: number }
  /** Calls that meet none of the conditions get the default action. */
  | { readonly kind: 'conditional'; readonly rules: readonly Rule[] };

type NamedRules = ReadonlyMap<string, readonly { readonly rule: Rule; readonly index: number }[]>;

const known: WeakMap<Profile, NamedRules> = new WeakMap();

/** By name, and made once: all checks ask for each name. */
function rulesByName(profile: Profile): NamedRules {
  const found = known.get(profile);
  if (found !== undefined) return found;
  const made = new Map<string, { readonly rule: Rule; readonly index: number }[]>();
  for (const [index, rule] of profile.rules.entries()) {
    for (const name of new Set(rule.names)) {
      const own = made.get(name) ?? [];
      own.push({ rule, index });
      made.set(name, own);
    }
  }
  known.set(profile, made);
  return made;
}

export function decisionOf(profile: Profile, name: string): Decision {
  const own = (rulesByName(profile).get(name) ?? []).filter(
    ({ rule }) => rule.action !== profile.defaultAction,
  );
  const first = own.find(({ rule }) => rule.conditions.length === 0);
  if (first !== undefined) return { kind: 'rule', ...first };
  if (own.length === 0) return { kind: 'default' };
  return { kind: 'conditional', rules: own.map(({ rule }) => rule) };
}

/** The actions that a call may get. */
export function actionsOf(profile: Profile, name: string): readonly string[] {
  const decision = decisionOf(profile, name);
  switch (decision.kind) {
    case 'default':
      return [profile.defaultAction];
    case 'rule':
      return [decision.rule.action];
    case 'conditional':
      return [...new Set([...decision.rules.map(({ action }) => action), profile.defaultAction])];
  }
}
