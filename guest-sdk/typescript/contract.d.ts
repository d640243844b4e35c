// SPDX-License-Identifier: Apache-2.0
// The contract of ../wit, as QuickJS has its types. Generated: npm run generate.
declare module 'seccompagent:handler/handler@0.1.0' {
  export type Action = import('seccompagent:handler/types@0.1.0').Action;
  export type Call = import('seccompagent:handler/types@0.1.0').Call;
  export type Device = import('seccompagent:handler/types@0.1.0').Device;
  export type MountOperation = import('seccompagent:handler/types@0.1.0').MountOperation;
  export type NewTimes = import('seccompagent:handler/types@0.1.0').NewTimes;
  export type Path = import('seccompagent:handler/types@0.1.0').Path;
  export function configure(settings: Array<[string, string]>): void;
  export function mkdir(path: Path, mode: number): Action;
  export function mknod(path: Path, mode: number, device: Device): Action;
  export function open(path: Path, flags: number, mode: number, resolve: number): Action;
  export function chmod(path: Path, mode: number, flags: number): Action;
  export function fchmod(fd: number, mode: number): Action;
  export function chown(path: Path, uid: number, gid: number, flags: number): Action;
  export function fchown(fd: number, uid: number, gid: number): Action;
  export function truncate(path: Path, length: number, flags: number): Action;
  export function utimens(path: Path | null, times: NewTimes | null, flags: number): Action;
  export function rename(path: Path, newPath: Path, flags: number): Action;
  export function link(path: Path, newPath: Path, flags: number): Action;
  export function symlink(target: Path, path: Path): Action;
  export function unlink(path: Path, flags: number): Action;
  export function setxattr(path: Path, atFlags: number, name: Path, value: Uint8Array, flags: number): Action;
  export function getxattr(path: Path, atFlags: number, name: Path, size: number): Action;
  export function listxattr(path: Path, atFlags: number, size: number): Action;
  export function removexattr(path: Path, atFlags: number, name: Path): Action;
  export function mount(source: Path | null, target: Path, filesystemType: Path | null, mountFlags: number, data: Uint8Array | null): Action;
  export function umount(target: Path, flags: number): Action;
  export function mountapi(operation: MountOperation, path: Path | null, newPath: Path | null, flags: number): Action;
  export function stat(path: Path | null, flags: number): Action;
  export function access(path: Path, mode: number, flags: number): Action;
  export function readlink(path: Path, size: number): Action;
  export function chdir(path: Path | null): Action;
  export function chroot(path: Path): Action;
  export function sysinfo(): Action;
  export function execve(path: Path, flags: number): Action;
  export function swapon(path: Path, flags: number): Action;
  export function swapoff(path: Path): Action;
  export function any(call: Call): Action;
}

declare module 'seccompagent:handler/arguments@0.1.0' {
  /**
   * All arguments in the syscall's order; empty for a syscall that the agent does not decode.
   * Similar to the arguments in a line of strace(1).
   */
  export function all(): Array<Argument>;
  export type Errno = import('seccompagent:handler/types@0.1.0').Errno;
  /**
   * The value of an argument.
   */
  export type Value = ValueInteger | ValueBytes | ValueNull | ValueFault | ValueUnread;
  /**
   * an integer by its C type: signed types are sign-extended
   */
  export interface ValueInteger {
    tag: 'integer',
    val: number,
  }
  /**
   * the bytes behind a pointer: a string has lost its NUL
   */
  export interface ValueBytes {
    tag: 'bytes',
    val: Uint8Array,
  }
  /**
   * a NULL pointer
   */
  export interface ValueNull {
    tag: 'null',
  }
  /**
   * a pointer that could not be followed, with the errno that the kernel would give
   */
  export interface ValueFault {
    tag: 'fault',
    val: Errno,
  }
  /**
   * a pointer that is not followed here: for a result, or to what the agent does not decode
   */
  export interface ValueUnread {
    tag: 'unread',
  }
  /**
   * Similar to a parameter in the syscall's manual page.
   */
  export interface Argument {
    name: string,
    value: Value,
  }
}

declare module 'seccompagent:handler/caller@0.1.0' {
  /**
   * Similar to proc_pid_stat(5).
   */
  export function getProcess(): Process;
  /**
   * Similar to credentials(7).
   */
  export function getCredentials(): Credentials;
  /**
   * The name of the calling thread, at most 15 bytes. The caller chooses it.
   * Similar to PR_GET_NAME of prctl(2).
   */
  export function comm(): Uint8Array;
  /**
   * Whether the caller has a Linux capability (its number) in a user namespace.
   * Similar to the kernel's own checks, see capabilities(7).
   */
  export function hasCapability(capability: number, where: UserNamespace): boolean;
  export type Errno = import('seccompagent:handler/types@0.1.0').Errno;
  /**
   * Similar to the ids of credentials(7).
   */
  export interface Ids {
    real: number,
    effective: number,
    saved: number,
    filesystem: number,
  }
  /**
   * Sets of Linux capabilities, a bit for each. Similar to capabilities(7).
   */
  export interface LinuxCapabilities {
    inheritable: number,
    permitted: number,
    effective: number,
    bounding: number,
    ambient: number,
  }
  /**
   * Ids are those of the host's user namespace.
   */
  export interface Credentials {
    uid: Ids,
    gid: Ids,
    groups: number[],
    umask: number,
    noNewPrivileges: boolean,
    capabilities: LinuxCapabilities,
  }
  /**
   * Which user namespace.
   * # Variants
   *
   * ## `"of-caller"`
   *
   * the caller's
   * ## `"of-mounts"`
   *
   * the one that owns the caller's mount namespace
   * ## `"of-host"`
   *
   * the host's
   * ## `"of-container"`
   *
   * the one in which the runtime has made the container, as the host's root; nobody has anything
   * in one that another user has made. `esrch`: nobody knows the container's first process.
   */
  export type UserNamespace = 'of-caller' | 'of-mounts' | 'of-host' | 'of-container';
  /**
   * The process that makes the call.
   */
  export interface Process {
    /**
     * milliseconds since it began
     */
    age: number,
    /**
     * whether it is the container's first one; not where nobody knows that one
     */
    isFirst: boolean,
  }
}

declare module 'seccompagent:handler/clock@0.1.0' {
  /**
   * Nanoseconds since some moment; never goes back. Similar to CLOCK_MONOTONIC of clock_gettime(2).
   */
  export function monotonic(): number;
  /**
   * Nanoseconds since 1970, exact to the millisecond; set back and forth as the machine's clock is.
   * Similar to CLOCK_REALTIME of clock_gettime(2).
   */
  export function wall(): number;
}

declare module 'seccompagent:handler/container@0.1.0' {
  /**
   * As the runtime named it.
   */
  export function id(): string;
  /**
   * Keys and values that the runtime sent along, see the OCI runtime specification.
   */
  export function annotations(): Array<[string, string]>;
  /**
   * `esrch`: nobody knows its first process. Similar to sysinfo(2), and to cgroups(7).
   */
  export function getResources(): Resources;
  /**
   * Kills all of it. `esrch`: nobody knows its first process. `eperm`: only that one was killed,
   * since nobody can tell the others from those of others. Similar to kill(2).
   */
  export function kill(): void;
  /**
   * Stops all of its processes until `thaw`. Similar to cgroup.freeze of cgroups(7).
   */
  export function freeze(): void;
  /**
   * Lets its processes go on. Similar to cgroup.freeze of cgroups(7).
   */
  export function thaw(): void;
  export type Errno = import('seccompagent:handler/types@0.1.0').Errno;
  /**
   * The resources of the container. Amounts are bytes; without a limit they are the machine's.
   */
  export interface Resources {
    /**
     * seconds since its first process began
     */
    uptime: number,
    /**
     * the machine's, over 1, 5 and 15 minutes, in parts of 65536
     */
    loads: [number, number, number],
    /**
     * limit of its cgroup and those above it
     */
    memory: number,
    memoryFree: number,
    memoryShared: number,
    swap: number,
    swapFree: number,
    processes: number,
  }
}

declare module 'seccompagent:handler/descriptors@0.1.0' {
  /**
   * A copy of what the caller has open under this number. Similar to pidfd_getfd(2).
   */
  export function take(fd: number): Descriptor;
  /**
   * Gives the caller a copy; the number that it has there. To make it the call's result, answer
   * with the action `descriptor` instead. Similar to dup(2).
   */
  export function install(descriptor: Descriptor, closeOnExec: boolean): number;
  /**
   * Gives the caller a copy under this number, in place of what it has there.
   * Similar to dup3(2).
   */
  export function replace(descriptor: Descriptor, fd: number, closeOnExec: boolean): void;
  /**
   * The status of the open file. Similar to fstat(2).
   */
  export function stat(descriptor: Descriptor): FileStatus;
  export type Descriptor = import('seccompagent:handler/types@0.1.0').Descriptor;
  export type FileStatus = import('seccompagent:handler/types@0.1.0').FileStatus;
  export type Errno = import('seccompagent:handler/types@0.1.0').Errno;
}

declare module 'seccompagent:handler/devices@0.1.0' {
  /**
   * Makes a node as the caller, with CAP_MKNOD lent, which can be opened: where the file system
   * is mounted nodev or belongs to a user namespace, the host mounts a node of its own, with the
   * same owner and permissions, on top of it. A path starts where those of `filesystem` do.
   * `eperm`: it is no character device, or another one.
   * Similar to mknodat(2).
   */
  export function make(path: Path, mode: number, device: Device): void;
  export type Path = import('seccompagent:handler/types@0.1.0').Path;
  export type Device = import('seccompagent:handler/types@0.1.0').Device;
  export type Errno = import('seccompagent:handler/types@0.1.0').Errno;
}

declare module 'seccompagent:handler/filesystem@0.1.0' {
  /**
   * Makes a directory. Similar to mkdirat(2).
   */
  export function mkdir(path: Path, mode: number): void;
  /**
   * Makes a file, a FIFO, a socket or a device node. The device counts for nodes only.
   * Similar to mknodat(2).
   */
  export function mknod(path: Path, mode: number, device: Device): void;
  /**
   * Opens a file for the host to hold: `descriptors` and the action `descriptor` give it to
   * the caller, but not what was opened with O_PATH, which the kernel lets nobody give. The mode
   * counts where a file is made. `resolve` holds RESOLVE_* of openat2(2), all of which are
   * honoured. `eopnotsupp`: what is opened with O_PATH for the caller, files of a procfs that shows
   * the host's processes, a controlling terminal, and devices but null, zero, full, random, urandom
   * and pseudoterminals, which the caller's cgroup may not have; `continue` lets the kernel judge
   * them.
   * Similar to openat2(2).
   */
  export function open(path: Path, openFlags: number, mode: number, resolve: number): Descriptor;
  /**
   * Changes permissions. Similar to fchmodat2(2).
   */
  export function chmod(path: Path, mode: number, atFlags: number): void;
  /**
   * Changes owner and group, by their numbers in the caller's user namespace, as its calls have
   * them; 0xffffffff leaves one as it is. Similar to fchownat(2).
   */
  export function chown(path: Path, uid: number, gid: number, atFlags: number): void;
  /**
   * Similar to renameat2(2).
   */
  export function rename(path: Path, newPath: Path, renameFlags: number): void;
  /**
   * Makes a new name of a file. Similar to linkat(2).
   */
  export function link(path: Path, newPath: Path, atFlags: number): void;
  /**
   * Makes a symbolic link that holds this target. Similar to symlinkat(2).
   */
  export function symlink(target: Path, path: Path): void;
  /**
   * Removes a name; with `AT_REMOVEDIR` (0x200) that of an empty directory.
   * Similar to unlinkat(2).
   */
  export function unlink(path: Path, atFlags: number): void;
  /**
   * What a path leads to, by the meaning that it has in this call: a name in a folder (mkdir,
   * mknod, rename, symlink, unlink, and opening with `O_CREAT | O_EXCL`), or the file, whose
   * symbolic links are followed if the call follows them. Where an open makes a file, it is the
   * name in its folder.
   *
   * From then on, `perform` and the functions here that are given this path, for this call, act on
   * just that file, or on that name in just that folder, wherever either has been moved meanwhile.
   * A name may stand for another file by then. If somebody has made the file that an open was to
   * make, `perform` has the handlers asked again, and `open` is `eexist`.
   *
   * An empty path is what the call's descriptor stands for. `exdev`: the caller has another root than
   * its container's first process, or the container's root does not lead there.
   */
  export function resolve(path: Path): Located;
  /**
   * The same of the call's new path.
   */
  export function resolveNew(path: Path): Located;
  /**
   * Whether a path that was found is this folder, or below it. The folder is an absolute path in the
   * container, whose symbolic links are followed, also where the caller may not look.
   */
  export function isBelow(path: Path, folder: Path): boolean;
  /**
   * Whether this folder is there, or below it: who moves a path away moves all that is below it.
   */
  export function isAbove(path: Path, folder: Path): boolean;
  /**
   * Similar to statx(2).
   */
  export function stat(path: Path, atFlags: number): FileStatus;
  /**
   * The target of a symbolic link. Similar to readlinkat(2).
   */
  export function readLink(path: Path): Path;
  /**
   * The value of an extended attribute. Similar to getxattr(2).
   */
  export function getXattr(path: Path, atFlags: number, name: Path): Uint8Array;
  /**
   * Sets an extended attribute. Similar to setxattr(2).
   */
  export function setXattr(path: Path, atFlags: number, name: Path, value: Uint8Array, xattrFlags: number): void;
  /**
   * The names of all extended attributes, each with a NUL behind it. Similar to listxattr(2).
   */
  export function listXattr(path: Path, atFlags: number): Uint8Array;
  /**
   * Similar to removexattr(2).
   */
  export function removeXattr(path: Path, atFlags: number, name: Path): void;
  export type Path = import('seccompagent:handler/types@0.1.0').Path;
  export type Device = import('seccompagent:handler/types@0.1.0').Device;
  export type Descriptor = import('seccompagent:handler/types@0.1.0').Descriptor;
  export type FileStatus = import('seccompagent:handler/types@0.1.0').FileStatus;
  export type Located = import('seccompagent:handler/types@0.1.0').Located;
  export type Errno = import('seccompagent:handler/types@0.1.0').Errno;
}

declare module 'seccompagent:handler/log@0.1.0' {
  /**
   * Writes one line; control characters are escaped, more than 4096 characters are cut.
   * Similar to syslog(3).
   */
  export function log(level: Level, message: string): void;
  /**
   * Similar to the levels of syslog(3).
   * # Variants
   *
   * ## `"debug"`
   *
   * ## `"info"`
   *
   * ## `"warn"`
   *
   * ## `"error"`
   */
  export type Level = 'debug' | 'info' | 'warn' | 'error';
}

declare module 'seccompagent:handler/memory@0.1.0' {
  /**
   * How many bytes an argument leads to: those that were read of it, or the room for a result.
   * `einval`: the argument is no such pointer. `efault`: it is NULL, or could not be followed.
   */
  export function size(argument: number): number;
  /**
   * Bytes behind a pointer, fewer where it ends; at most 65536 at once. What was decoded comes
   * from there, so that it is what other handlers and the log have seen.
   * Similar to process_vm_readv(2).
   */
  export function read(argument: number, offset: number, length: number): Uint8Array;
  /**
   * The strings of an argument that is a list of them: `argv` (1) and `envp` (2) of execve(2), 2
   * and 3 of execveat(2). At most 1024 strings, 4096 bytes of each, and 65536 bytes in all, where a
   * string takes 4 more; NULL is an empty list. The caller can change them until the kernel reads
   * them: what a handler decides by them is advisory, even if it refuses. `einval`: the argument is
   * no such list. `efault`: one of the pointers cannot be followed.
   */
  export function readStrings(argument: number): StringList;
  /**
   * Writes a part of the call's result, at most 65536 bytes at once. `einval`: the argument is
   * no pointer for a result, or the bytes end beyond its room. `eopnotsupp`: a signal could end
   * the call meanwhile, since its filter has no SECCOMP_FILTER_FLAG_WAIT_KILLABLE_RECV, or
   * nobody knows. `efault`: not all of it can be written. `esrch`: the caller has been killed.
   * Similar to process_vm_writev(2).
   */
  export function write(argument: number, offset: number, bytes: Uint8Array): void;
  export type Errno = import('seccompagent:handler/types@0.1.0').Errno;
  /**
   * Strings behind a list of pointers.
   */
  export interface StringList {
    /**
     * without their NUL
     */
    items: Array<Uint8Array>,
    /**
     * whether strings are missing, or the ends of some
     */
    truncated: boolean,
  }
}

declare module 'seccompagent:handler/mounts@0.1.0' {
  /**
   * Mounts a new file system. Only the flags of a new mount are taken; those of bind,
   * remount, move and propagation are refused with `einval`. A new proc or sysfs hides
   * what the container's first process does not see. Power is lent over a directory that is
   * the caller's own, or that it may write and that is not somebody else's sticky one; over
   * nothing that proc shows of its processes. Over others it is `eperm` for callers that
   * could not mount there themselves. Ids in the data are those of the caller's user namespace.
   * The data is options with commas between; of an overlay, a comma behind a backslash is part of an
   * option. Whoever adds options behind the caller's refuses those that end with a backslash.
   * Similar to mount(2).
   */
  export function mount(source: Path | null, target: Path, filesystemType: Path | null, mountFlags: number, data: Uint8Array | null): void;
  /**
   * Takes a mount away. For proc, sysfs and what is mounted on them nothing is lent, nor
   * for a lazy unmount of what has them below, nor for what was mounted in the container when
   * the agent attached it: `eperm`. Similar to umount2(2).
   */
  export function unmount(target: Path, unmountFlags: number): void;
  /**
   * The same, but nobody takes away what may hide something of proc or sysfs, whatever power the
   * caller has itself, nor what is at, below or above one of the paths that are spared. A proc or
   * sysfs that the container has got later goes, with its masks. The paths are those of settings of
   * the type `paths`, each with a NUL behind it: they stand for what they lead to in the container's
   * root before its own program runs. Any other path, and one that led nowhere then, is `eperm` for
   * all. The mount that was looked at is the one that goes. `eperm`: it stays.
   * Similar to umount2(2).
   */
  export function unmountSparing(target: Path, unmountFlags: number, spared: Uint8Array): void;
  /**
   * Changes attributes of a mount (`MOUNT_ATTR_*`), and of those below it if asked. An id
   * mapping is that of a user namespace, which the descriptor stands for; power for one is lent
   * to callers in no user namespace with CAP_CHOWN, CAP_DAC_OVERRIDE and CAP_FOWNER. Nothing is
   * lent for proc, sysfs and what is mounted on them, nor for what has them below if asked for
   * those.
   * Similar to mount_setattr(2).
   */
  export function setAttributes(path: Path, isRecursive: boolean, set: number, clear: number, idmap: Descriptor | null): void;
  export type Path = import('seccompagent:handler/types@0.1.0').Path;
  export type Descriptor = import('seccompagent:handler/types@0.1.0').Descriptor;
  export type Errno = import('seccompagent:handler/types@0.1.0').Errno;
}

declare module 'seccompagent:handler/overlay@0.1.0' {
  /**
   * The value of an attribute. Similar to getxattr(2).
   */
  export function getXattr(path: Path, atFlags: number, name: Path): Uint8Array;
  /**
   * Sets an attribute. `eopnotsupp`: the file is where no overlay can have a layer, such as what
   * the kernel shows of itself. Similar to setxattr(2).
   */
  export function setXattr(path: Path, atFlags: number, name: Path, value: Uint8Array, xattrFlags: number): void;
  /**
   * The names of all attributes that the caller may see, and of those, each with a NUL behind it.
   * Similar to listxattr(2).
   */
  export function listXattr(path: Path, atFlags: number): Uint8Array;
  /**
   * Removes an attribute. Similar to removexattr(2).
   */
  export function removeXattr(path: Path, atFlags: number, name: Path): void;
  export type Path = import('seccompagent:handler/types@0.1.0').Path;
  export type Errno = import('seccompagent:handler/types@0.1.0').Errno;
}

declare module 'seccompagent:handler/state@0.1.0' {
  /**
   * The value of a key, if there is one.
   */
  export function get(key: string): Uint8Array | null;
  /**
   * `enospc`: that would be too much.
   */
  export function set(key: string, value: Uint8Array): void;
  /**
   * Whether there was such a key.
   */
  export function remove(key: string): boolean;
  /**
   * Adds to a counter, which is 0 if it is not there, and returns its new value; nobody else's
   * addition is lost. A counter is a value of 8 bytes, least first. `einval`: the value is none.
   * `eoverflow`: the sum does not fit. `enospc`: as with `set`.
   */
  export function add(key: string, amount: number): number;
  export type Errno = import('seccompagent:handler/types@0.1.0').Errno;
}

declare module 'seccompagent:handler/types@0.1.0' {
  /**
   * A path as the kernel has it: bytes without a NUL, not text.
   */
  export type Path = Uint8Array;
  /**
   * Every errno of Linux by name. Similar to errno(3).
   * # Variants
   *
   * ## `"eperm"`
   *
   * begin generated errnos: npm run generate
   * operation not permitted
   * ## `"enoent"`
   *
   * no such file or directory
   * ## `"esrch"`
   *
   * no such process
   * ## `"eintr"`
   *
   * interrupted system call
   * ## `"eio"`
   *
   * i/o error
   * ## `"enxio"`
   *
   * no such device or address
   * ## `"e2big"`
   *
   * argument list too long
   * ## `"enoexec"`
   *
   * exec format error
   * ## `"ebadf"`
   *
   * bad file number
   * ## `"echild"`
   *
   * no child processes
   * ## `"eagain"`
   *
   * try again
   * ## `"enomem"`
   *
   * out of memory
   * ## `"eacces"`
   *
   * permission denied
   * ## `"efault"`
   *
   * bad address
   * ## `"enotblk"`
   *
   * block device required
   * ## `"ebusy"`
   *
   * device or resource busy
   * ## `"eexist"`
   *
   * file exists
   * ## `"exdev"`
   *
   * cross-device link
   * ## `"enodev"`
   *
   * no such device
   * ## `"enotdir"`
   *
   * not a directory
   * ## `"eisdir"`
   *
   * is a directory
   * ## `"einval"`
   *
   * invalid argument
   * ## `"enfile"`
   *
   * file table overflow
   * ## `"emfile"`
   *
   * too many open files
   * ## `"enotty"`
   *
   * not a typewriter
   * ## `"etxtbsy"`
   *
   * text file busy
   * ## `"efbig"`
   *
   * file too large
   * ## `"enospc"`
   *
   * no space left on device
   * ## `"espipe"`
   *
   * illegal seek
   * ## `"erofs"`
   *
   * read-only file system
   * ## `"emlink"`
   *
   * too many links
   * ## `"epipe"`
   *
   * broken pipe
   * ## `"edom"`
   *
   * math argument out of domain of func
   * ## `"erange"`
   *
   * math result not representable
   * ## `"edeadlk"`
   *
   * resource deadlock would occur
   * ## `"enametoolong"`
   *
   * file name too long
   * ## `"enolck"`
   *
   * no record locks available
   * ## `"enosys"`
   *
   * invalid system call number
   * ## `"enotempty"`
   *
   * directory not empty
   * ## `"eloop"`
   *
   * too many symbolic links encountered
   * ## `"enomsg"`
   *
   * no message of desired type
   * ## `"eidrm"`
   *
   * identifier removed
   * ## `"echrng"`
   *
   * channel number out of range
   * ## `"el2nsync"`
   *
   * level 2 not synchronized
   * ## `"el3hlt"`
   *
   * level 3 halted
   * ## `"el3rst"`
   *
   * level 3 reset
   * ## `"elnrng"`
   *
   * link number out of range
   * ## `"eunatch"`
   *
   * protocol driver not attached
   * ## `"enocsi"`
   *
   * no csi structure available
   * ## `"el2hlt"`
   *
   * level 2 halted
   * ## `"ebade"`
   *
   * invalid exchange
   * ## `"ebadr"`
   *
   * invalid request descriptor
   * ## `"exfull"`
   *
   * exchange full
   * ## `"enoano"`
   *
   * no anode
   * ## `"ebadrqc"`
   *
   * invalid request code
   * ## `"ebadslt"`
   *
   * invalid slot
   * ## `"ebfont"`
   *
   * bad font file format
   * ## `"enostr"`
   *
   * device not a stream
   * ## `"enodata"`
   *
   * no data available
   * ## `"etime"`
   *
   * timer expired
   * ## `"enosr"`
   *
   * out of streams resources
   * ## `"enonet"`
   *
   * machine is not on the network
   * ## `"enopkg"`
   *
   * package not installed
   * ## `"eremote"`
   *
   * object is remote
   * ## `"enolink"`
   *
   * link has been severed
   * ## `"eadv"`
   *
   * advertise error
   * ## `"esrmnt"`
   *
   * srmount error
   * ## `"ecomm"`
   *
   * communication error on send
   * ## `"eproto"`
   *
   * protocol error
   * ## `"emultihop"`
   *
   * multihop attempted
   * ## `"edotdot"`
   *
   * rfs specific error
   * ## `"ebadmsg"`
   *
   * not a data message
   * ## `"eoverflow"`
   *
   * value too large for defined data type
   * ## `"enotuniq"`
   *
   * name not unique on network
   * ## `"ebadfd"`
   *
   * file descriptor in bad state
   * ## `"eremchg"`
   *
   * remote address changed
   * ## `"elibacc"`
   *
   * can not access a needed shared library
   * ## `"elibbad"`
   *
   * accessing a corrupted shared library
   * ## `"elibscn"`
   *
   * .lib section in a.out corrupted
   * ## `"elibmax"`
   *
   * attempting to link in too many shared libraries
   * ## `"elibexec"`
   *
   * cannot exec a shared library directly
   * ## `"eilseq"`
   *
   * illegal byte sequence
   * ## `"erestart"`
   *
   * interrupted system call should be restarted
   * ## `"estrpipe"`
   *
   * streams pipe error
   * ## `"eusers"`
   *
   * too many users
   * ## `"enotsock"`
   *
   * socket operation on non-socket
   * ## `"edestaddrreq"`
   *
   * destination address required
   * ## `"emsgsize"`
   *
   * message too long
   * ## `"eprototype"`
   *
   * protocol wrong type for socket
   * ## `"enoprotoopt"`
   *
   * protocol not available
   * ## `"eprotonosupport"`
   *
   * protocol not supported
   * ## `"esocktnosupport"`
   *
   * socket type not supported
   * ## `"eopnotsupp"`
   *
   * operation not supported on transport endpoint
   * ## `"epfnosupport"`
   *
   * protocol family not supported
   * ## `"eafnosupport"`
   *
   * address family not supported by protocol
   * ## `"eaddrinuse"`
   *
   * address already in use
   * ## `"eaddrnotavail"`
   *
   * cannot assign requested address
   * ## `"enetdown"`
   *
   * network is down
   * ## `"enetunreach"`
   *
   * network is unreachable
   * ## `"enetreset"`
   *
   * network dropped connection because of reset
   * ## `"econnaborted"`
   *
   * software caused connection abort
   * ## `"econnreset"`
   *
   * connection reset by peer
   * ## `"enobufs"`
   *
   * no buffer space available
   * ## `"eisconn"`
   *
   * transport endpoint is already connected
   * ## `"enotconn"`
   *
   * transport endpoint is not connected
   * ## `"eshutdown"`
   *
   * cannot send after transport endpoint shutdown
   * ## `"etoomanyrefs"`
   *
   * too many references: cannot splice
   * ## `"etimedout"`
   *
   * connection timed out
   * ## `"econnrefused"`
   *
   * connection refused
   * ## `"ehostdown"`
   *
   * host is down
   * ## `"ehostunreach"`
   *
   * no route to host
   * ## `"ealready"`
   *
   * operation already in progress
   * ## `"einprogress"`
   *
   * operation now in progress
   * ## `"estale"`
   *
   * stale file handle
   * ## `"euclean"`
   *
   * structure needs cleaning
   * ## `"enotnam"`
   *
   * not a xenix named type file
   * ## `"enavail"`
   *
   * no xenix semaphores available
   * ## `"eisnam"`
   *
   * is a named type file
   * ## `"eremoteio"`
   *
   * remote i/o error
   * ## `"edquot"`
   *
   * quota exceeded
   * ## `"enomedium"`
   *
   * no medium found
   * ## `"emediumtype"`
   *
   * wrong medium type
   * ## `"ecanceled"`
   *
   * operation canceled
   * ## `"enokey"`
   *
   * required key not available
   * ## `"ekeyexpired"`
   *
   * key has expired
   * ## `"ekeyrevoked"`
   *
   * key has been revoked
   * ## `"ekeyrejected"`
   *
   * key was rejected by service
   * ## `"eownerdead"`
   *
   * owner died
   * ## `"enotrecoverable"`
   *
   * state not recoverable
   * ## `"erfkill"`
   *
   * operation not possible due to rf-kill
   * ## `"ehwpoison"`
   *
   * memory page has hardware error
   */
  export type Errno = 'eperm' | 'enoent' | 'esrch' | 'eintr' | 'eio' | 'enxio' | 'e2big' | 'enoexec' | 'ebadf' | 'echild' | 'eagain' | 'enomem' | 'eacces' | 'efault' | 'enotblk' | 'ebusy' | 'eexist' | 'exdev' | 'enodev' | 'enotdir' | 'eisdir' | 'einval' | 'enfile' | 'emfile' | 'enotty' | 'etxtbsy' | 'efbig' | 'enospc' | 'espipe' | 'erofs' | 'emlink' | 'epipe' | 'edom' | 'erange' | 'edeadlk' | 'enametoolong' | 'enolck' | 'enosys' | 'enotempty' | 'eloop' | 'enomsg' | 'eidrm' | 'echrng' | 'el2nsync' | 'el3hlt' | 'el3rst' | 'elnrng' | 'eunatch' | 'enocsi' | 'el2hlt' | 'ebade' | 'ebadr' | 'exfull' | 'enoano' | 'ebadrqc' | 'ebadslt' | 'ebfont' | 'enostr' | 'enodata' | 'etime' | 'enosr' | 'enonet' | 'enopkg' | 'eremote' | 'enolink' | 'eadv' | 'esrmnt' | 'ecomm' | 'eproto' | 'emultihop' | 'edotdot' | 'ebadmsg' | 'eoverflow' | 'enotuniq' | 'ebadfd' | 'eremchg' | 'elibacc' | 'elibbad' | 'elibscn' | 'elibmax' | 'elibexec' | 'eilseq' | 'erestart' | 'estrpipe' | 'eusers' | 'enotsock' | 'edestaddrreq' | 'emsgsize' | 'eprototype' | 'enoprotoopt' | 'eprotonosupport' | 'esocktnosupport' | 'eopnotsupp' | 'epfnosupport' | 'eafnosupport' | 'eaddrinuse' | 'eaddrnotavail' | 'enetdown' | 'enetunreach' | 'enetreset' | 'econnaborted' | 'econnreset' | 'enobufs' | 'eisconn' | 'enotconn' | 'eshutdown' | 'etoomanyrefs' | 'etimedout' | 'econnrefused' | 'ehostdown' | 'ehostunreach' | 'ealready' | 'einprogress' | 'estale' | 'euclean' | 'enotnam' | 'enavail' | 'eisnam' | 'eremoteio' | 'edquot' | 'enomedium' | 'emediumtype' | 'ecanceled' | 'enokey' | 'ekeyexpired' | 'ekeyrevoked' | 'ekeyrejected' | 'eownerdead' | 'enotrecoverable' | 'erfkill' | 'ehwpoison';
  /**
   * A device's numbers. Similar to makedev(3).
   */
  export interface Device {
    major: number,
    minor: number,
  }
  /**
   * Status of a file.
   */
  export interface FileStatus {
    /**
     * the device that holds it
     */
    holder: Device,
    inode: number,
    /**
     * its type and permissions
     */
    mode: number,
    links: number,
    /**
     * in the host's user namespace, as the caller's credentials are; 0xffffffff: it has no number
     * in the caller's, or the one that all have there that have none (65534)
     */
    uid: number,
    /**
     * the same of its group
     */
    gid: number,
    /**
     * the device that it stands for, where it is one
     */
    device: Device,
    size: number,
    /**
     * in units of 512 bytes
     */
    blocks: number,
    /**
     * nanoseconds since 1970
     */
    accessed: number,
    /**
     * nanoseconds since 1970
     */
    modified: number,
    /**
     * nanoseconds since 1970
     */
    changed: number,
    /**
     * `ST_NODEV` and others of statvfs(3): how the file system is mounted
     */
    mountFlags: number,
  }
  /**
   * What a path of the call leads to, found once. It counts for this call alone.
   */
  export interface Located {
    /**
     * from the container's root, without symbolic links, `.` and `..`. Empty: it has no name any
     * more, or never had one; or a pipe or device is opened that the root does not lead to
     */
    path: Path,
    /**
     * whether something is there by that name
     */
    exists: boolean,
    /**
     * whether it is where something is mounted
     */
    isMountPoint: boolean,
    /**
     * the mount that it is in, or that of its folder: a number that no other mount has
     */
    mount: number,
    /**
     * all numbers are 0 where nothing is there
     */
    status: FileStatus,
  }
  /**
   * A descriptor that the host holds for the call being answered: an index that means nothing
   * to the caller, and nothing at all once the call is answered.
   */
  export type Descriptor = number;
  /**
   * Which call of the mount API that works on descriptors, see fsopen(2) and those it names.
   * # Variants
   *
   * ## `"fsopen"`
   *
   * ## `"fsconfig"`
   *
   * ## `"fsmount"`
   *
   * ## `"fspick"`
   *
   * ## `"move-mount"`
   *
   * ## `"open-tree"`
   *
   * ## `"open-tree-attr"`
   *
   * ## `"mount-setattr"`
   */
  export type MountOperation = 'fsopen' | 'fsconfig' | 'fsmount' | 'fspick' | 'move-mount' | 'open-tree' | 'open-tree-attr' | 'mount-setattr';
  /**
   * change of a time of a file
   * # Variants
   *
   * ## `"set"`
   *
   * it gets the seconds and nanoseconds that are given
   * ## `"now"`
   *
   * it gets the time at which the call is made: UTIME_NOW
   * ## `"omit"`
   *
   * it stays: UTIME_OMIT
   */
  export type TimeChange = 'set' | 'now' | 'omit';
  /**
   * a time that a file gets, as in utimensat(2)
   */
  export interface NewTime {
    change: TimeChange,
    /**
     * since 1970; 0 unless the time is set
     */
    seconds: number,
    /**
     * 1,000,000,000 and more are EINVAL; 0 unless the time is set
     */
    nanoseconds: number,
  }
  /**
   * both times of a call
   */
  export interface NewTimes {
    accessed: NewTime,
    modified: NewTime,
  }
  /**
   * A call as the export `any` gets it.
   */
  export interface Call {
    /**
     * the kernel's name of the syscall, as in syscalls(2)
     */
    syscall: string,
    /**
     * the family it belongs to: the name of the export that answers it
     */
    family: string,
    /**
     * the six argument registers as they came
     */
    registers: [number, number, number, number, number, number],
  }
  /**
   * An answer to the kernel.
   */
  export type Answer = AnswerValue | AnswerFail | AnswerContinue;
  /**
   * the call returns this; -4095 to -1 is refused
   */
  export interface AnswerValue {
    tag: 'value',
    val: number,
  }
  /**
   * the call fails
   */
  export interface AnswerFail {
    tag: 'fail',
    val: Errno,
  }
  /**
   * the kernel judges the call itself, reading the caller's memory again:
   * never the answer of a handler that refuses by what a pointer says
   */
  export interface AnswerContinue {
    tag: 'continue',
  }
  /**
   * An answer for later.
   */
  export interface Late {
    /**
     * how long the caller waits; more than a day is refused
     */
    milliseconds: number,
    /**
     * the answer after that time
     */
    answer: Answer,
  }
  /**
   * A descriptor for the caller.
   */
  export interface Given {
    descriptor: Descriptor,
    /**
     * whether execve(2) closes it
     */
    closeOnExec: boolean,
  }
  /**
   * A decision of a handler on a call.
   */
  export type Action = ActionValue | ActionFail | ActionContinue | ActionNext | ActionDelay | ActionPerform | ActionDescriptor;
  /**
   * as in `answer`
   */
  export interface ActionValue {
    tag: 'value',
    val: number,
  }
  /**
   * as in `answer`
   */
  export interface ActionFail {
    tag: 'fail',
    val: Errno,
  }
  /**
   * as in `answer`
   */
  export interface ActionContinue {
    tag: 'continue',
  }
  /**
   * no opinion: the next handler of the chain is asked
   */
  export interface ActionNext {
    tag: 'next',
  }
  /**
   * this answer later; no handler runs meanwhile, and others are not kept waiting
   */
  export interface ActionDelay {
    tag: 'delay',
    val: Late,
  }
  /**
   * the host does the call as it was decoded, as the caller and with the caller's power;
   * refused for what the host cannot do so
   */
  export interface ActionPerform {
    tag: 'perform',
  }
  /**
   * the caller gets a copy of this descriptor, and the call returns its number there; `emfile`
   * if it may have no more, and what opening it has made or emptied stays so
   */
  export interface ActionDescriptor {
    tag: 'descriptor',
    val: Given,
  }
}
