// SPDX-License-Identifier: Apache-2.0
// Common parts of all checks of a profile.
import type { Findings, Keys, Severity } from '../finding.ts';
import { actionsOf } from '../profile.ts';
import type { Profile } from '../profile.ts';
import { notify } from '../seccomp-words.ts';

/** The names that some rule sends to the agent, whether it gets there or not. */
function namedForNotify({ rules }: Profile): readonly string[] {
  const names = rules.filter(({ action }) => action === notify).flatMap((rule) => rule.names);
  return [...new Set(names)];
}

/** The calls that the agent is asked about, whatever their arguments. */
export function trappedNames(profile: Profile): readonly string[] {
  return namedForNotify(profile).filter((name) => actionsOf(profile, name).includes(notify));
}

export function listed(names: readonly string[]): string {
  return names.join(', ');
}

/** Looks at one side of a profile. */
export class Check {
  protected readonly profile: Profile;
  readonly #findings: Findings;

  constructor(profile: Profile, findings: Findings) {
    this.profile = profile;
    this.#findings = findings;
  }

  protected tell(
    code: Parameters<Findings['tell']>[0],
    severity: Severity,
    keys: Keys,
    message: string,
    advice: string,
  ): void {
    this.#findings.tell(code, severity, keys, { message, advice });
  }

  /** Places of a name in the rules that notify. */
  protected placeOf(name: string): Keys {
    const index = this.profile.rules.findIndex(
      (rule) => rule.action === notify && rule.names.includes(name),
    );
    const at = this.profile.rules[index]?.names.indexOf(name) ?? 0;
    return ['syscalls', index, 'names', at];
  }

  protected get trapsAnything(): boolean {
    return namedForNotify(this.profile).length > 0;
  }
}
