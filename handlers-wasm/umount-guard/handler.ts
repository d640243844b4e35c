// SPDX-License-Identifier: Apache-2.0
// Keeps what hides something where it is, also from administrators of a container.

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
  mountFlag,
  mounts,
  settingOr,
} from '@seccompagent/guest-sdk';

const CAP_SYS_ADMIN: u32 = 21;

const CHANGES: u64 = MS_REMOUNT | MS_BIND | MS_MOVE;

export function configure(): string | null {
  const refusal = unknownChoice('changes');
  return refusal === null ? unknownChoice('new') : refusal;
}

function unknownChoice(key: string): string | null {
  const choice = settingOr(key, 'refuse');
  if (choice == 'refuse' || choice == 'continue') return null;
  return 'the setting "' + key + '" is unknown: ' + choice;
}

/** Done by the host with the bytes that it looks at, or refused: the kernel is never asked again. */
export function umount(target: Path, flags: u32): Action {
  const admin = caller.hasCapability(CAP_SYS_ADMIN, UserNamespace.OfMounts);
  if (!admin.isOk) return admin.failure();
  // nothing is lent
  if (!admin.value) return Action.fail(Errno.EPERM);
  return mounts.unmountSparing(target, flags, pathsOf(settingOr('protect', ''))).toAction();
}

/**
 * What mount(2) does is told by its flags, which no thread can change any more. Types of new mounts are
 * in memory: whoever looked for overlay there and left the others to the kernel could be deceived.
 */
export function any(call: Call): Action {
  if (settingOr('changes', 'refuse') == 'continue') return Action.next();
  if (call.family == 'mountapi') return Action.fail(Errno.ENOSYS);
  if (call.family != 'mount') return Action.next();
  const flags = mountFlag.withoutMagic(call.register(3));
  if ((flags & CHANGES) != 0) return Action.fail(Errno.EPERM);
  const isNew = (flags & mountFlag.PROPAGATION) == 0;
  const isRefused = isNew && settingOr('new', 'refuse') == 'refuse';
  return isRefused ? Action.fail(Errno.EPERM) : Action.next();
}

function pathsOf(text: string): string[] {
  const paths: string[] = [];
  const parts = text.split(',');
  for (let i = 0; i < parts.length; i++) {
    const path = parts[i].trim();
    if (path.length > 0) paths.push(path);
  }
  return paths;
}
