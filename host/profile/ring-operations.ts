// SPDX-License-Identifier: Apache-2.0
// Operations of io_uring without a system call that could be trapped, see io_uring_enter(2).

const reads = ['read', 'readv', 'pread64', 'preadv', 'preadv2'] as const;
const writes = ['write', 'writev', 'pwrite64', 'pwritev', 'pwritev2'] as const;
const sends = ['send', 'sendto', 'sendmsg', 'sendmmsg'] as const;
const receives = ['recv', 'recvfrom', 'recvmsg', 'recvmmsg', 'recvmmsg_time64'] as const;
const polls = [
  'poll',
  'ppoll',
  'ppoll_time64',
  'select',
  '_newselect',
  'pselect6',
  'pselect6_time64',
] as const;
/** A file of any kind may have commands; those of sockets are its options and addresses. */
const commands = ['ioctl', 'getsockopt', 'setsockopt', 'getsockname', 'getpeername'] as const;

/**
 * Families by IORING_OP_… of linux/io_uring.h, in the order of the numbers there. An operation has
 * every call that does the same with other arguments: whoever traps one does not mean it to be done.
 */
export const ringOperations: Readonly<Record<string, readonly string[]>> = {
  NOP: [],
  READV: reads,
  WRITEV: writes,
  FSYNC: ['fsync', 'fdatasync'],
  READ_FIXED: reads,
  WRITE_FIXED: writes,
  POLL_ADD: polls,
  POLL_REMOVE: [],
  SYNC_FILE_RANGE: ['sync_file_range'],
  SENDMSG: sends,
  RECVMSG: receives,
  TIMEOUT: ['nanosleep', 'clock_nanosleep', 'clock_nanosleep_time64'],
  TIMEOUT_REMOVE: [],
  ACCEPT: ['accept', 'accept4'],
  ASYNC_CANCEL: [],
  LINK_TIMEOUT: [],
  CONNECT: ['connect'],
  FALLOCATE: ['fallocate'],
  OPENAT: ['open'],
  CLOSE: ['close'],
  FILES_UPDATE: [],
  STATX: ['stat'],
  READ: reads,
  WRITE: writes,
  FADVISE: ['fadvise64', 'fadvise64_64', 'readahead'],
  MADVISE: ['madvise'],
  SEND: sends,
  RECV: receives,
  OPENAT2: ['open'],
  EPOLL_CTL: ['epoll_ctl'],
  SPLICE: ['splice'],
  PROVIDE_BUFFERS: [],
  REMOVE_BUFFERS: [],
  TEE: ['tee'],
  SHUTDOWN: ['shutdown'],
  RENAMEAT: ['rename'],
  UNLINKAT: ['unlink'],
  MKDIRAT: ['mkdir'],
  SYMLINKAT: ['symlink'],
  LINKAT: ['link'],
  MSG_RING: [],
  FSETXATTR: ['setxattr'],
  SETXATTR: ['setxattr'],
  FGETXATTR: ['getxattr'],
  GETXATTR: ['getxattr'],
  SOCKET: ['socket'],
  URING_CMD: commands,
  SEND_ZC: sends,
  SENDMSG_ZC: sends,
  READ_MULTISHOT: reads,
  WAITID: ['waitid', 'wait4', 'waitpid'],
  FUTEX_WAIT: ['futex', 'futex_time64', 'futex_wait'],
  FUTEX_WAKE: ['futex', 'futex_time64', 'futex_wake'],
  FUTEX_WAITV: ['futex_waitv'],
  // what was made a file of the ring before becomes a descriptor again
  FIXED_FD_INSTALL: ['dup', 'dup2', 'dup3'],
  FTRUNCATE: ['truncate'],
  BIND: ['bind'],
  LISTEN: ['listen'],
  // of Linux 6.15 and newer
  RECV_ZC: receives,
  EPOLL_WAIT: ['epoll_wait', 'epoll_pwait', 'epoll_pwait2'],
  READV_FIXED: reads,
  WRITEV_FIXED: writes,
  PIPE: ['pipe', 'pipe2'],
  NOP128: [],
  URING_CMD128: commands,
};
