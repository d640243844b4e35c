// SPDX-License-Identifier: Apache-2.0
// Operations on behalf of a caller: their numbers, and the numbers that they take. C++ has them
// from here: `npm run generate`.
import { wordsOf } from './layout.ts';
import type { Places } from './layout.ts';

export const fileOperation = {
  mkdir: 1,
  mknod: 2,
  open: 3,
  chmod: 4,
  chown: 5,
  rename: 6,
  link: 7,
  symlink: 8,
  unlink: 9,
  stat: 10,
  getXattr: 11,
  setXattr: 12,
  listXattr: 13,
  removeXattr: 14,
  readLink: 15,
  truncate: 16,
  setTimes: 17,
  /** Look a path up as a name in a folder, as the file that it leads to, or as what an open takes. */
  locateName: 18,
  locateFile: 19,
  locateOpened: 20,
} as const;

/** Of native/ alone: the end of a mknod that failed later, which unlinks the node. */
export const helperOperation = { undoMknod: 21 } as const;

export const mountOperation = { unmount: 30, setMountAttributes: 31 } as const;

/** Operations of `operate`. */
export const operation: typeof fileOperation & typeof mountOperation = {
  ...fileOperation,
  ...mountOperation,
};

/** Beside the flags of a call: it takes a descriptor and no path, and O_PATH is refused. */
export const ofDescriptor: number = 1 << 30;

/** Each string is an offset into memory and a length, which is -1 for an absent string. */
export const operationFields = {
  dirfd: 'i32',
  /** Of unmount and setMountAttributes: the mount point. */
  path: 'i32',
  pathLength: 'i32',
  secondDirfd: 'i32',
  /** The new path of rename and link; the target of a symbolic link. */
  secondPath: 'i32',
  secondPathLength: 'i32',
  /**
   * Of unmount: the spared paths, each with a NUL behind it; absent: the operation has no such rule.
   * Of setTimes: two `newTimeFields`; absent: both are now.
   */
  value: 'i32',
  valueLength: 'i32',
  name: 'i32',
  nameLength: 'i32',
  /**
   * Of the call: AT_*, together with XATTR_* those of setXattr; O_*; RENAME_*; MNT_*; of
   * setMountAttributes AT_RECURSIVE.
   */
  flags: 'u32',
  mode: 'u32',
  /**
   * uid and gid; major and minor; the halves, lower one first, of a length or of the attributes to set;
   * of a look-up: a `lookedUp`.
   */
  first: 'u32',
  second: 'u32',
  /** The halves of RESOLVE_*; of the attributes to clear. */
  low: 'u32',
  high: 'u32',
  /** Written: the length of the result. */
  resultLength: 'u32',
  /**
   * Written by open: the index of the descriptor. Read by stat without a path: the descriptor to
   * describe; by setMountAttributes: the user namespace of an id mapping, -1: none.
   */
  descriptor: 'i32',
  /** Of open, 1: the flags are those of an openat2(2), which refuses unknown ones. */
  isStrict: 'u32',
  /**
   * 1: with the Linux capability that the operation requires, where the addon lends one: for nodes
   * of harmless devices, and for extended attributes of overlay file systems.
   */
  isLent: 'u32',
  /** Of open, 1: the caller gets the descriptor at once where possible, since the call returns it. */
  isGiven: 'u32',
  /** Written by open: the caller's number of the descriptor, which then has no index; or -1. */
  given: 'i32',
  /** 1: the outcome is the answer of the call, so that a helper may answer it where it is an open. */
  isFinal: 'u32',
  /** Written by open, 1: a helper answers once the worker has answered `handed`. */
  isHanded: 'u32',
} as const;

/** Positions in the numbers that `operate` takes. */
export const operationNumber: Places<typeof operationFields> & { readonly count: number } = {
  ...wordsOf(operationFields, 4),
  count: Object.keys(operationFields).length,
};

/** Each string is an offset into memory and a length, which is -1 for an absent string. */
export const mountFields = {
  source: 'i32',
  sourceLength: 'i32',
  target: 'i32',
  targetLength: 'i32',
  type: 'i32',
  typeLength: 'i32',
  data: 'i32',
  dataLength: 'i32',
  flagsLow: 'u32',
  flagsHigh: 'u32',
} as const;

/** Positions in the numbers that `mountAsCaller` takes. */
export const mountRange: Places<typeof mountFields> & { readonly count: number } = {
  ...wordsOf(mountFields, 4),
  count: Object.keys(mountFields).length,
};

/** The result of `stat`: numbers of 64 bits, in this order. */
export const statNumbers = [
  'holderMajor',
  'holderMinor',
  'inode',
  'mode',
  'links',
  'uid',
  'gid',
  'deviceMajor',
  'deviceMinor',
  'size',
  'blocks',
  'accessed',
  'modified',
  'changed',
  'mountFlags',
] as const;

/** The result of a look-up: these numbers behind those of `stat`, then the path and the name. */
export const locationNumbers = [
  /** Of the mount that the file is in, or the folder of its name; no other has or gets it. */
  'mount',
  /** 1: there is such a file. */
  'isThere',
  /** 1: it is the root of that mount. */
  'isMountPoint',
  /** 1: it is in a folder that is granted. */
  'isGranted',
  /** A `locatedAs`. */
  'as',
  'pathLength',
  'nameLength',
] as const;

/** What a look-up is of: operations on that path start at what it has found. */
export const lookedUp = { first: 0, second: 1, neither: 2 } as const;

/** What a look-up opened, and what an operation starts at that is done there. */
export const locatedAs = {
  /** A path: nothing was looked up. */
  nothing: 0,
  /** The file itself. */
  file: 1,
  /** The same, which is for its owner alone to open: see protected_regular in proc_sys_fs(5). */
  ownersFile: 2,
  /** The folder of the name. */
  name: 3,
} as const;
