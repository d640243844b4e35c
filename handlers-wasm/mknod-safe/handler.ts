// SPDX-License-Identifier: Apache-2.0
// Makes nodes of harmless devices for callers that the kernel would not let.

import {
  Action,
  Device,
  Path,
  S_IFCHR,
  S_IFMT,
  devices,
  filesystem,
  isSet,
  refuseFlags,
} from '@seccompagent/guest-sdk';

/** null, zero, full, random and urandom. */
const MEMORY_MINORS: u32[] = [3, 5, 7, 8, 9];

export function configure(): string | null {
  return refuseFlags(['fuse', 'net-tun', 'whiteout']);
}

export function mknod(path: Path, mode: u32, device: Device): Action {
  if ((mode & S_IFMT) != S_IFCHR) return judgedByKernel();
  // it takes no power to make one
  if (device.equals(0, 0) && isSet('whiteout'))
    return filesystem.mknod(path, mode, device).toAction();
  if (!isAllowed(device)) return judgedByKernel();
  return devices.make(path, mode, device).toAction();
}

/** With the caller's own power. */
function judgedByKernel(): Action {
  // sound: whatever the kernel reads, nothing is lent
  return Action.continue();
}

function isAllowed(device: Device): bool {
  if (device.major == 1) return MEMORY_MINORS.includes(device.minor);
  // tty and console
  if (device.major == 5) return device.minor <= 1;
  if (device.equals(10, 229)) return isSet('fuse');
  return device.equals(10, 200) && isSet('net-tun');
}
