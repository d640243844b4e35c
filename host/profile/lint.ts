// SPDX-License-Identifier: Apache-2.0
// Finds in a seccomp profile what keeps containers from starting, what never reaches the agent, and
// what walks around it. How rules come together is what libseccomp does, see `decisionOf`.
import type { Findings } from './finding.ts';
import { MetadataCheck } from './lint/metadata.ts';
import type { Resolve } from './lint/metadata.ts';
import { RulesCheck } from './lint/rules.ts';
import { SettingsCheck } from './lint/settings.ts';
import { TrapsCheck } from './lint/traps.ts';
import type { Profile } from './profile.ts';
import type { Runtime } from './runtime-calls.ts';

export interface LintOptions {
  /** Undefined: the bundles of metadata are not looked at. */
  readonly resolve?: Resolve | undefined;
  /** Undefined: any may take the profile. Of runc a version before 1.5, which has no flags. */
  readonly runtime?: Runtime | undefined;
}

export function lint(profile: Profile, findings: Findings, options: LintOptions = {}): void {
  const { resolve, runtime } = options;
  new SettingsCheck(profile, findings).run(runtime);
  new RulesCheck(profile, findings).run();
  const answered = new MetadataCheck(profile, findings).run(resolve);
  new TrapsCheck(profile, findings).run(runtime, answered?.preFilters);
}
