// SPDX-License-Identifier: Apache-2.0
// Finds in a seccomp profile what keeps containers from starting, what never reaches the agent, and
// what walks around it. How rules come together is what libseccomp does, see `decisionOf`.
import { waitKillableFlag } from '../filter-flags.ts';
import { AgentError, messageOf } from '../errors.ts';
import { familyMembers } from '../notification/syscall-table.ts';
import { parseMetadata } from '../registry/metadata.ts';
import { nearest } from './did-you-mean.ts';
import {
  addressArgument,
  callNames,
  doneByIoUring,
  familyOf,
  ioUring,
  isKnownCall,
  isNewerThanLibseccomp,
  siblingsOf,
  waysAround,
} from './families.ts';
import type { Findings, Keys, Severity } from './finding.ts';
import { keepsNamespaces } from './namespace-flags.ts';
import type { PreFilter } from './pre-filters.ts';
import { actionsOf, decisionOf } from './profile.ts';
import type { Condition, Profile, Rule } from './profile.ts';
import { expectedToBeTrapped, runtimeCalls, unsafeAgain } from './runtime-calls.ts';
import type { Runtime } from './runtime-calls.ts';
import { bigEndian, callsElsewhere, companions, kills, letsPass, notify } from './seccomp-words.ts';

/** What an agent that is started as the operator says would make of the metadata. */
export type Resolve = (metadata: string) => Answered;

/** The system calls that the selected bundles answer. */
export interface Answered {
  readonly bundles: readonly string[];
  readonly syscalls: readonly string[];
  /** For some of them: which of their calls handlers may answer; they pass the others on. */
  readonly preFilters?: ReadonlyMap<string, PreFilter>;
}

export interface LintOptions {
  /** Undefined: the bundles of metadata are not looked at. */
  readonly resolve?: Resolve | undefined;
  /** Undefined: any may take the profile. Of runc a version before 1.5, which has no flags. */
  readonly runtime?: Runtime | undefined;
}

/** One more than the longest path of a socket, see unix(7). */
const pathBytes = 108;
/** TSYNC reports the thread that could not be synchronised where the listener would be. */
const noListenerFlags: readonly string[] = ['SECCOMP_FILTER_FLAG_TSYNC'];

export function lint(profile: Profile, findings: Findings, options: LintOptions = {}): void {
  new Linter(profile, findings).run(options);
}

/** The names that some rule sends to the agent, whether it gets there or not. */
function namedForNotify({ rules }: Profile): readonly string[] {
  const names = rules.filter(({ action }) => action === notify).flatMap((rule) => rule.names);
  return [...new Set(names)];
}

/** The calls that the agent is asked about, whatever their arguments. */
function trappedNames(profile: Profile): readonly string[] {
  return namedForNotify(profile).filter((name) => actionsOf(profile, name).includes(notify));
}

/** Whether each call that a handler may answer goes to the agent. */
function hasAllOf(rules: readonly Rule[], filter: PreFilter | undefined): boolean {
  if (filter === undefined) return false;
  const traps = (wanted: number): boolean =>
    rules.some(({ action, conditions: [only, ...others] }) => {
      if (action !== notify || only === undefined || others.length > 0) return false;
      const { index, op, value, valueTwo } = only;
      const isSame = op === 'SCMP_CMP_MASKED_EQ' && index === filter.index && value === filter.mask;
      return isSame && valueTwo === wanted;
    });
  return filter.values.every((wanted) => traps(wanted));
}

function listed(names: readonly string[]): string {
  return names.join(', ');
}

class Linter {
  readonly #profile: Profile;
  readonly #findings: Findings;

  constructor(profile: Profile, findings: Findings) {
    this.#profile = profile;
    this.#findings = findings;
  }

  run({ resolve, runtime }: LintOptions): void {
    this.#defaults();
    this.#listener();
    this.#flags(runtime);
    this.#architectures();
    this.#names();
    this.#order();
    this.#conditions();
    this.#runtimes(runtime);
    this.#families();
    this.#around();
    this.#conditionalTraps(this.#metadata(resolve)?.preFilters);
  }

  #tell(
    code: Parameters<Findings['tell']>[0],
    severity: Severity,
    keys: Keys,
    message: string,
    advice: string,
  ): void {
    this.#findings.tell(code, severity, keys, { message, advice });
  }

  /** Where a name stands in the rules that notify. */
  #placeOf(name: string): Keys {
    const index = this.#profile.rules.findIndex(
      (rule) => rule.action === notify && rule.names.includes(name),
    );
    const at = this.#profile.rules[index]?.names.indexOf(name) ?? 0;
    return ['syscalls', index, 'names', at];
  }

  get #trapsAnything(): boolean {
    return namedForNotify(this.#profile).length > 0;
  }

  #defaults(): void {
    const { defaultAction } = this.#profile;
    if (defaultAction === notify) {
      this.#tell(
        'notify-default',
        'error',
        ['defaultAction'],
        'runc refuses SCMP_ACT_NOTIFY as default action; with crun every call of the container waits for the agent',
        'name the calls that handlers answer, in a rule of their own',
      );
    }
    if (letsPass(defaultAction)) {
      this.#tell(
        'allows-all',
        'warning',
        ['defaultAction'],
        `${defaultAction} for what the profile does not name: it takes the place of the runtime's own profile, and allows what that refuses`,
        'put the rules into a profile that refuses by default (profile generate -base container, or -base FILE)',
      );
    }
    if (kills(defaultAction) && this.#trapsAnything) {
      this.#tell(
        'default-kills',
        'warning',
        ['defaultAction'],
        `${defaultAction} for what the profile does not name: a program that tries a newer sibling of a trapped call, or goes on after the ENOSYS of an agent that is gone, is killed`,
        'SCMP_ACT_ERRNO with "defaultErrnoRet": 38 (ENOSYS) lets programs try the older call',
      );
    }
  }

  #listener(): void {
    const { listenerPath } = this.#profile;
    const traps = this.#trapsAnything || this.#profile.defaultAction === notify;
    if (listenerPath === undefined) {
      if (!traps) return;
      this.#tell(
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
    this.#tell(
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
      this.#tell(
        'listener-path',
        'error',
        keys,
        `"${path}" is relative: each runtime would look for it somewhere else`,
        'give the whole path of the agent socket',
      );
    }
    if (Buffer.byteLength(path) >= pathBytes) {
      this.#tell(
        'listener-path',
        'error',
        keys,
        `a socket's path has at most ${pathBytes - 1} bytes, and this has ${Buffer.byteLength(path)}`,
        'put the agent socket into a folder with a shorter path',
      );
    }
  }

  #flags(runtime: Runtime | undefined): void {
    const { flags } = this.#profile;
    const place = (flag: string): Keys => ['flags', flags.indexOf(flag)];
    const [first] = flags;
    if (first !== undefined && runtime !== 'crun') {
      this.#tell(
        'flags-refused',
        runtime === 'runc' ? 'error' : 'warning',
        ['flags'],
        'runc before version 1.5 refuses every profile with flags; crun takes them',
        'leave "flags" out where containers run with an older runc',
      );
    }
    for (const flag of flags.filter((each) => noListenerFlags.includes(each))) {
      if (!this.#trapsAnything) continue;
      this.#tell(
        'flags-refused',
        'error',
        place(flag),
        `${flag} and SCMP_ACT_NOTIFY do not go together: the filter is not loaded (EINVAL)`,
        'take the flag out',
      );
    }
    if (flags.includes(waitKillableFlag) || !this.#trapsAnything || runtime === 'runc') return;
    this.#tell(
      'wait-killable',
      'note',
      [],
      'a signal can take a call back that the agent has received: it may be done twice, and handlers may not write to the memory of callers',
      `add "flags": ["${waitKillableFlag}"] where the runtime takes flags (crun; runc from 1.5)`,
    );
  }

  #architectures(): void {
    const { architectures = [] } = this.#profile;
    for (const [native, others] of Object.entries(companions)) {
      const missing = others.filter((other) => !architectures.includes(other));
      const isMeant = architectures.length === 0 || architectures.includes(native);
      if (!isMeant || missing.length === 0) continue;
      // what is not said is said of the machine that the container runs on
      if (architectures.length === 0 && native !== 'SCMP_ARCH_X86_64') continue;
      this.#tell(
        'architecture-missing',
        this.#trapsAnything ? 'warning' : 'note',
        architectures.length === 0 ? [] : ['architectures'],
        `programs of ${listed(missing)} are killed by their first call (SIGSYS)`,
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
    if (this.#profile.hasArchitectureMap) return;
    this.#tell(
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
      this.#tell(
        'architecture-missing',
        'warning',
        ['architectures'],
        `${native} is missing: runtimes add what the machine itself is, and a profile for machines is better complete`,
        `add ${native}`,
      );
    }
  }

  /** Trapped, or refused so that nobody walks around: neither happens. */
  #newCalls(rule: Rule, index: number): void {
    const { defaultAction } = this.#profile;
    if (letsPass(rule.action) || !letsPass(defaultAction)) return;
    for (const [at, name] of rule.names.entries()) {
      if (!isNewerThanLibseccomp(name)) continue;
      this.#tell(
        'unknown-to-runtimes',
        'warning',
        ['syscalls', index, 'names', at],
        `runtimes with libseccomp 2.6.0 or older do not know ${name}: it gets the default action (${defaultAction})`,
        'a default action that refuses closes it (profile generate -base container, or -base FILE)',
      );
    }
  }

  #names(): void {
    for (const [index, rule] of this.#profile.rules.entries()) {
      this.#newCalls(rule, index);
      for (const [at, name] of rule.names.entries()) {
        if (isKnownCall(name) || callsElsewhere.includes(name)) continue;
        const near = nearest(name, callNames());
        this.#tell(
          'unknown-syscall',
          rule.action === notify ? 'error' : 'warning',
          ['syscalls', index, 'names', at],
          `Linux has no call "${name}": runtimes pass over it`,
          near === undefined ? 'take it out' : `did you mean "${near}"?`,
        );
      }
    }
  }

  #order(): void {
    for (const [index, rule] of this.#profile.rules.entries()) {
      for (const [at, name] of rule.names.entries()) this.#overruled({ rule, index, at, name });
    }
  }

  #overruled(place: { rule: Rule; index: number; at: number; name: string }): void {
    const { rule, index, at, name } = place;
    const keys: Keys = ['syscalls', index, 'names', at];
    const severity = rule.action === notify ? 'error' : 'warning';
    if (rule.action === this.#profile.defaultAction || rule.isOfSomeHosts) return;
    const decision = decisionOf(this.#profile, name);
    if (decision.kind === 'conditional') this.#conflict(place, keys);
    if (decision.kind !== 'rule' || decision.index === index) return;
    if (decision.rule.isOfSomeHosts || decision.rule.action === rule.action) return;
    const isConditional = rule.conditions.length > 0;
    this.#tell(
      'rule-shadowed',
      severity,
      keys,
      isConditional
        ? `the condition on ${name} has no effect: $.syscalls[${decision.index}] has no condition and decides alone (${decision.rule.action})`
        : `$.syscalls[${decision.index}] has decided about ${name} already (${decision.rule.action})`,
      isConditional
        ? `take "${name}" out of $.syscalls[${decision.index}]`
        : 'the first rule counts: leave the name in one of them',
    );
  }

  #conflict({ rule, index, name }: { rule: Rule; index: number; name: string }, keys: Keys): void {
    const other = this.#profile.rules
      .slice(0, index)
      .findIndex(
        (earlier) =>
          earlier.names.includes(name) &&
          earlier.action !== rule.action &&
          earlier.action !== this.#profile.defaultAction &&
          JSON.stringify(earlier.conditions) === JSON.stringify(rule.conditions),
      );
    if (other < 0) return;
    this.#tell(
      'rule-conflict',
      'error',
      keys,
      `$.syscalls[${other}] has the same condition on ${name} and another action: runtimes refuse the profile ("file exists")`,
      'leave one of them',
    );
  }

  #conditions(): void {
    for (const [index, rule] of this.#profile.rules.entries()) {
      for (const [at, condition] of rule.conditions.entries()) {
        this.#address(rule, condition, ['syscalls', index, 'args', at]);
      }
    }
  }

  #address(rule: Rule, { index, op, value }: Condition, keys: Keys): void {
    for (const name of rule.names) {
      const argument = addressArgument(name, index);
      // whether there is an address at all can be asked
      if (argument === undefined || (value === 0 && /EQ$|NE$/u.test(op))) continue;
      this.#tell(
        'compares-address',
        rule.action === notify ? 'error' : 'warning',
        [...keys, 'index'],
        `argument ${index} of ${name} ("${argument}") is an address: a filter cannot see what is there`,
        'take the condition out, and let a handler look at it',
      );
    }
  }

  #runtimes(only: Runtime | undefined): void {
    const trapped = trappedNames(this.#profile);
    for (const { runtime, refused } of runtimeCalls) {
      if (only !== undefined && runtime !== only) continue;
      for (const name of refused.filter((each) => trapped.includes(each))) {
        this.#tell(
          'notify-runtime',
          'error',
          this.#placeOf(name),
          `${runtime} refuses SCMP_ACT_NOTIFY for ${name}: it could not pass the listener on any more`,
          `take "${name}" out`,
        );
      }
    }
    for (const name of trapped) this.#ownCalls(name, only);
    for (const name of trapped.filter((each) => unsafeAgain.includes(each))) {
      const isSafe = this.#profile.flags.includes(waitKillableFlag);
      if (isSafe) continue;
      this.#tell(
        'notify-signals',
        'warning',
        this.#placeOf(name),
        `a signal takes ${name} back while it waits for the agent, and programs do not expect that of it`,
        `take "${name}" out, or use ${waitKillableFlag}`,
      );
    }
  }

  /** The agent is asked about them before there is a program of the container. */
  #ownCalls(name: string, only: Runtime | undefined): void {
    const by = runtimeCalls
      .filter(({ runtime, made }) => made.includes(name) && runtime === (only ?? runtime))
      .map(({ runtime }) => runtime);
    if (by.length === 0 || expectedToBeTrapped.includes(name)) return;
    this.#tell(
      'notify-runtime',
      'warning',
      this.#placeOf(name),
      `${by.join(' and ')} call${by.length === 1 ? 's' : ''} ${name} under the filter while the container starts: a handler that refuses it, or is slow, keeps containers from starting`,
      `let handlers continue ${name} of the runtime, or take it out`,
    );
  }

  /** What handlers themselves pass on, and threads without namespaces, are no way around. */
  #conditionalTraps(preFilters: ReadonlyMap<string, PreFilter> | undefined): void {
    for (const name of trappedNames(this.#profile)) {
      const decision = decisionOf(this.#profile, name);
      if (decision.kind !== 'conditional') continue;
      const passing = actionsOf(this.#profile, name).filter(letsPass);
      if (passing.length === 0) continue;
      if (name === 'clone' && keepsNamespaces(this.#profile)) continue;
      if (hasAllOf(decision.rules, preFilters?.get(name))) continue;
      this.#tell(
        'conditional-trap',
        'warning',
        this.#placeOf(name),
        `${name} goes to the agent for some arguments only: with others it passes (${passing.join(' or ')})`,
        'take the condition out, and let a handler pass on what is harmless',
      );
    }
  }

  #families(): void {
    const trapped = trappedNames(this.#profile);
    for (const family of new Set(trapped.map((name) => familyOf(name)))) {
      const own = trapped.filter((name) => familyOf(name) === family);
      const [first = ''] = own;
      const missing = siblingsOf(first).filter((name) => !trapped.includes(name));
      const passing = missing.filter((name) => actionsOf(this.#profile, name).some(letsPass));
      const kept = missing.filter((name) => !passing.includes(name));
      if (passing.length > 0) {
        this.#tell(
          'family-incomplete',
          'error',
          this.#placeOf(first),
          `${listed(own)} ${own.length > 1 ? 'go' : 'goes'} to the agent, and ${this.#withActions(passing)} do${passing.length > 1 ? '' : 'es'} the same without it`,
          `add ${listed(passing)} to the rule`,
        );
      }
      if (kept.length > 0) {
        this.#tell(
          'family-incomplete',
          'note',
          this.#placeOf(first),
          `${this.#withActions(kept)} never reach${kept.length > 1 ? '' : 'es'} the agent`,
          `add ${listed(kept)} to the rule, unless programs are not to have ${kept.length > 1 ? 'them' : 'it'}`,
        );
      }
    }
  }

  #withActions(names: readonly string[]): string {
    return names
      .map((name) => `${name} (${actionsOf(this.#profile, name).join(' or ')})`)
      .join(', ');
  }

  #around(): void {
    const trapped = trappedNames(this.#profile);
    const families = new Set(trapped.map((name) => familyOf(name)));
    for (const family of families) {
      const ways = (waysAround[family] ?? []).filter((other) => !families.has(other));
      const open = ways
        .flatMap((other) => familyMembers(other))
        .filter((name) => this.#isOpen(name));
      if (open.length === 0) continue;
      this.#tell(
        'walks-around',
        'warning',
        this.#placeOf(trapped.find((name) => familyOf(name) === family) ?? ''),
        `${listed(open)} do what ${family} does, without the agent`,
        'trap them too, or have them fail with ENOSYS, so that programs use the older calls',
      );
    }
    this.#ioUring(trapped.filter((name) => doneByIoUring.includes(familyOf(name))));
  }

  #isOpen(name: string): boolean {
    if (name === 'clone') return !keepsNamespaces(this.#profile);
    return actionsOf(this.#profile, name).some(letsPass);
  }

  #ioUring(files: readonly string[]): void {
    const [first] = files;
    if (first === undefined || !actionsOf(this.#profile, 'io_uring_setup').some(letsPass)) return;
    this.#tell(
      'io-uring',
      'warning',
      this.#placeOf(first),
      `io_uring does what ${listed(files)} ${files.length > 1 ? 'do' : 'does'} without a call that could be trapped`,
      `have ${listed(ioUring)} fail with ENOSYS (profile generate -block-io-uring)`,
    );
  }

  /** @returns what becomes of it, where that is known */
  #metadata(resolve: Resolve | undefined): Answered | undefined {
    const { listenerMetadata } = this.#profile;
    const keys = listenerMetadata === undefined ? [] : ['listenerMetadata'];
    try {
      parseMetadata(listenerMetadata ?? '');
    } catch (thrown) {
      if (!(thrown instanceof AgentError)) throw thrown;
      this.#tell(
        'metadata-invalid',
        'error',
        keys,
        messageOf(thrown),
        'write KEY=VALUE in each line',
      );
      return undefined;
    }
    if (resolve === undefined || !this.#trapsAnything) return undefined;
    try {
      const answered = resolve(listenerMetadata ?? '');
      this.#answered(answered, keys);
      return answered;
    } catch (thrown) {
      if (!(thrown instanceof AgentError)) throw thrown;
      this.#tell(
        'metadata-refused',
        // what is no bundle here may be one on the machine of the agent
        thrown.code === 'AGENT_SETTING_INVALID' ? 'error' : 'warning',
        keys,
        `an agent with the configuration of this machine refuses the container: ${messageOf(thrown)}`,
        'all trapped calls of the container would fail: mend the metadata or the configuration',
      );
      return undefined;
    }
  }

  #answered({ bundles, syscalls }: Answered, keys: Keys): void {
    if (bundles.length === 0) return;
    const trapped = trappedNames(this.#profile);
    const missed = syscalls.filter((name) => !trapped.includes(name));
    const idle = trapped.filter((name) => !syscalls.includes(name));
    if (missed.length > 0) {
      this.#tell(
        'answered-not-trapped',
        'warning',
        keys,
        `${listed(bundles)} answers ${listed(missed)}, which the profile does not send to the agent`,
        `add ${listed(missed)} to a rule with SCMP_ACT_NOTIFY`,
      );
    }
    if (idle.length > 0) {
      this.#tell(
        'trapped-not-answered',
        'warning',
        keys,
        `no handler of ${listed(bundles)} answers ${listed(idle)}: each call waits for the agent's default action`,
        `take ${listed(idle)} out of the rules with SCMP_ACT_NOTIFY`,
      );
    }
  }
}
