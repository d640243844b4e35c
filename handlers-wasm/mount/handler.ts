// SPDX-License-Identifier: Apache-2.0
// Does new mounts of listed file system types for callers that the kernel would not let.

import {
  Action,
  Call,
  Errno,
  MS_BIND,
  MS_MOVE,
  MS_REMOUNT,
  Path,
  UserNamespace,
  caller,
  isSet,
  mountFlag,
  mounts,
  refuseFlags,
  requireSettings,
  settingList,
  settingOr,
} from '@seccompagent/guest-sdk';

const COMMA: u8 = 44;
const BACKSLASH: u8 = 92;

const CAP_SYS_ADMIN: u32 = 21;

/** With one of these, mount(2) changes a mount that is there. */
const NOT_NEW: u64 = MS_REMOUNT | MS_BIND | MS_MOVE | mountFlag.PROPAGATION;

export function configure(): string | null {
  const api = settingOr('new-api', 'enosys');
  if (api != 'enosys' && api != 'continue') return 'the setting "new-api" is unknown: ' + api;
  const refusal = refuseFlags(['require-admin', 'proc', 'sysfs']);
  if (refusal !== null || isSet('proc') || isSet('sysfs')) return refusal;
  return requireSettings(['filesystems']);
}

export function mount(
  source: Path | null,
  target: Path,
  filesystemType: Path | null,
  mountFlags: u64,
  data: Uint8Array | null,
): Action {
  const flags = mountFlag.withoutMagic(mountFlags);
  if ((flags & NOT_NEW) != 0 || filesystemType === null) return judgedByKernel();
  if (!isListed(filesystemType) || !mayMount()) return judgedByKernel();
  const added = settingOr('options', '');
  if (added.length > 0 && data !== null && takesAlongWhatFollows(data)) {
    return Action.fail(Errno.EINVAL);
  }
  const options = withOptions(data, added);
  return mounts.mount(source, target, filesystemType, flags, options).toAction();
}

/**
 * The mount API that works on descriptors. Programs then use mount(2), which is answered above; or the
 * kernel judges all of these calls. Whoever only asks whether they are there passes no pointers, so
 * none is followed.
 */
export function any(call: Call): Action {
  if (call.family != 'mountapi') return Action.next();
  const isAllowed = settingOr('new-api', 'enosys') == 'continue';
  return isAllowed ? judgedByKernel() : Action.fail(Errno.ENOSYS);
}

/** With the caller's own power. */
function judgedByKernel(): Action {
  // sound: whatever the kernel reads, nothing is lent
  return Action.continue();
}

/** In a user namespace that the container has made itself, anybody is an administrator. */
function mayMount(): bool {
  if (!isSet('require-admin')) return true;
  const admin = caller.hasCapability(CAP_SYS_ADMIN, UserNamespace.OfContainer);
  return admin.isOk && admin.value;
}

/** Behind a backslash a comma is part of an option of an overlay, with all that follows. */
function takesAlongWhatFollows(data: Uint8Array): bool {
  let begin = data.length;
  while (begin > 0 && data[begin - 1] == BACKSLASH) begin--;
  return (data.length - begin) % 2 == 1;
}

/** The caller's options, then those of the setting. */
function withOptions(data: Uint8Array | null, options: string): Uint8Array | null {
  if (options.length == 0) return data;
  const added = Uint8Array.wrap(String.UTF8.encode(options));
  if (data === null) return added;
  const own: Uint8Array = data;
  if (own.length == 0) return added;
  const all = new Uint8Array(own.length + 1 + added.length);
  all.set(own);
  all[own.length] = COMMA;
  all.set(added, own.length + 1);
  return all;
}

function isListed(filesystemType: Path): bool {
  const listed = settingList('filesystems', '');
  if (isSet('proc')) listed.push('proc');
  if (isSet('sysfs')) listed.push('sysfs');
  for (let i = 0; i < listed.length; i++) {
    if (filesystemType.equals(Path.fromString(listed[i]))) return true;
  }
  return false;
}
