// SPDX-License-Identifier: Apache-2.0
// Makes each directory under a name with a suffix.

import { Action, Path, filesystem, requireSettings, setting } from '@seccompagent/guest-sdk';

export function configure(): string | null {
  return requireSettings(['suffix']);
}

export function mkdir(path: Path, mode: u32): Action {
  return filesystem.mkdir(path.withSuffix(setting('suffix')), mode).toAction();
}
