// SPDX-License-Identifier: Apache-2.0
// Flags and modes of system calls by name. Generated: `npm run generate`.

/** See open(2). */
export const O_RDONLY: u64 = 0;
/** See open(2). */
export const O_WRONLY: u64 = 0o1;
/** See open(2). */
export const O_RDWR: u64 = 0o2;
/** See open(2). */
export const O_ACCMODE: u64 = 0o3;
/** See open(2). */
export const O_CREAT: u64 = 0o100;
/** See open(2). */
export const O_EXCL: u64 = 0o200;
/** See open(2). */
export const O_NOCTTY: u64 = 0o400;
/** See open(2). */
export const O_TRUNC: u64 = 0o1000;
/** See open(2). */
export const O_APPEND: u64 = 0o2000;
/** See open(2). */
export const O_NONBLOCK: u64 = 0o4000;
/** See open(2). */
export const O_DSYNC: u64 = 0o10000;
/** See open(2). */
export const O_ASYNC: u64 = 0o20000;
/** See open(2). */
export const O_DIRECT: u64 = 0o40000;
/** See open(2). */
export const O_LARGEFILE: u64 = 0o100000;
/** See open(2). */
export const O_DIRECTORY: u64 = 0o200000;
/** See open(2). */
export const O_NOFOLLOW: u64 = 0o400000;
/** See open(2). */
export const O_NOATIME: u64 = 0o1000000;
/** See open(2). */
export const O_CLOEXEC: u64 = 0o2000000;
/** See open(2). */
export const O_SYNC: u64 = 0o4010000;
/** See open(2). */
export const O_PATH: u64 = 0o10000000;
/** See open(2). */
export const O_TMPFILE: u64 = 0o20200000;

/** See openat2(2). */
export const RESOLVE_NO_XDEV: u64 = 0x1;
/** See openat2(2). */
export const RESOLVE_NO_MAGICLINKS: u64 = 0x2;
/** See openat2(2). */
export const RESOLVE_NO_SYMLINKS: u64 = 0x4;
/** See openat2(2). */
export const RESOLVE_BENEATH: u64 = 0x8;
/** See openat2(2). */
export const RESOLVE_IN_ROOT: u64 = 0x10;
/** See openat2(2). */
export const RESOLVE_CACHED: u64 = 0x20;

/** See fstatat(2), statx(2) and others that take a path. */
export const AT_SYMLINK_NOFOLLOW: u32 = 0x100;
/** See fstatat(2), statx(2) and others that take a path. */
export const AT_EACCESS: u32 = 0x200;
/** See fstatat(2), statx(2) and others that take a path. */
export const AT_REMOVEDIR: u32 = 0x200;
/** See fstatat(2), statx(2) and others that take a path. */
export const AT_SYMLINK_FOLLOW: u32 = 0x400;
/** See fstatat(2), statx(2) and others that take a path. */
export const AT_NO_AUTOMOUNT: u32 = 0x800;
/** See fstatat(2), statx(2) and others that take a path. */
export const AT_EMPTY_PATH: u32 = 0x1000;
/** See fstatat(2), statx(2) and others that take a path. */
export const AT_STATX_FORCE_SYNC: u32 = 0x2000;
/** See fstatat(2), statx(2) and others that take a path. */
export const AT_STATX_DONT_SYNC: u32 = 0x4000;
/** See fstatat(2), statx(2) and others that take a path. */
export const AT_STATX_SYNC_TYPE: u32 = 0x6000;
/** See fstatat(2), statx(2) and others that take a path. */
export const AT_RECURSIVE: u32 = 0x8000;

/** See access(2). */
export const F_OK: u32 = 0;
/** See access(2). */
export const X_OK: u32 = 0o1;
/** See access(2). */
export const W_OK: u32 = 0o2;
/** See access(2). */
export const R_OK: u32 = 0o4;

/** See inode(7). */
export const S_IFMT: u32 = 0o170000;
/** See inode(7). */
export const S_IFSOCK: u32 = 0o140000;
/** See inode(7). */
export const S_IFLNK: u32 = 0o120000;
/** See inode(7). */
export const S_IFREG: u32 = 0o100000;
/** See inode(7). */
export const S_IFBLK: u32 = 0o60000;
/** See inode(7). */
export const S_IFDIR: u32 = 0o40000;
/** See inode(7). */
export const S_IFCHR: u32 = 0o20000;
/** See inode(7). */
export const S_IFIFO: u32 = 0o10000;
/** See inode(7). */
export const S_ISUID: u32 = 0o4000;
/** See inode(7). */
export const S_ISGID: u32 = 0o2000;
/** See inode(7). */
export const S_ISVTX: u32 = 0o1000;
/** See inode(7). */
export const S_IRWXU: u32 = 0o700;
/** See inode(7). */
export const S_IRUSR: u32 = 0o400;
/** See inode(7). */
export const S_IWUSR: u32 = 0o200;
/** See inode(7). */
export const S_IXUSR: u32 = 0o100;
/** See inode(7). */
export const S_IRWXG: u32 = 0o70;
/** See inode(7). */
export const S_IRGRP: u32 = 0o40;
/** See inode(7). */
export const S_IWGRP: u32 = 0o20;
/** See inode(7). */
export const S_IXGRP: u32 = 0o10;
/** See inode(7). */
export const S_IRWXO: u32 = 0o7;
/** See inode(7). */
export const S_IROTH: u32 = 0o4;
/** See inode(7). */
export const S_IWOTH: u32 = 0o2;
/** See inode(7). */
export const S_IXOTH: u32 = 0o1;

/** See rename(2). */
export const RENAME_NOREPLACE: u32 = 0x1;
/** See rename(2). */
export const RENAME_EXCHANGE: u32 = 0x2;
/** See rename(2). */
export const RENAME_WHITEOUT: u32 = 0x4;

/** See setxattr(2). */
export const XATTR_CREATE: u32 = 0x1;
/** See setxattr(2). */
export const XATTR_REPLACE: u32 = 0x2;

/** See mount(2). */
export const MS_RDONLY: u64 = 0x1;
/** See mount(2). */
export const MS_NOSUID: u64 = 0x2;
/** See mount(2). */
export const MS_NODEV: u64 = 0x4;
/** See mount(2). */
export const MS_NOEXEC: u64 = 0x8;
/** See mount(2). */
export const MS_SYNCHRONOUS: u64 = 0x10;
/** See mount(2). */
export const MS_REMOUNT: u64 = 0x20;
/** See mount(2). */
export const MS_MANDLOCK: u64 = 0x40;
/** See mount(2). */
export const MS_DIRSYNC: u64 = 0x80;
/** See mount(2). */
export const MS_NOSYMFOLLOW: u64 = 0x100;
/** See mount(2). */
export const MS_NOATIME: u64 = 0x400;
/** See mount(2). */
export const MS_NODIRATIME: u64 = 0x800;
/** See mount(2). */
export const MS_BIND: u64 = 0x1000;
/** See mount(2). */
export const MS_MOVE: u64 = 0x2000;
/** See mount(2). */
export const MS_REC: u64 = 0x4000;
/** See mount(2). */
export const MS_SILENT: u64 = 0x8000;
/** See mount(2). */
export const MS_POSIXACL: u64 = 0x10000;
/** See mount(2). */
export const MS_UNBINDABLE: u64 = 0x20000;
/** See mount(2). */
export const MS_PRIVATE: u64 = 0x40000;
/** See mount(2). */
export const MS_SLAVE: u64 = 0x80000;
/** See mount(2). */
export const MS_SHARED: u64 = 0x100000;
/** See mount(2). */
export const MS_RELATIME: u64 = 0x200000;
/** See mount(2). */
export const MS_I_VERSION: u64 = 0x800000;
/** See mount(2). */
export const MS_STRICTATIME: u64 = 0x1000000;
/** See mount(2). */
export const MS_LAZYTIME: u64 = 0x2000000;

/** See umount(2). */
export const MNT_FORCE: u32 = 0x1;
/** See umount(2). */
export const MNT_DETACH: u32 = 0x2;
/** See umount(2). */
export const MNT_EXPIRE: u32 = 0x4;
/** See umount(2). */
export const UMOUNT_NOFOLLOW: u32 = 0x8;
