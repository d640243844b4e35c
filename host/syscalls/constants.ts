// SPDX-License-Identifier: Apache-2.0
// Flags and modes of system calls by their names in the kernel's headers, for handlers in all languages
// and for test cases.

export interface ConstantGroup {
  /** Manual pages that say what they mean. */
  readonly of: string;
  /** As parameters of handlers have it. */
  readonly type: 'u32' | 'u64';
  readonly base: 8 | 16;
  readonly values: Readonly<Record<string, number>>;
}

/** Those of open(2) are x86's, which handlers get on every architecture. */
export const constantGroups: readonly ConstantGroup[] = [
  {
    of: 'open(2)',
    type: 'u64',
    base: 8,
    values: {
      O_RDONLY: 0,
      O_WRONLY: 0o1,
      O_RDWR: 0o2,
      O_ACCMODE: 0o3,
      O_CREAT: 0o100,
      O_EXCL: 0o200,
      O_NOCTTY: 0o400,
      O_TRUNC: 0o1000,
      O_APPEND: 0o2000,
      O_NONBLOCK: 0o4000,
      O_DSYNC: 0o10000,
      O_ASYNC: 0o20000,
      O_DIRECT: 0o40000,
      O_LARGEFILE: 0o100000,
      O_DIRECTORY: 0o200000,
      O_NOFOLLOW: 0o400000,
      O_NOATIME: 0o1000000,
      O_CLOEXEC: 0o2000000,
      O_SYNC: 0o4010000,
      O_PATH: 0o10000000,
      O_TMPFILE: 0o20200000,
    },
  },
  {
    of: 'openat2(2)',
    type: 'u64',
    base: 16,
    values: {
      RESOLVE_NO_XDEV: 0x1,
      RESOLVE_NO_MAGICLINKS: 0x2,
      RESOLVE_NO_SYMLINKS: 0x4,
      RESOLVE_BENEATH: 0x8,
      RESOLVE_IN_ROOT: 0x10,
      RESOLVE_CACHED: 0x20,
    },
  },
  {
    of: 'fstatat(2), statx(2) and others that take a path',
    type: 'u32',
    base: 16,
    values: {
      AT_SYMLINK_NOFOLLOW: 0x100,
      AT_EACCESS: 0x200,
      AT_REMOVEDIR: 0x200,
      AT_SYMLINK_FOLLOW: 0x400,
      AT_NO_AUTOMOUNT: 0x800,
      AT_EMPTY_PATH: 0x1000,
      AT_STATX_FORCE_SYNC: 0x2000,
      AT_STATX_DONT_SYNC: 0x4000,
      AT_STATX_SYNC_TYPE: 0x6000,
      AT_RECURSIVE: 0x8000,
    },
  },
  {
    of: 'access(2)',
    type: 'u32',
    base: 8,
    values: { F_OK: 0, X_OK: 1, W_OK: 2, R_OK: 4 },
  },
  {
    of: 'inode(7)',
    type: 'u32',
    base: 8,
    values: {
      S_IFMT: 0o170000,
      S_IFSOCK: 0o140000,
      S_IFLNK: 0o120000,
      S_IFREG: 0o100000,
      S_IFBLK: 0o60000,
      S_IFDIR: 0o40000,
      S_IFCHR: 0o20000,
      S_IFIFO: 0o10000,
      S_ISUID: 0o4000,
      S_ISGID: 0o2000,
      S_ISVTX: 0o1000,
      S_IRWXU: 0o700,
      S_IRUSR: 0o400,
      S_IWUSR: 0o200,
      S_IXUSR: 0o100,
      S_IRWXG: 0o70,
      S_IRGRP: 0o40,
      S_IWGRP: 0o20,
      S_IXGRP: 0o10,
      S_IRWXO: 0o7,
      S_IROTH: 0o4,
      S_IWOTH: 0o2,
      S_IXOTH: 0o1,
    },
  },
  {
    of: 'rename(2)',
    type: 'u32',
    base: 16,
    values: { RENAME_NOREPLACE: 0x1, RENAME_EXCHANGE: 0x2, RENAME_WHITEOUT: 0x4 },
  },
  {
    of: 'setxattr(2)',
    type: 'u32',
    base: 16,
    values: { XATTR_CREATE: 0x1, XATTR_REPLACE: 0x2 },
  },
  {
    of: 'mount(2)',
    type: 'u64',
    base: 16,
    values: {
      MS_RDONLY: 0x1,
      MS_NOSUID: 0x2,
      MS_NODEV: 0x4,
      MS_NOEXEC: 0x8,
      MS_SYNCHRONOUS: 0x10,
      MS_REMOUNT: 0x20,
      MS_MANDLOCK: 0x40,
      MS_DIRSYNC: 0x80,
      MS_NOSYMFOLLOW: 0x100,
      MS_NOATIME: 0x400,
      MS_NODIRATIME: 0x800,
      MS_BIND: 0x1000,
      MS_MOVE: 0x2000,
      MS_REC: 0x4000,
      MS_SILENT: 0x8000,
      MS_POSIXACL: 0x1_0000,
      MS_UNBINDABLE: 0x2_0000,
      MS_PRIVATE: 0x4_0000,
      MS_SLAVE: 0x8_0000,
      MS_SHARED: 0x10_0000,
      MS_RELATIME: 0x20_0000,
      MS_I_VERSION: 0x80_0000,
      MS_STRICTATIME: 0x100_0000,
      MS_LAZYTIME: 0x200_0000,
    },
  },
  {
    of: 'umount(2)',
    type: 'u32',
    base: 16,
    values: { MNT_FORCE: 0x1, MNT_DETACH: 0x2, MNT_EXPIRE: 0x4, UMOUNT_NOFOLLOW: 0x8 },
  },
];

const numbers = new Map(constantGroups.flatMap(({ values }) => Object.entries(values)));

function bitsOf(word: string): bigint | undefined {
  if (/^(?:0[xX][\da-fA-F]+|0o[0-7]+|\d+)$/u.test(word)) return BigInt(word);
  const number = numbers.get(word);
  return number === undefined ? undefined : BigInt(number);
}

/** The number of `O_CREAT|O_EXCL`, where numbers may stand between names; undefined: it is none. */
export function parseBits(text: string): bigint | undefined {
  let all = 0n;
  for (const word of text.split('|')) {
    const bits = bitsOf(word.trim());
    if (bits === undefined) return undefined;
    all |= bits;
  }
  return all;
}
