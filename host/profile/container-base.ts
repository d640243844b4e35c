// SPDX-License-Identifier: Apache-2.0
// The common core of the runtimes' usual profiles, for all containers, without a look at their Linux
// capabilities: calls that such a container has no use for, or can use against its node, fail with EPERM.
import { syscallNumbers } from '../syscalls/syscall-numbers.ts';
import { errno } from './errno-numbers.ts';
import { isNewerThanLibseccomp } from './families.ts';
import type { BaseProfile } from './base-rules.ts';
import { withoutNamespaces } from './namespace-flags.ts';
import { readSoundProfile } from './read-profile.ts';

/** Of all calls that Linux has; whatever is newer is refused until somebody has looked at it. */
export const refusedCalls: readonly string[] = [
  // code in the kernel, and another kernel
  'bpf',
  'create_module',
  'delete_module',
  'finit_module',
  'get_kernel_syms',
  'init_module',
  'kexec_file_load',
  'kexec_load',
  'query_module',
  'reboot',
  // the machine's clock; adjtimex and clock_adjtime also read it, and the kernel asks who sets it
  'clock_settime',
  'clock_settime64',
  'settimeofday',
  'stime',
  // keyrings, which containers of a user have in common
  'add_key',
  'keyctl',
  'request_key',
  // accounting, quotas, swap, the kernel's log, names and terminals of the machine
  'acct',
  'quotactl',
  'quotactl_fd',
  'setdomainname',
  'sethostname',
  'swapoff',
  'swapon',
  'syslog',
  'vhangup',
  // mounts, namespaces and roots; clone(2) has a rule of its own
  'fsconfig',
  'fsmount',
  'fsopen',
  'fspick',
  'mount',
  'mount_setattr',
  'move_mount',
  'open_tree',
  'open_tree_attr',
  'pivot_root',
  'setns',
  'umount',
  'umount2',
  'unshare',
  // files without a path, and a look at all files of a file system
  'fanotify_init',
  'open_by_handle_at',
  // other processes beyond what ptrace(2) asks about
  'kcmp',
  'perf_event_open',
  'pidfd_getfd',
  'process_madvise',
  // on which memory of the machine pages are
  'get_mempolicy',
  'mbind',
  'migrate_pages',
  'move_pages',
  'set_mempolicy',
  'set_mempolicy_home_node',
  // helps attackers to win races in the kernel
  'userfaultfd',
  // work on files and sockets that no filter sees
  'io_uring_enter',
  'io_uring_register',
  'io_uring_setup',
  // ports of the processor, and its oldest mode
  'ioperm',
  'iopl',
  'vm86',
  'vm86old',
  // tables of the kernel of long ago
  '_sysctl',
  'lookup_dcookie',
  'nfsservctl',
  'sysfs',
  'uselib',
  'ustat',
  // names without a call behind them
  'afs_syscall',
  'bdflush',
  'break',
  'epoll_ctl_old',
  'epoll_wait_old',
  'ftime',
  'getpmsg',
  'gtty',
  'idle',
  'lock',
  'mpx',
  'prof',
  'profil',
  'putpmsg',
  'security',
  'stty',
  'tuxcall',
  'ulimit',
  'vserver',
];

/** With rules of their own. */
const special: readonly string[] = ['clone', 'clone3', 'personality', 'socket'];

/** Of 32-bit ARM, which the table of calls lacks. */
const ofArm: readonly string[] = [
  'arm_fadvise64_64',
  'arm_sync_file_range',
  'breakpoint',
  'cacheflush',
  'get_tls',
  'recv',
  'send',
  'set_tls',
  'sync_file_range2',
];

/** Of personality(2): Linux and the 32 bits of it, with the old uname or without; what there is. */
const harmlessPersonalities: readonly number[] = [0x0, 0x8, 0x2_0000, 0x2_0008, 0xffff_ffff];

/**
 * Of socket(2): all that Linux has, but for AF_ALG (38), the kernel's cryptography, by which programs
 * could change files that they may only read (CVE-2026-31431), and AF_VSOCK (40), between virtual
 * machines and their host, which is the node. Filters compare all 64 bits, of which the kernel takes
 * 32: 2³² + 38 is greater than 40, and is AF_ALG all the same. So the others are told by their bits.
 */
const families: readonly (readonly [mask: number, value: number])[] = [
  [0xffff_ffe0, 0], // to 31
  [0xffff_fffc, 32], // to 35
  [0xffff_fffe, 36], // and 37
  [0xffff_ffff, 39],
  [0xffff_ffff, 41],
  [0xffff_fffe, 42], // and 43
  [0xffff_fffe, 44], // and 45, AF_MCTP
];

const allow = 'SCMP_ACT_ALLOW';

function allowed(): readonly string[] {
  const kept = syscallNumbers
    .map(([name]) => name)
    .filter((name) => !isNewerThanLibseccomp(name))
    .filter((name) => !refusedCalls.includes(name) && !special.includes(name));
  return [...kept, ...ofArm].toSorted();
}

/** The base of `-base container`. */
export function containerBase(): BaseProfile {
  const json = {
    // without an errno it is EPERM; the Security Profiles Operator has no place for one
    defaultAction: 'SCMP_ACT_ERRNO',
    syscalls: [
      { names: allowed(), action: allow },
      { names: ['clone'], action: allow, args: [withoutNamespaces] },
      // its flags are in memory; libraries use clone(2) where it is missing
      { names: ['clone3'], action: 'SCMP_ACT_ERRNO', errnoRet: errno.ENOSYS },
      ...harmlessPersonalities.map((value) => ({
        names: ['personality'],
        action: allow,
        args: [{ index: 0, value, op: 'SCMP_CMP_EQ' }],
      })),
      // a rule each: of a rule, all conditions have to hold
      ...families.map(([mask, value]) => ({
        names: ['socket'],
        action: allow,
        args: [{ index: 0, value: mask, valueTwo: value, op: 'SCMP_CMP_MASKED_EQ' }],
      })),
    ],
  };
  const { profile } = readSoundProfile(JSON.stringify(json), 'container');
  return { profile, json };
}

/**
 * The base of `-base allow`: every call that there is, by its name, so that those which nobody has
 * looked at, or which the runtime's library does not know, are no way around. Programs do without.
 */
export function allowingBase(): BaseProfile {
  const names = [...syscallNumbers.map(([name]) => name), ...ofArm].toSorted();
  const json = {
    defaultAction: 'SCMP_ACT_ERRNO',
    defaultErrnoRet: errno.ENOSYS,
    syscalls: [{ names, action: allow }],
  };
  const { profile } = readSoundProfile(JSON.stringify(json), 'allow');
  return { profile, json };
}
