// SPDX-License-Identifier: Apache-2.0
// Lets programs start late: those of one path, and those that containers begin with.

import {
  Action,
  Path,
  caller,
  hasSetting,
  refuseDurations,
  requireSettings,
  setting,
  settingList,
  settingMilliseconds,
} from '@seccompagent/guest-sdk';

/** The host lets nobody wait longer. */
const DAY: u64 = 86400000;

/** Name that runtimes give a pod's sandbox: without it none of the others would start. */
const SANDBOX = 'POD';

export function configure(): string | null {
  const refusal = refuseDurations(['duration', 'sidecars-delay'], DAY);
  if (refusal !== null) return refusal;
  const hasPattern = hasSetting('pattern') || hasSetting('duration');
  const hasSidecars = hasSetting('sidecars') || hasSetting('sidecars-delay');
  if (!hasPattern && !hasSidecars) return 'neither "pattern" nor "sidecars" is set';
  const missing = hasPattern ? requireSettings(['pattern', 'duration']) : null;
  if (missing !== null || !hasSidecars) return missing;
  return requireSettings(['sidecars', 'sidecars-delay', 'container']);
}

export function execve(path: Path, _flags: u32): Action {
  const byPath = delayOfPath(path);
  const byContainer = delayOfContainer();
  const delay = byPath > byContainer ? byPath : byContainer;
  return delay == 0 ? Action.continue() : Action.continue().after(delay);
}

function delayOfPath(path: Path): u64 {
  if (!hasSetting('pattern')) return 0;
  return path.equals(Path.fromString(setting('pattern'))) ? settingMilliseconds('duration') : 0;
}

/**
 * What is left of the time for which containers wait that are no sidecars. Only their first process
 * does: what is executed in them later, or beside it, is not what sidecars have to be ready for. Nobody
 * knows the first process of some containers that are entered; none of those is just beginning.
 */
function delayOfContainer(): u64 {
  if (!hasSetting('sidecars')) return 0;
  const name = setting('container');
  if (name == SANDBOX || settingList('sidecars').includes(name)) return 0;
  // sidecars start after it has ended
  if (hasSetting('init') && setting('init') == 'true') return 0;
  const process = caller.process();
  const delay = settingMilliseconds('sidecars-delay');
  // who cannot be looked at may be the one that has to wait
  if (!process.isOk) return delay;
  if (!process.value.isFirst) return 0;
  return process.value.age < delay ? delay - process.value.age : 0;
}
