// SPDX-License-Identifier: Apache-2.0
// The one table of the system calls whose arguments this project decodes: a row per syscall name.

/**
 * What an argument is, by the C type that the kernel declares for it.
 *
 * | kind          | kernel's type                  | decoded as                                             |
 * |---------------|--------------------------------|--------------------------------------------------------|
 * | `dirfd`       | `int`                          | never shown: paths resolve against it, implicitly      |
 * | `fd`          | `int`                          | the low 32 bits, signed; what the call acts on         |
 * | `path`        | `const char __user *`          | bytes without the NUL; faults are the call's own error |
 * | `source`      | `char __user *`, may be NULL   | optional bytes, longer than PATH_MAX is EINVAL         |
 * | `mount-data`  | `void __user *`, may be NULL   | optional bytes, at most a page, up to the first NUL    |
 * | `mode`        | `umode_t`                      | the low 16 bits                                        |
 * | `uint`        | `unsigned int`, `int` flags    | the low 32 bits                                        |
 * | `ulong`       | `unsigned long`, `size_t`      | 64 bits, 32 in 32-bit calls                            |
 * | `id16`        | `old_uid_t`                    | the low 16 bits; 0xffff is -1                          |
 * | `device`      | `unsigned` of mknod(2)         | the low 32 bits, as major and minor                    |
 * | `xattr-name`  | `const char __user *`          | bytes without the NUL; none or over 255 are ERANGE     |
 * | `xattr-value` | `const void __user *`          | as many bytes as the next argument says; over 64 KiB   |
 * |               |                                | are E2BIG                                              |
 * | `xattr-args`  | `struct xattr_args __user *`   | of setxattrat(2): the value and its flags              |
 * | `xattr-room`  | `struct xattr_args __user *`   | of getxattrat(2): the room for the value               |
 * | `open-how`    | `struct open_how __user *`     | flags, mode and resolve; sizes as the kernel has them  |
 * | `result`      | pointer to a struct            | never read; capability `memory` writes it              |
 * | `room`        | `void __user *`                | the same; the next argument is its size                |
 * | `data`        | `const void __user *`          | not decoded; capability `memory` reads it              |
 * | `address`     | pointers to pointers and so on | never followed                                         |
 */
export type ArgumentKind =
  | 'dirfd'
  | 'fd'
  | 'path'
  | 'source'
  | 'mount-data'
  | 'mode'
  | 'uint'
  | 'ulong'
  | 'id16'
  | 'device'
  | 'xattr-name'
  | 'xattr-value'
  | 'xattr-args'
  | 'xattr-room'
  | 'open-how'
  | 'result'
  | 'room'
  | 'data'
  | 'address';

export interface Argument {
  /** kebab-case. Where the family's export has a parameter of that name, this is it. */
  readonly name: string;
  readonly kind: ArgumentKind;
}

/**
 * What a parameter of a family's export is. A call that lacks it has 0, nothing, or an empty path:
 * that of the file itself whose descriptor it names.
 */
export type ParameterKind =
  | 'path'
  | 'optional-path'
  | 'bytes'
  | 'optional-bytes'
  | 'u32'
  | 's32'
  | 'u64'
  | 'device'
  | 'mount-operation';

export interface FamilyParameter {
  /** The parameter's name in the handler's export: kebab-case, a valid WIT label. */
  readonly name: string;
  readonly kind: ParameterKind;
}

export interface SyscallRow {
  /** The kernel's name, as in syscall(2). */
  readonly name: string;
  /** One word without underscores: the export of a handler that answers this call. */
  readonly family: string;
  readonly arguments: readonly Argument[];
  /** Parameters of the family that this call has no argument for: what it always means. */
  readonly constants?: Readonly<Record<string, number>>;
  /** Where the call of this name has other arguments than elsewhere. */
  readonly arch?: 'i386';
}

const dirfd: Argument = { name: 'dirfd', kind: 'dirfd' };
const newDirfd: Argument = { name: 'new-dirfd', kind: 'dirfd' };
/** The same for the calls that name the file itself by a descriptor. */
const fileFd: Argument = { name: 'fd', kind: 'dirfd' };
const fd: Argument = { name: 'fd', kind: 'fd' };
const path: Argument = { name: 'path', kind: 'path' };
const newPath: Argument = { name: 'new-path', kind: 'path' };
const target: Argument = { name: 'target', kind: 'path' };
const mode: Argument = { name: 'mode', kind: 'mode' };
const flags: Argument = { name: 'flags', kind: 'uint' };
const atFlags: Argument = { name: 'at-flags', kind: 'uint' };
const device: Argument = { name: 'device', kind: 'device' };
const uid: Argument = { name: 'uid', kind: 'uint' };
const gid: Argument = { name: 'gid', kind: 'uint' };
const uid16: Argument = { name: 'uid', kind: 'id16' };
const gid16: Argument = { name: 'gid', kind: 'id16' };
const attribute: Argument = { name: 'name', kind: 'xattr-name' };
const value: Argument = { name: 'value', kind: 'xattr-value' };
const valueArgs: Argument = { name: 'value', kind: 'xattr-args' };
const room: Argument = { name: 'value', kind: 'room' };
const roomArgs: Argument = { name: 'value', kind: 'xattr-room' };
const list: Argument = { name: 'list', kind: 'room' };
const size: Argument = { name: 'size', kind: 'ulong' };
const attributes: Argument = { name: 'attributes', kind: 'data' };

/** Numbers of <fcntl.h> that are the same everywhere. */
export const at = {
  symlinkNofollow: 0x100,
  removeDirectory: 0x200,
  noAutomount: 0x800,
  symlinkFollow: 0x400,
  emptyPath: 0x1000,
} as const;

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
  {
    name: 'openat2',
    family: 'open',
    arguments: [dirfd, path, { name: 'how', kind: 'open-how' }, size],
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
    arguments: [dirfd, path, atFlags, attribute, roomArgs, { name: 'args-size', kind: 'ulong' }],
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
      { name: 'source', kind: 'source' },
      target,
      { name: 'filesystem-type', kind: 'source' },
      { name: 'mount-flags', kind: 'ulong' },
      { name: 'data', kind: 'mount-data' },
    ],
  },
  { name: 'umount2', family: 'umount', arguments: [target, flags] },
  { name: 'umount', family: 'umount', arguments: [target] },

  mountApi('fsopen', { name: 'path', kind: 'source' }, flags),
  mountApi(
    'fsconfig',
    fd,
    { name: 'command', kind: 'uint' },
    { name: 'key', kind: 'data' },
    { name: 'value', kind: 'data' },
    { name: 'auxiliary', kind: 'uint' },
  ),
  mountApi('fsmount', fd, flags, { name: 'mount-attributes', kind: 'uint' }),
  mountApi('fspick', dirfd, path, flags),
  mountApi('move_mount', dirfd, path, newDirfd, newPath, flags),
  mountApi('open_tree', dirfd, path, flags),
  mountApi('open_tree_attr', dirfd, path, flags, attributes, size),
  mountApi('mount_setattr', dirfd, path, flags, attributes, size),

  { name: 'sysinfo', family: 'sysinfo', arguments: [{ name: 'info', kind: 'result' }] },

  {
    name: 'execve',
    family: 'execve',
    arguments: [path, { name: 'argv', kind: 'address' }, { name: 'envp', kind: 'address' }],
  },
  {
    name: 'execveat',
    family: 'execve',
    arguments: [
      dirfd,
      path,
      { name: 'argv', kind: 'address' },
      { name: 'envp', kind: 'address' },
      flags,
    ],
  },

  { name: 'swapon', family: 'swapon', arguments: [path, flags] },
  { name: 'swapoff', family: 'swapoff', arguments: [path] },
];

const shown = {
  path: { name: 'path', kind: 'path' },
  newPath: { name: 'new-path', kind: 'path' },
  target: { name: 'target', kind: 'path' },
  name: { name: 'name', kind: 'path' },
  mode: { name: 'mode', kind: 'u32' },
  flags: { name: 'flags', kind: 'u32' },
  atFlags: { name: 'at-flags', kind: 'u32' },
  uid: { name: 'uid', kind: 'u32' },
  gid: { name: 'gid', kind: 'u32' },
  fd: { name: 'fd', kind: 's32' },
  size: { name: 'size', kind: 'u64' },
} as const satisfies Readonly<Record<string, FamilyParameter>>;

/** The parameters of each family's export, in their order. */
const parametersByFamily: ReadonlyMap<string, readonly FamilyParameter[]> = new Map<
  string,
  readonly FamilyParameter[]
>([
  ['mkdir', [shown.path, shown.mode]],
  ['mknod', [shown.path, shown.mode, { name: 'device', kind: 'device' }]],
  [
    'open',
    [shown.path, { name: 'flags', kind: 'u64' }, shown.mode, { name: 'resolve', kind: 'u64' }],
  ],
  ['chmod', [shown.path, shown.mode, shown.flags]],
  ['fchmod', [shown.fd, shown.mode]],
  ['chown', [shown.path, shown.uid, shown.gid, shown.flags]],
  ['fchown', [shown.fd, shown.uid, shown.gid]],
  ['rename', [shown.path, shown.newPath, shown.flags]],
  ['link', [shown.path, shown.newPath, shown.flags]],
  ['symlink', [shown.target, shown.path]],
  ['unlink', [shown.path, shown.flags]],
  [
    'setxattr',
    [shown.path, shown.atFlags, shown.name, { name: 'value', kind: 'bytes' }, shown.flags],
  ],
  ['getxattr', [shown.path, shown.atFlags, shown.name, shown.size]],
  ['listxattr', [shown.path, shown.atFlags, shown.size]],
  ['removexattr', [shown.path, shown.atFlags, shown.name]],
  [
    'mount',
    [
      { name: 'source', kind: 'optional-path' },
      shown.target,
      { name: 'filesystem-type', kind: 'optional-path' },
      { name: 'mount-flags', kind: 'u64' },
      { name: 'data', kind: 'optional-bytes' },
    ],
  ],
  ['umount', [shown.target, shown.flags]],
  [
    'mountapi',
    [
      { name: 'operation', kind: 'mount-operation' },
      { name: 'path', kind: 'optional-path' },
      { name: 'new-path', kind: 'optional-path' },
      shown.flags,
    ],
  ],
  ['sysinfo', []],
  ['execve', [shown.path, shown.flags]],
  ['swapon', [shown.path, shown.flags]],
  ['swapoff', [shown.path]],
]);

/** The parameters of a family's export; none for a call that is not decoded. */
export function familyParameters(family: string): readonly FamilyParameter[] {
  return parametersByFamily.get(family) ?? [];
}

/** Every family, in the table's order. */
export function families(): readonly string[] {
  return [...new Set(syscallTable.map((row) => row.family))];
}

/** The syscalls of a family; a syscall without a row is a family of its own. */
export function familyMembers(family: string): readonly string[] {
  const members = syscallTable.filter((row) => row.family === family).map((row) => row.name);
  return members.length > 0 ? [...new Set(members)] : [family];
}

/** What tells a row from others of its name. */
export function rowKey({ name, arch }: SyscallRow): string {
  return arch === undefined ? name : `${name} ${arch}`;
}
