// SPDX-License-Identifier: Apache-2.0
// System calls with the effect of others. Programs need them, so that none is refused for the sake of
// another: authors of policies must know them.
import { syscallNumbers } from '../syscalls/syscall-numbers.ts';
import { ringOperations } from './ring-operations.ts';

/** Other families with the effect of a family. */
export interface Kin {
  readonly families: readonly string[];
  /** Condition of that effect. */
  readonly where: string;
}

const byAcl: Kin = { families: ['setxattr'], where: 'by ACLs (system.posix_acl_access)' };
const onFiles = 'on open files';
const byProc = 'by paths of /proc/self/fd';

/** By the family. */
const special: Readonly<Record<string, readonly Kin[]>> = {
  chmod: [{ families: ['fchmod'], where: onFiles }, byAcl],
  fchmod: [{ families: ['chmod'], where: byProc }, byAcl],
  chown: [{ families: ['fchown'], where: onFiles }],
  fchown: [{ families: ['chown'], where: byProc }],
  truncate: [
    { families: ['fallocate'], where: onFiles },
    { families: ['open'], where: 'with O_TRUNC' },
  ],
  unlink: [{ families: ['rename'], where: 'over another file' }],
  rename: [{ families: ['link', 'unlink'], where: 'one after the other' }],
  link: [{ families: ['rename'], where: 'for the last name of a file' }],
  mountapi: [{ families: ['mount'], where: 'in one call' }],
  umount: [
    {
      families: ['mount', 'mountapi', 'pivot_root'],
      where: 'by moving or covering mounts',
    },
  ],
  connect: [
    {
      families: ['sendto', 'sendmsg', 'sendmmsg'],
      where: 'with addresses (of datagrams, or with MSG_FASTOPEN where that is not refused)',
    },
  ],
  bind: [{ families: ['listen', 'connect'], where: 'with a port of the kernel' }],
  chroot: [{ families: ['pivot_root'], where: 'for all of a mount namespace' }],
  socket: [{ families: ['socketpair'], where: 'for pairs' }],
};

function withWide(...names: readonly string[]): readonly string[] {
  return names.flatMap((name) => [name, `${name}32`]);
}

/** Each does what the others do. */
const groups: readonly (readonly string[])[] = [
  ['kill', 'tkill', 'tgkill', 'rt_sigqueueinfo', 'rt_tgsigqueueinfo', 'pidfd_send_signal'],
  withWide('setuid', 'setreuid', 'setresuid', 'setfsuid'),
  withWide('setgid', 'setregid', 'setresgid', 'setfsgid'),
  withWide('setgroups'),
  ['clone', 'clone3', 'fork', 'vfork'],
  ['dup', 'dup2', 'dup3', 'fcntl', 'fcntl64'],
  ['eventfd', 'eventfd2'],
  ['signalfd', 'signalfd4'],
  ['epoll_create', 'epoll_create1'],
  ['inotify_init', 'inotify_init1'],
  ['init_module', 'finit_module'],
  ['kexec_load', 'kexec_file_load'],
  ['ptrace', 'process_vm_readv', 'process_vm_writev'],
  ['setrlimit', 'prlimit64'],
  [
    'settimeofday',
    'stime',
    'clock_settime',
    'clock_settime64',
    'adjtimex',
    'clock_adjtime',
    'clock_adjtime64',
  ],
  ['nice', 'setpriority', 'sched_setattr'],
  ['sched_setscheduler', 'sched_setparam', 'sched_setattr'],
  ['mlock', 'mlock2', 'mlockall'],
  ['mmap', 'mmap2'],
  ['getdents', 'getdents64'],
  ...Object.entries(ringOperations)
    // commands of files do not do what others of them do
    .filter(([name]) => !name.startsWith('URING_CMD'))
    .map(([, calls]) => calls),
];

export function kinOf(family: string): readonly Kin[] {
  const named = special[family] ?? [];
  const alike = groups.filter((group) => group.includes(family)).flat();
  const others = [...new Set(alike)].filter(
    (name) => name !== family && syscallNumbers.some(([known]) => known === name),
  );
  return others.length === 0
    ? named
    : [...named, { families: others, where: 'with other arguments' }];
}
