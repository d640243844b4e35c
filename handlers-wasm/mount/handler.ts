// SPDX-License-Identifier: Apache-2.0
// Does new mounts of listed file system types for callers that the kernel would not let.

import { Action, Path, mounts, requireSettings, settingList } from '@seccompagent/guest-sdk';

const MS_REMOUNT: u64 = 32;
const MS_BIND: u64 = 4096;
const MS_MOVE: u64 = 8192;
const MS_UNBINDABLE: u64 = 1 << 17;
const MS_PRIVATE: u64 = 1 << 18;
const MS_SLAVE: u64 = 1 << 19;
const MS_SHARED: u64 = 1 << 20;

/** With one of these, mount(2) changes a mount that is there. */
const NOT_NEW: u64 =
  MS_REMOUNT | MS_BIND | MS_MOVE | MS_UNBINDABLE | MS_PRIVATE | MS_SLAVE | MS_SHARED;

export function configure(): string | null {
  return requireSettings(['filesystems']);
}

export function mount(
  source: Path | null,
  target: Path,
  filesystemType: Path | null,
  mountFlags: u64,
  data: Uint8Array | null,
): Action {
  // The kernel then judges with the caller's own power: whatever it reads, nothing is lent.
  if ((mountFlags & NOT_NEW) != 0 || filesystemType === null) return Action.continue();
  if (!isListed(filesystemType)) return Action.continue();
  return mounts.mount(source, target, filesystemType, mountFlags, data).toAction();
}

function isListed(filesystemType: Path): bool {
  const listed = settingList('filesystems');
  for (let i = 0; i < listed.length; i++) {
    if (filesystemType.equals(Path.fromString(listed[i]))) return true;
  }
  return false;
}
