// SPDX-License-Identifier: Apache-2.0
// Settings of a profile for all calls: the default, the listener, flags and architectures.
import { waitKillableFlag } from '../../agent-socket/filter-flags.ts';
import type { Keys } from '../finding.ts';
import type { Runtime } from '../runtime-calls.ts';
import { bigEndian, companions, kills, letsPass, notify } from '../seccomp-words.ts';
import { Check, listed } from './check.ts';

/** One more than the longest path of a socket, see unix(7). */
const pathBytes = 108;
/** TSYNC reports the thread that could not be synchronised where the listener would be. */
const noListenerFlags: readonly string[] = ['SECCOMP_FILTER_FLAG_TSYNC'];

/** The default action, the listener, flags and architectures. */
export class SettingsCheck extends Check {
  run(runtime: Runtime | undefined): void {
    this.#defaults();
    this.#listener();
    this.#flags(runtime);
    this.#architectures();
  }

  #defaults(): void {
    const { defaultAction } = this.profile;
    if (defaultAction === notify) {
      this.tell(
        'notify-default',
        'error',
        ['defaultAction'],
        'runc refuses SCMP_ACT_NOTIFY as default action; with crun every call of the container waits for the agent',
        'name the calls that handlers answer, in a rule of their own',
      );
    }
    if (letsPass(defaultAction)) {
      this.tell(
        'allows-all',
        'warning',
        ['defaultAction'],
        `${defaultAction} for what the profile does not name: it takes the place of the runtime's own profile, and allows what that refuses`,
        'put the rules into a profile that refuses by default (profile generate -base container, or -base FILE)',
      );
    }
    if (kills(defaultAction) && this.trapsAnything) {
      this.tell(
        'default-kills',
        'warning',
        ['defaultAction'],
        `${defaultAction} for what the profile does not name: a program that tries a newer sibling of a trapped call, or goes on after the ENOSYS of an agent that is gone, is killed`,
        'SCMP_ACT_ERRNO with "defaultErrnoRet": 38 (ENOSYS) lets programs try the older call',
      );
    }
  }

  #listener(): void {
    const { listenerPath } = this.profile;
    const traps = this.trapsAnything || this.profile.defaultAction === notify;
    if (listenerPath === undefined) {
      if (!traps) return;
      this.tell(
        'listener-missing',
        'error',
        [],
        'listenerPath is not set: runc refuses SCMP_ACT_NOTIFY then, and with crun the calls fail with ENOSYS',
        'set "listenerPath" to the agent socket, /run/seccomp-agent.socket by default',
      );
      return;
    }
    this.#listenerPath(listenerPath);
    if (traps) return;
    this.tell(
      'listener-unused',
      'warning',
      ['listenerPath'],
      'no rule has SCMP_ACT_NOTIFY: nothing reaches the agent, and crun starts no container while none listens',
      'add a rule with SCMP_ACT_NOTIFY, or take listenerPath out',
    );
  }

  #listenerPath(path: string): void {
    const keys = ['listenerPath'];
    if (!path.startsWith('/')) {
      this.tell(
        'listener-path',
        'error',
        keys,
        `"${path}" is relative: each runtime would look for it somewhere else`,
        'give the whole path of the agent socket',
      );
    }
    if (Buffer.byteLength(path) >= pathBytes) {
      this.tell(
        'listener-path',
        'error',
        keys,
        `a socket's path has at most ${pathBytes - 1} bytes, and this has ${Buffer.byteLength(path)}`,
        'put the agent socket into a folder with a shorter path',
      );
    }
  }

  #flags(runtime: Runtime | undefined): void {
    const { flags } = this.profile;
    const place = (flag: string): Keys => ['flags', flags.indexOf(flag)];
    const [first] = flags;
    if (first !== undefined && runtime !== 'crun') {
      this.tell(
        'flags-refused',
        runtime === 'runc' ? 'error' : 'warning',
        ['flags'],
        'runc before version 1.5 refuses every profile with flags; crun takes them',
        'leave "flags" out where containers run with an older runc',
      );
    }
    for (const flag of flags.filter((each) => noListenerFlags.includes(each))) {
      if (!this.trapsAnything) continue;
      this.tell(
        'flags-refused',
        'error',
        place(flag),
        `${flag} and SCMP_ACT_NOTIFY do not go together: the filter is not loaded (EINVAL)`,
        'take the flag out',
      );
    }
    if (flags.includes(waitKillableFlag) || !this.trapsAnything || runtime === 'runc') return;
    this.tell(
      'wait-killable',
      'note',
      [],
      'a signal can interrupt a call that the agent has received: work may be repeated, and handlers cannot write caller memory',
      `add "flags": ["${waitKillableFlag}"] where the runtime takes flags (crun; runc from 1.5)`,
    );
  }

  #architectures(): void {
    const { architectures = [] } = this.profile;
    for (const [native, others] of Object.entries(companions)) {
      const missing = others.filter((other) => !architectures.includes(other));
      const isMeant = architectures.length === 0 || architectures.includes(native);
      if (!isMeant || missing.length === 0) continue;
      // what is not said is said of the machine that the container runs on
      if (architectures.length === 0 && native !== 'SCMP_ARCH_X86_64') continue;
      this.tell(
        'architecture-missing',
        this.trapsAnything ? 'warning' : 'note',
        architectures.length === 0 ? [] : ['architectures'],
        `programs of ${listed(missing)} are killed at their first call (SIGSYS)`,
        `add ${listed(missing)} to "architectures"`,
      );
    }
    this.#nativeMissing(architectures);
    this.#mixed(architectures);
  }

  #mixed(architectures: readonly string[]): void {
    const big = architectures.filter((arch) => bigEndian.includes(arch));
    const little = architectures.filter((arch) => arch !== '' && !bigEndian.includes(arch));
    if (big.length === 0 || little.length === 0) return;
    // what docker calls archMap is for all machines, and it takes what is for its own
    if (this.profile.hasArchitectureMap) return;
    this.tell(
      'architecture-mixed',
      'error',
      ['architectures'],
      `runtimes refuse the profile ("numerical argument out of domain"): ${listed(big)} have their bytes in another order than ${listed(little)}`,
      'write a profile for each kind of machine',
    );
  }

  #nativeMissing(architectures: readonly string[]): void {
    for (const [native, others] of Object.entries(companions)) {
      if (architectures.includes(native)) continue;
      if (!others.some((other) => architectures.includes(other))) continue;
      this.tell(
        'architecture-missing',
        'warning',
        ['architectures'],
        `${native} is missing: runtimes add what the machine itself is, and a profile for machines is better complete`,
        `add ${native}`,
      );
    }
  }
}
