// SPDX-License-Identifier: Apache-2.0
// Folders that look like OCI bundles, for containers that are made without a runtime.
import { writeFileSync } from 'node:fs';

import { TemporaryFolder } from './temporary-folder.ts';

/** One whose profile has these flags. */
export function ociBundleWith(flags: readonly string[]): TemporaryFolder {
  const folder = new TemporaryFolder();
  writeFileSync(folder.at('config.json'), JSON.stringify({ linux: { seccomp: { flags } } }));
  return folder;
}

/** One whose filter's callers may be written to. */
export function killableBundle(): TemporaryFolder {
  return ociBundleWith(['SECCOMP_FILTER_FLAG_WAIT_KILLABLE_RECV']);
}
