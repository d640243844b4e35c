// SPDX-License-Identifier: Apache-2.0
// Features of the kernel, and prohibitions of this place: each is tried, since neither versions nor
// configurations tell.
import { constants } from 'node:os';

import { errnoNameOf } from '../syscalls/errno.ts';
import type { ProbeOutcome } from '../native.ts';
import { fail, ok, warn } from './check.ts';
import type { Check, Probe } from './check.ts';

interface KernelProbe {
  /** Of `probe` of the addon. */
  readonly name: string;
  readonly isNeeded: boolean;
  /** Text where it works. */
  readonly works: string;
  /** Text where it does not work. */
  readonly without: string;
  readonly advice: string;
}

const probes: readonly KernelProbe[] = [
  {
    name: 'signals',
    isNeeded: true,
    works: 'the agent can signal its own processes',
    without:
      'the agent cannot signal its own processes: it can neither end them nor wake its threads; checks that need processes are skipped',
    advice:
      'allow the profile or domain of the agent to send and receive signals (in AppArmor: “signal,”)',
  },
  {
    name: 'notify',
    isNeeded: true,
    works: 'calls can be received and answered',
    without: 'calls cannot be received and answered',
    advice: 'the agent needs Linux 5.9 or newer, built with CONFIG_SECCOMP_FILTER',
  },
  {
    name: 'wait-killable',
    isNeeded: false,
    works: 'signals do not interrupt received calls',
    without:
      'a signal may interrupt a received call: work may be repeated, and caller memory is not written',
    advice: 'use Linux 5.19 or newer for SECCOMP_FILTER_FLAG_WAIT_KILLABLE_RECV',
  },
  {
    name: 'fast-reply',
    isNeeded: false,
    works: 'fast answers are not lost to signals',
    without: 'a fast answer may be lost to a signal: the work is done, and the caller gets EINTR',
    advice: 'use a kernel with the fix: Linux 6.18, or a later release of 6.6, 6.12 or 6.17',
  },
  {
    name: 'sync-wake-up',
    isNeeded: false,
    works: 'callers and agent wake each other without delay',
    without: 'each call takes some microseconds longer',
    advice: 'use Linux 6.6 or newer',
  },
  {
    name: 'add-fd',
    isNeeded: false,
    works: 'descriptors can be installed in callers',
    without: 'handlers cannot install descriptors in callers',
    advice: 'use Linux 5.9 or newer',
  },
  {
    name: 'add-fd-send',
    isNeeded: false,
    works: 'a descriptor can be the answer, in one step',
    without: 'handlers cannot answer with a descriptor',
    advice: 'use Linux 5.14 or newer',
  },
  {
    name: 'pidfd-getfd',
    isNeeded: true,
    works: 'descriptors of callers can be read',
    without: 'descriptors of callers cannot be read',
    advice: 'the agent needs CAP_SYS_PTRACE and Linux 5.6 or newer',
  },
  {
    name: 'caller-memory',
    isNeeded: true,
    works: 'memory of callers can be read',
    without: 'memory of callers cannot be read: handlers see no paths',
    advice: 'the agent needs CAP_SYS_PTRACE, and kernel.yama.ptrace_scope below 3',
  },
  {
    name: 'hidden-memory',
    isNeeded: false,
    works: 'memory of non-dumpable callers can be read',
    without:
      'memory of non-dumpable callers, such as set-user-ID programs, cannot be read: their calls fail',
    advice: 'the agent needs CAP_SYS_PTRACE',
  },
  {
    name: 'labelled-memory',
    isNeeded: false,
    works: 'no LSM label (AppArmor, SELinux, Smack) denies reading the memory of callers',
    without:
      'the LSM (AppArmor, SELinux, Smack) denies reading the memory of processes with another label: calls of containers with such a label fail',
    advice:
      'allow the profile or domain of the agent to trace others (in AppArmor: “ptrace,”), or start the agent unconfined',
  },
  {
    name: 'labels',
    isNeeded: false,
    works: 'the agent can assume LSM labels of callers (AppArmor, SELinux, Smack)',
    without:
      'the agent cannot assume LSM labels of other processes (AppArmor, SELinux, Smack): file operations for containers with such a label fail (EACCES)',
    advice:
      'allow the profile or domain of the agent to change to others (in AppArmor: “change_profile,”), or start the agent unconfined',
  },
  {
    name: 'openat2',
    isNeeded: true,
    works: 'paths are resolved within a container’s root',
    without: 'paths cannot be resolved within a container’s root',
    advice: 'the agent needs openat2(2), of Linux 5.6 or newer',
  },
  {
    name: 'namespaces',
    isNeeded: false,
    works: 'namespaces of containers can be entered',
    without:
      'operations in containers with a user namespace fail, and so do mounts in all containers',
    advice: 'the agent needs CAP_SYS_ADMIN and CAP_SYS_CHROOT',
  },
  {
    name: 'new-mounts',
    isNeeded: false,
    works: 'mounts can be made with fsopen and move_mount',
    without: 'nothing can be mounted for containers',
    advice: 'the agent needs CAP_SYS_ADMIN and Linux 5.2 or newer',
  },
  {
    name: 'proc-pidns',
    isNeeded: false,
    works: 'proc is mounted for another pid namespace from outside',
    without:
      'proc is opened by a helper process inside the container’s pid namespace, which holds no privileges',
    advice: 'use Linux 6.18 or newer',
  },
  {
    name: 'idmapped-mounts',
    isNeeded: false,
    works: 'mounts can map file owners',
    without: 'handlers cannot map the owners of files of a mount',
    advice: 'use Linux 6.3 or newer',
  },
];

/** Why a probe did not work. */
export function reasonOf({ step, errno, signal }: ProbeOutcome): string {
  if (signal > 0) {
    const known = Object.entries(constants.signals).find(([, number]) => number === signal);
    return `${step} was ended by ${known?.[0] ?? `signal ${signal}`}`;
  }
  return errno === 0 ? `${step} is not as it should be` : `${step}: ${errnoNameOf(errno) ?? errno}`;
}

/** Only the agent's own profile or domain forbids these; their advice is about it. */
const ofModules: readonly string[] = ['signals', 'labelled-memory', 'labels'];

/** Errnos of what is there and not allowed. */
const forbidden: readonly string[] = ['EPERM', 'EACCES'];

/** The cause is seldom a feature that the kernel lacks. */
function adviceFor({ name, advice }: KernelProbe, outcome: ProbeOutcome): string {
  const { step, errno, signal } = outcome;
  if (ofModules.includes(name)) return advice;
  if (step === 'seccomp with a listener' && errno === constants.errno.EBUSY) {
    return 'this process already has a seccomp listener of another agent, and only one is possible: start the agent outside of it (nested containers, WSL and incus use such listeners)';
  }
  const isForbidden = forbidden.includes(errnoNameOf(errno) ?? '');
  if (step.startsWith('ioctl') && isForbidden) {
    return 'the seccomp profile, AppArmor profile or SELinux domain of the agent denies it: allow ioctl on seccomp listeners';
  }
  if (signal > 0 || isForbidden) {
    return `${advice}; or the seccomp profile, AppArmor profile or SELinux domain of the agent denies it`;
  }
  return advice;
}

function checkOf(probe: KernelProbe, outcome: ProbeOutcome): Check {
  const { name, works, without, isNeeded } = probe;
  if (outcome.works) return ok(name, works);
  const tell = isNeeded ? fail : warn;
  return tell(name, `${without} (${reasonOf(outcome)})`, adviceFor(probe, outcome));
}

/** Probes that cannot be tried where nothing can be received. */
const ofListeners: readonly string[] = [
  'wait-killable',
  'fast-reply',
  'sync-wake-up',
  'add-fd',
  'add-fd-send',
];

export function kernelChecks(probe: Probe): readonly Check[] {
  const checks: Check[] = [];
  let isReceiving = true;
  let isKillable = true;
  let isReaching = true;
  for (const each of probes) {
    if (!isReceiving && ofListeners.includes(each.name)) continue;
    // the answer is lost by the flag alone
    if (!isKillable && each.name === 'fast-reply') continue;
    // it is closed whatever its label
    if (!isReaching && each.name === 'labelled-memory') continue;
    const outcome = probe(each.name);
    // the probes below would wait for the end of their children
    if (each.name === 'signals' && !outcome.works) return [checkOf(each, outcome)];
    if (each.name === 'notify') isReceiving = outcome.works;
    if (each.name === 'wait-killable') isKillable = outcome.works;
    if (each.name === 'hidden-memory') isReaching = outcome.works;
    checks.push(checkOf(each, outcome));
  }
  return checks;
}
