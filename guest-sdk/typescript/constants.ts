// SPDX-License-Identifier: Apache-2.0
// Flags and modes of system calls by name. Generated: `npm run generate`.

/** See open(2). */
export const O_RDONLY = 0;
/** See open(2). */
export const O_WRONLY = 0o1;
/** See open(2). */
export const O_RDWR = 0o2;
/** See open(2). */
export const O_ACCMODE = 0o3;
/** See open(2). */
export const O_CREAT = 0o100;
/** See open(2). */
export const O_EXCL = 0o200;
/** See open(2). */
export const O_NOCTTY = 0o400;
/** See open(2). */
export const O_TRUNC = 0o1000;
/** See open(2). */
export const O_APPEND = 0o2000;
/** See open(2). */
export const O_NONBLOCK = 0o4000;
/** See open(2). */
export const O_DSYNC = 0o10000;
/** See open(2). */
export const O_ASYNC = 0o20000;
/** See open(2). */
export const O_DIRECT = 0o40000;
/** See open(2). */
export const O_LARGEFILE = 0o100000;
/** See open(2). */
export const O_DIRECTORY = 0o200000;
/** See open(2). */
export const O_NOFOLLOW = 0o400000;
/** See open(2). */
export const O_NOATIME = 0o1000000;
/** See open(2). */
export const O_CLOEXEC = 0o2000000;
/** See open(2). */
export const O_SYNC = 0o4010000;
/** See open(2). */
export const O_PATH = 0o10000000;
/** See open(2). */
export const O_TMPFILE = 0o20200000;

/** See openat2(2). */
export const RESOLVE_NO_XDEV = 0x1;
/** See openat2(2). */
export const RESOLVE_NO_MAGICLINKS = 0x2;
/** See openat2(2). */
export const RESOLVE_NO_SYMLINKS = 0x4;
/** See openat2(2). */
export const RESOLVE_BENEATH = 0x8;
/** See openat2(2). */
export const RESOLVE_IN_ROOT = 0x10;
/** See openat2(2). */
export const RESOLVE_CACHED = 0x20;

/** See fstatat(2), statx(2) and others that take a path. */
export const AT_SYMLINK_NOFOLLOW = 0x100;
/** See fstatat(2), statx(2) and others that take a path. */
export const AT_EACCESS = 0x200;
/** See fstatat(2), statx(2) and others that take a path. */
export const AT_REMOVEDIR = 0x200;
/** See fstatat(2), statx(2) and others that take a path. */
export const AT_SYMLINK_FOLLOW = 0x400;
/** See fstatat(2), statx(2) and others that take a path. */
export const AT_NO_AUTOMOUNT = 0x800;
/** See fstatat(2), statx(2) and others that take a path. */
export const AT_EMPTY_PATH = 0x1000;
/** See fstatat(2), statx(2) and others that take a path. */
export const AT_STATX_FORCE_SYNC = 0x2000;
/** See fstatat(2), statx(2) and others that take a path. */
export const AT_STATX_DONT_SYNC = 0x4000;
/** See fstatat(2), statx(2) and others that take a path. */
export const AT_STATX_SYNC_TYPE = 0x6000;
/** See fstatat(2), statx(2) and others that take a path. */
export const AT_RECURSIVE = 0x8000;

/** See access(2). */
export const F_OK = 0;
/** See access(2). */
export const X_OK = 0o1;
/** See access(2). */
export const W_OK = 0o2;
/** See access(2). */
export const R_OK = 0o4;

/** See inode(7). */
export const S_IFMT = 0o170000;
/** See inode(7). */
export const S_IFSOCK = 0o140000;
/** See inode(7). */
export const S_IFLNK = 0o120000;
/** See inode(7). */
export const S_IFREG = 0o100000;
/** See inode(7). */
export const S_IFBLK = 0o60000;
/** See inode(7). */
export const S_IFDIR = 0o40000;
/** See inode(7). */
export const S_IFCHR = 0o20000;
/** See inode(7). */
export const S_IFIFO = 0o10000;
/** See inode(7). */
export const S_ISUID = 0o4000;
/** See inode(7). */
export const S_ISGID = 0o2000;
/** See inode(7). */
export const S_ISVTX = 0o1000;
/** See inode(7). */
export const S_IRWXU = 0o700;
/** See inode(7). */
export const S_IRUSR = 0o400;
/** See inode(7). */
export const S_IWUSR = 0o200;
/** See inode(7). */
export const S_IXUSR = 0o100;
/** See inode(7). */
export const S_IRWXG = 0o70;
/** See inode(7). */
export const S_IRGRP = 0o40;
/** See inode(7). */
export const S_IWGRP = 0o20;
/** See inode(7). */
export const S_IXGRP = 0o10;
/** See inode(7). */
export const S_IRWXO = 0o7;
/** See inode(7). */
export const S_IROTH = 0o4;
/** See inode(7). */
export const S_IWOTH = 0o2;
/** See inode(7). */
export const S_IXOTH = 0o1;

/** See rename(2). */
export const RENAME_NOREPLACE = 0x1;
/** See rename(2). */
export const RENAME_EXCHANGE = 0x2;
/** See rename(2). */
export const RENAME_WHITEOUT = 0x4;

/** See setxattr(2). */
export const XATTR_CREATE = 0x1;
/** See setxattr(2). */
export const XATTR_REPLACE = 0x2;

/** See mount(2). */
export const MS_RDONLY = 0x1;
/** See mount(2). */
export const MS_NOSUID = 0x2;
/** See mount(2). */
export const MS_NODEV = 0x4;
/** See mount(2). */
export const MS_NOEXEC = 0x8;
/** See mount(2). */
export const MS_SYNCHRONOUS = 0x10;
/** See mount(2). */
export const MS_REMOUNT = 0x20;
/** See mount(2). */
export const MS_MANDLOCK = 0x40;
/** See mount(2). */
export const MS_DIRSYNC = 0x80;
/** See mount(2). */
export const MS_NOSYMFOLLOW = 0x100;
/** See mount(2). */
export const MS_NOATIME = 0x400;
/** See mount(2). */
export const MS_NODIRATIME = 0x800;
/** See mount(2). */
export const MS_BIND = 0x1000;
/** See mount(2). */
export const MS_MOVE = 0x2000;
/** See mount(2). */
export const MS_REC = 0x4000;
/** See mount(2). */
export const MS_SILENT = 0x8000;
/** See mount(2). */
export const MS_POSIXACL = 0x10000;
/** See mount(2). */
export const MS_UNBINDABLE = 0x20000;
/** See mount(2). */
export const MS_PRIVATE = 0x40000;
/** See mount(2). */
export const MS_SLAVE = 0x80000;
/** See mount(2). */
export const MS_SHARED = 0x100000;
/** See mount(2). */
export const MS_RELATIME = 0x200000;
/** See mount(2). */
export const MS_I_VERSION = 0x800000;
/** See mount(2). */
export const MS_STRICTATIME = 0x1000000;
/** See mount(2). */
export const MS_LAZYTIME = 0x2000000;

/** See umount(2). */
export const MNT_FORCE = 0x1;
/** See umount(2). */
export const MNT_DETACH = 0x2;
/** See umount(2). */
export const MNT_EXPIRE = 0x4;
/** See umount(2). */
export const UMOUNT_NOFOLLOW = 0x8;
