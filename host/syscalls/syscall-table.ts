// SPDX-License-Identifier: Apache-2.0
// The one table of the system calls whose arguments this project decodes: a row per syscall name.
import { at } from './family-table.ts';
import { dataKind } from './kinds/data.ts';
import { deviceKind } from './kinds/device.ts';
import { dirfdKind } from './kinds/dirfd.ts';
import { fdKind } from './kinds/fd.ts';
import { id16Kind } from './kinds/id16.ts';
import { fileLength32Kind, fileLengthKind, fileLengthPairKind } from './kinds/file-length.ts';
import type { ArgumentKind } from './kinds/kind.ts';
import { modeKind } from './kinds/mode.ts';
import { mountDataKind } from './kinds/mount-data.ts';
import { timespecs64Kind, timespecsKind, timevalsKind, utimbufKind } from './kinds/new-times.ts';
import { openFlagsOfArmKind } from './kinds/open-flags.ts';
import { openHowKind, openHowOfArmKind } from './kinds/open-how.ts';
import { pathKind } from './kinds/path.ts';
import { resultKind } from './kinds/result.ts';
import { roomKind } from './kinds/room.ts';
import { sourceKind } from './kinds/source.ts';
import { stringListKind } from './kinds/string-list.ts';
import { uintKind } from './kinds/uint.ts';
import { ulongKind } from './kinds/ulong.ts';
import { xattrArgsKind } from './kinds/xattr-args.ts';
import { xattrNameKind } from './kinds/xattr-name.ts';
import { xattrRoomKind } from './kinds/xattr-room.ts';
import { xattrValueKind } from './kinds/xattr-value.ts';

export interface Argument {
  /** kebab-case. Where the family's export has a parameter of that name, this is it. */
  readonly name: string;
  readonly kind: ArgumentKind;
}

export interface SyscallRow {
  /** The kernel's name, as in syscall(2). */
  readonly name: string;
  /** One word without underscores: the export of a handler that answers this call. */
  readonly family: string;
  readonly arguments: readonly Argument[];
  /** Parameters of the family that this call has no argument for: what it always means. */
  readonly constants?: Readonly<Record<string, number>>;
  /** The architecture on which the call of this name has other arguments. */
  readonly arch?: 'i386' | 'arm64';
}

const dirfd: Argument = { name: 'dirfd', kind: dirfdKind };
const newDirfd: Argument = { name: 'new-dirfd', kind: dirfdKind };
/** The same for the calls that name the file itself by a descriptor. */
const fileFd: Argument = { name: 'fd', kind: dirfdKind };
const fd: Argument = { name: 'fd', kind: fdKind };
const path: Argument = { name: 'path', kind: pathKind };
const newPath: Argument = { name: 'new-path', kind: pathKind };
const target: Argument = { name: 'target', kind: pathKind };
const mode: Argument = { name: 'mode', kind: modeKind };
const flags: Argument = { name: 'flags', kind: uintKind };
const atFlags: Argument = { name: 'at-flags', kind: uintKind };
const device: Argument = { name: 'device', kind: deviceKind };
const uid: Argument = { name: 'uid', kind: uintKind };
const gid: Argument = { name: 'gid', kind: uintKind };
const uid16: Argument = { name: 'uid', kind: id16Kind };
const gid16: Argument = { name: 'gid', kind: id16Kind };
const attribute: Argument = { name: 'name', kind: xattrNameKind };
const value: Argument = { name: 'value', kind: xattrValueKind };
const valueArgs: Argument = { name: 'value', kind: xattrArgsKind };
const room: Argument = { name: 'value', kind: roomKind };
const roomArgs: Argument = { name: 'value', kind: xattrRoomKind };
const list: Argument = { name: 'list', kind: roomKind };
const size: Argument = { name: 'size', kind: ulongKind };
const length: Argument = { name: 'length', kind: fileLengthKind };
const length32: Argument = { name: 'length', kind: fileLength32Kind };
const lengthPair: readonly Argument[] = [
  { name: 'length', kind: fileLengthPairKind },
  { name: 'length-high', kind: uintKind },
];
const timevals: Argument = { name: 'times', kind: timevalsKind };
const timespecs: Argument = { name: 'times', kind: timespecsKind };
const timespecs64: Argument = { name: 'times', kind: timespecs64Kind };
const attributes: Argument = { name: 'attributes', kind: dataKind };
const status: Argument = { name: 'status', kind: resultKind };
const armFlags: Argument = { name: 'flags', kind: openFlagsOfArmKind };
const how: Argument = { name: 'how', kind: openHowKind };
const accessMode: Argument = { name: 'mode', kind: uintKind };
const link: Argument = { name: 'link', kind: roomKind };
const linkSize: Argument = { name: 'size', kind: uintKind };

/** Constants of calls that act on the file of a descriptor. */
const ofFile = { flags: at.emptyPath };
const ofLink = { flags: at.symlinkNofollow };

/** creat(2) is open(2) with O_CREAT, O_WRONLY and O_TRUNC. */
const creatFlags = 0o1101;

/** By its place the number of each case of the WIT enum `mount-operation`. */
const mountOperations = [
  'fsopen',
  'fsconfig',
  'fsmount',
  'fspick',
  'move_mount',
  'open_tree',
  'open_tree_attr',
  'mount_setattr',
] as const;

/** One export for all of them: a handler that refuses one and forgets another has refused none. */
function mountApi(name: (typeof mountOperations)[number], ...own: readonly Argument[]): SyscallRow {
  const operation = mountOperations.indexOf(name);
  return { name, family: 'mountapi', arguments: own, constants: { operation } };
}

/** Every decoded syscall. Adding one is adding a row (and its siblings: a policy that forgets one is none). */
export const syscallTable: readonly SyscallRow[] = [
  { name: 'mkdir', family: 'mkdir', arguments: [path, mode] },
  { name: 'mkdirat', family: 'mkdir', arguments: [dirfd, path, mode] },

  { name: 'mknod', family: 'mknod', arguments: [path, mode, device] },
  { name: 'mknodat', family: 'mknod', arguments: [dirfd, path, mode, device] },

  { name: 'open', family: 'open', arguments: [path, flags, mode] },
  { name: 'openat', family: 'open', arguments: [dirfd, path, flags, mode] },
  { name: 'openat2', family: 'open', arguments: [dirfd, path, how, size] },
  { name: 'openat', family: 'open', arguments: [dirfd, path, armFlags, mode], arch: 'arm64' },
  {
    name: 'openat2',
    family: 'open',
    arguments: [dirfd, path, { name: 'how', kind: openHowOfArmKind }, size],
    arch: 'arm64',
  },
  { name: 'creat', family: 'open', arguments: [path, mode], constants: { flags: creatFlags } },

  { name: 'chmod', family: 'chmod', arguments: [path, mode] },
  { name: 'fchmodat', family: 'chmod', arguments: [dirfd, path, mode] },
  { name: 'fchmodat2', family: 'chmod', arguments: [dirfd, path, mode, flags] },
  { name: 'fchmod', family: 'fchmod', arguments: [fd, mode] },

  { name: 'chown', family: 'chown', arguments: [path, uid, gid] },
  {
    name: 'lchown',
    family: 'chown',
    arguments: [path, uid, gid],
    constants: { flags: at.symlinkNofollow },
  },
  { name: 'fchownat', family: 'chown', arguments: [dirfd, path, uid, gid, flags] },
  { name: 'chown32', family: 'chown', arguments: [path, uid, gid] },
  {
    name: 'lchown32',
    family: 'chown',
    arguments: [path, uid, gid],
    constants: { flags: at.symlinkNofollow },
  },
  { name: 'chown', family: 'chown', arguments: [path, uid16, gid16], arch: 'i386' },
  {
    name: 'lchown',
    family: 'chown',
    arguments: [path, uid16, gid16],
    constants: { flags: at.symlinkNofollow },
    arch: 'i386',
  },
  { name: 'fchown', family: 'fchown', arguments: [fd, uid, gid] },
  { name: 'fchown32', family: 'fchown', arguments: [fd, uid, gid] },
  { name: 'fchown', family: 'fchown', arguments: [fd, uid16, gid16], arch: 'i386' },

  { name: 'truncate', family: 'truncate', arguments: [path, length] },
  { name: 'truncate', family: 'truncate', arguments: [path, length32], arch: 'i386' },
  { name: 'truncate64', family: 'truncate', arguments: [path, ...lengthPair] },
  { name: 'ftruncate', family: 'truncate', arguments: [fileFd, length], constants: ofFile },
  {
    name: 'ftruncate',
    family: 'truncate',
    arguments: [fileFd, length32],
    constants: ofFile,
    arch: 'i386',
  },
  {
    name: 'ftruncate64',
    family: 'truncate',
    arguments: [fileFd, ...lengthPair],
    constants: ofFile,
  },

  { name: 'utime', family: 'utimens', arguments: [path, { name: 'times', kind: utimbufKind }] },
  { name: 'utimes', family: 'utimens', arguments: [path, timevals] },
  { name: 'futimesat', family: 'utimens', arguments: [dirfd, path, timevals] },
  { name: 'utimensat', family: 'utimens', arguments: [dirfd, path, timespecs, flags] },
  { name: 'utimensat_time64', family: 'utimens', arguments: [dirfd, path, timespecs64, flags] },

  { name: 'rename', family: 'rename', arguments: [path, newPath] },
  { name: 'renameat', family: 'rename', arguments: [dirfd, path, newDirfd, newPath] },
  { name: 'renameat2', family: 'rename', arguments: [dirfd, path, newDirfd, newPath, flags] },

  { name: 'link', family: 'link', arguments: [path, newPath] },
  { name: 'linkat', family: 'link', arguments: [dirfd, path, newDirfd, newPath, flags] },

  { name: 'symlink', family: 'symlink', arguments: [target, path] },
  { name: 'symlinkat', family: 'symlink', arguments: [target, dirfd, path] },

  { name: 'unlink', family: 'unlink', arguments: [path] },
  { name: 'unlinkat', family: 'unlink', arguments: [dirfd, path, flags] },
  {
    name: 'rmdir',
    family: 'unlink',
    arguments: [path],
    constants: { flags: at.removeDirectory },
  },

  { name: 'setxattr', family: 'setxattr', arguments: [path, attribute, value, size, flags] },
  {
    name: 'lsetxattr',
    family: 'setxattr',
    arguments: [path, attribute, value, size, flags],
    constants: { 'at-flags': at.symlinkNofollow },
  },
  {
    name: 'fsetxattr',
    family: 'setxattr',
    arguments: [fileFd, attribute, value, size, flags],
    constants: { 'at-flags': at.emptyPath },
  },
  {
    name: 'setxattrat',
    family: 'setxattr',
    arguments: [dirfd, path, atFlags, attribute, valueArgs, size],
  },

  { name: 'getxattr', family: 'getxattr', arguments: [path, attribute, room, size] },
  {
    name: 'lgetxattr',
    family: 'getxattr',
    arguments: [path, attribute, room, size],
    constants: { 'at-flags': at.symlinkNofollow },
  },
  {
    name: 'fgetxattr',
    family: 'getxattr',
    arguments: [fileFd, attribute, room, size],
    constants: { 'at-flags': at.emptyPath },
  },
  {
    name: 'getxattrat',
    family: 'getxattr',
    arguments: [dirfd, path, atFlags, attribute, roomArgs, { name: 'args-size', kind: ulongKind }],
  },

  { name: 'listxattr', family: 'listxattr', arguments: [path, list, size] },
  {
    name: 'llistxattr',
    family: 'listxattr',
    arguments: [path, list, size],
    constants: { 'at-flags': at.symlinkNofollow },
  },
  {
    name: 'flistxattr',
    family: 'listxattr',
    arguments: [fileFd, list, size],
    constants: { 'at-flags': at.emptyPath },
  },
  { name: 'listxattrat', family: 'listxattr', arguments: [dirfd, path, atFlags, list, size] },

  { name: 'removexattr', family: 'removexattr', arguments: [path, attribute] },
  {
    name: 'lremovexattr',
    family: 'removexattr',
    arguments: [path, attribute],
    constants: { 'at-flags': at.symlinkNofollow },
  },
  {
    name: 'fremovexattr',
    family: 'removexattr',
    arguments: [fileFd, attribute],
    constants: { 'at-flags': at.emptyPath },
  },
  { name: 'removexattrat', family: 'removexattr', arguments: [dirfd, path, atFlags, attribute] },

  {
    name: 'mount',
    family: 'mount',
    arguments: [
      { name: 'source', kind: sourceKind },
      target,
      { name: 'filesystem-type', kind: sourceKind },
      { name: 'mount-flags', kind: ulongKind },
      { name: 'data', kind: mountDataKind },
    ],
  },
  { name: 'umount2', family: 'umount', arguments: [target, flags] },
  { name: 'umount', family: 'umount', arguments: [target] },

  mountApi('fsopen', { name: 'path', kind: sourceKind }, flags),
  mountApi(
    'fsconfig',
    fd,
    { name: 'command', kind: uintKind },
    { name: 'key', kind: dataKind },
    { name: 'value', kind: dataKind },
    { name: 'auxiliary', kind: uintKind },
  ),
  mountApi('fsmount', fd, flags, { name: 'mount-attributes', kind: uintKind }),
  mountApi('fspick', dirfd, path, flags),
  mountApi('move_mount', dirfd, path, newDirfd, newPath, flags),
  mountApi('open_tree', dirfd, path, flags),
  mountApi('open_tree_attr', dirfd, path, flags, attributes, size),
  mountApi('mount_setattr', dirfd, path, flags, attributes, size),

  { name: 'stat', family: 'stat', arguments: [path, status] },
  { name: 'lstat', family: 'stat', arguments: [path, status], constants: ofLink },
  { name: 'fstat', family: 'stat', arguments: [fileFd, status], constants: ofFile },
  { name: 'newfstatat', family: 'stat', arguments: [dirfd, path, status, flags] },
  {
    name: 'statx',
    family: 'stat',
    arguments: [dirfd, path, flags, { name: 'mask', kind: uintKind }, status],
  },
  { name: 'stat64', family: 'stat', arguments: [path, status] },
  { name: 'lstat64', family: 'stat', arguments: [path, status], constants: ofLink },
  { name: 'fstat64', family: 'stat', arguments: [fileFd, status], constants: ofFile },
  { name: 'fstatat64', family: 'stat', arguments: [dirfd, path, status, flags] },
  { name: 'oldstat', family: 'stat', arguments: [path, status] },
  { name: 'oldlstat', family: 'stat', arguments: [path, status], constants: ofLink },
  { name: 'oldfstat', family: 'stat', arguments: [fileFd, status], constants: ofFile },

  { name: 'access', family: 'access', arguments: [path, accessMode] },
  { name: 'faccessat', family: 'access', arguments: [dirfd, path, accessMode] },
  { name: 'faccessat2', family: 'access', arguments: [dirfd, path, accessMode, flags] },

  { name: 'readlink', family: 'readlink', arguments: [path, link, linkSize] },
  { name: 'readlinkat', family: 'readlink', arguments: [dirfd, path, link, linkSize] },

  { name: 'chdir', family: 'chdir', arguments: [path] },
  { name: 'fchdir', family: 'chdir', arguments: [fileFd] },
  { name: 'chroot', family: 'chroot', arguments: [path] },

  { name: 'sysinfo', family: 'sysinfo', arguments: [{ name: 'info', kind: resultKind }] },

  {
    name: 'execve',
    family: 'execve',
    arguments: [
      path,
      { name: 'argv', kind: stringListKind },
      { name: 'envp', kind: stringListKind },
    ],
  },
  {
    name: 'execveat',
    family: 'execve',
    arguments: [
      dirfd,
      path,
      { name: 'argv', kind: stringListKind },
      { name: 'envp', kind: stringListKind },
      flags,
    ],
  },

  { name: 'swapon', family: 'swapon', arguments: [path, flags] },
  { name: 'swapoff', family: 'swapoff', arguments: [path] },
];

/** Every family, in the table's order. */
export function families(): readonly string[] {
  return [...new Set(syscallTable.map((row) => row.family))];
}

/** The syscalls of a family; a syscall without a row is a family of its own. */
export function familyMembers(family: string): readonly string[] {
  const members = syscallTable.filter((row) => row.family === family).map((row) => row.name);
  return members.length > 0 ? [...new Set(members)] : [family];
}

/** Key of a row among others of its name. */
export function rowKey({ name, arch }: SyscallRow): string {
  return arch === undefined ? name : `${name} ${arch}`;
}
