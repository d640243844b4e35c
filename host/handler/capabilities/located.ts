// SPDX-License-Identifier: Apache-2.0
// What a path leads to: the record `located`, and whether that is below a folder.
import { Location } from '../../call/location.ts';
import { errnoNumber } from '../../syscalls/errno.ts';
import { lazily } from '../capability.ts';
import type { CapabilityFunction } from '../capability.ts';
import type { Guest } from '../guest.ts';
import { OperationRequest } from '../operation-request.ts';
import { beginValue, putBoolResult, putError, putStatus } from './results.ts';

const record = {
  path: 0,
  exists: 8,
  isMountPoint: 9,
  mount: 16,
  status: 24,
  size: 120,
  alignment: 8,
} as const;

const slash = 0x2f;
const enoent = errnoNumber('ENOENT');
const einval = errnoNumber('EINVAL');
const enotdir = errnoNumber('ENOTDIR');

/** @param given of a look-up, if there is no error */
export function putLocatedResult(
  guest: Guest,
  pointer: number,
  errno: number,
  given: Uint8Array,
): void {
  if (errno !== 0) {
    putError(guest, pointer, errno, record);
    return;
  }
  const location = new Location(given);
  const { path } = location;
  // first: the guest's memory may move
  const list = guest.putBytes(path, 0, path.length);
  const offset = beginValue(guest, pointer, record);
  guest.setU32(offset + record.path, list);
  guest.setU32(offset + record.path + 4, path.length);
  guest.setU8(offset + record.exists, location.exists ? 1 : 0);
  guest.setU8(offset + record.isMountPoint, location.isMountPoint ? 1 : 0);
  guest.setS64(offset + record.mount, location.mount);
  putStatus(guest, offset + record.status, location.status);
}

/** Of two paths without links, `.` and `..`. */
function isInOrBelow(path: Uint8Array, folder: Uint8Array): boolean {
  if (path.length < folder.length || folder.length === 0) return false;
  if (folder.some((byte, index) => path[index] !== byte)) return false;
  // the root ends with one
  return (
    path.length === folder.length ||
    folder[folder.length - 1] === slash ||
    path[folder.length] === slash
  );
}

function bytesAt(memory: Guest, pointer: number, length: number): Uint8Array {
  const offset = memory.checked(pointer, length >>> 0, 1);
  return memory.bytes.slice(offset, offset + (length >>> 0));
}

type Compare = (path: Uint8Array, folder: Uint8Array) => boolean;

/** (path, folder). The folder is looked up as it is now. */
function comparing(compare: Compare, isAbove: number): CapabilityFunction {
  return {
    signature: 'iiiii:',
    link: (guest, host, of) => {
      const request = lazily(() => new OperationRequest(of));
      return (
        path: number,
        pathLength: number,
        folder: number,
        folderLength: number,
        result: number,
      ): void => {
        const memory = guest();
        const asked = request();
        asked.begin();
        const wanted = bytesAt(memory, path, pathLength);
        const named = bytesAt(memory, folder, folderLength);
        asked.setText('path', memory.checked(folder, named.length, 1), named.length);
        asked.setNumber('second', isAbove);
        asked.memory = memory.bytes;
        const errno = named[0] === slash ? host.call(asked) : einval;
        // nothing is there by that name yet, or it would be what is wanted
        const isMissing = errno === enoent || errno === enotdir;
        const found = errno === 0 ? new Location(asked.result).path : named;
        putBoolResult(memory, result, isMissing ? 0 : errno, compare(wanted, found));
      };
    },
  };
}

export const isBelow: CapabilityFunction = comparing(isInOrBelow, 0);
export const isAbove: CapabilityFunction = comparing(
  (path, folder) => isInOrBelow(folder, path),
  1,
);
