// SPDX-License-Identifier: Apache-2.0
// `struct xattr_args __user *` of getxattrat(2), as it came: the room for the value.
import { readKind } from '../../native.ts';
import { structBytes } from './kind.ts';
import type { PointerKind, StructField } from './kind.ts';

/** The room itself. */
export const xattrRoomPlace = { address: 0, size: 8 } as const;

const size: StructField = { name: 'size', offset: xattrRoomPlace.size, size: 4 };
const flags: StructField = { name: 'flags', offset: 12, size: 4 };

export const xattrRoomKind: PointerKind = {
  name: 'xattr-room',
  type: 'pointer',
  read: readKind.xattrRoom,
  memory: 'room-of-struct',
  fields: [size],
  sample: '{ size: 100 }',
  map: {
    keys: ['size', 'flags'],
    bytes: (given) => structBytes(16, [size, flags], (name) => given.integer(name)),
  },
};
