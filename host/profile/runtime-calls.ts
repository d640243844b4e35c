// SPDX-License-Identifier: Apache-2.0
// Calls of the runtimes themselves between loading the filter and the container's first program: the
// agent is asked about their calls as well.

export const runtimes = ['runc', 'crun'] as const;

export type Runtime = (typeof runtimes)[number];

export interface RuntimeCalls {
  readonly runtime: Runtime;
  /** The profile is refused when one of these is trapped. */
  readonly refused: readonly string[];
  /** Made under the filter; most of them only where noNewPrivileges is off, as it is by default. */
  readonly made: readonly string[];
}

export const runtimeCalls: readonly RuntimeCalls[] = [
  {
    runtime: 'runc',
    refused: ['write'],
    made: [
      'capget',
      'capset',
      'chdir',
      'close',
      'epoll_ctl',
      'execve',
      'faccessat2',
      'fcntl',
      'fstat',
      'fstatfs',
      'futex',
      'getcwd',
      'getdents64',
      'getpid',
      'getppid',
      'newfstatat',
      'openat',
      'prctl',
      'read',
      'rt_sigreturn',
      'setgid',
      'setgroups',
      'setuid',
    ],
  },
  {
    runtime: 'crun',
    refused: [],
    made: [
      'capset',
      'close',
      'close_range',
      'execve',
      'kill',
      'munmap',
      'prctl',
      'rt_sigaction',
      'rt_sigprocmask',
      'setresgid',
      'setresuid',
      'wait4',
      'write',
    ],
  },
];

/** Every program needs them as a matter of course: who traps them knows what for. */
export const expectedToBeTrapped: readonly string[] = ['execve', 'openat'];

/**
 * Without SECCOMP_FILTER_FLAG_WAIT_KILLABLE_RECV a signal takes a trapped call back, and it begins
 * again or fails with EINTR: programs expect that of none of these, or do them a second time.
 */
export const unsafeAgain: readonly string[] = [
  'clone',
  'clone3',
  'close',
  'close_range',
  'exit',
  'exit_group',
  'fork',
  'rt_sigreturn',
  'sigreturn',
  'vfork',
  'wait4',
  'waitid',
  'waitpid',
];
