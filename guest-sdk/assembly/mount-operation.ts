// SPDX-License-Identifier: Apache-2.0
// The calls of the mount API that works on descriptors.

/** Which one it is; they are one family, so that none is forgotten. */
export enum MountOperation {
  Fsopen,
  Fsconfig,
  Fsmount,
  Fspick,
  MoveMount,
  OpenTree,
  OpenTreeAttr,
  MountSetattr,
}
