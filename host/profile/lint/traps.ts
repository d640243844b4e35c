// SPDX-License-Identifier: Apache-2.0
// Calls of runtimes under the filter, and ways to bypass the agent.
import { waitKillableFlag } from '../../agent-socket/filter-flags.ts';
import { familyMembers } from '../../syscalls/syscall-table.ts';
import { descriptorTaker, familyOf, ioUring, siblingsOf, waysAround } from '../families.ts';
import { kinOf } from '../kin.ts';
import { keepsNamespaces } from '../namespace-flags.ts';
import type { PreFilter } from '../pre-filters.ts';
import { actionsOf, decisionOf } from '../profile.ts';
import type { Rule } from '../profile.ts';
import { expectedToBeTrapped, runtimeCalls, unsafeAgain } from '../runtime-calls.ts';
import type { Runtime } from '../runtime-calls.ts';
import { letsPass, notify } from '../seccomp-words.ts';
import { Check, listed, trappedNames } from './check.ts';

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

function byFamily(names: readonly string[]): ReadonlyMap<string, readonly string[]> {
  const families = new Map<string, string[]>();
  for (const name of names) {
    const family = familyOf(name);
    const own = families.get(family) ?? [];
    own.push(name);
    families.set(family, own);
  }
  return families;
}

function isOfRing(name: string): boolean {
  return ioUring.includes(name);
}

/** Trapped calls: those of runtimes, and ways around them. */
export class TrapsCheck extends Check {
  /** @param preFilters which calls handlers may answer, where that is known */
  run(runtime: Runtime | undefined, preFilters: ReadonlyMap<string, PreFilter> | undefined): void {
    this.#runtimes(runtime);
    this.#families();
    this.#around();
    this.#conditionalTraps(preFilters);
  }

  #runtimes(only: Runtime | undefined): void {
    const trapped = trappedNames(this.profile);
    for (const { runtime, refused } of runtimeCalls) {
      if (only !== undefined && runtime !== only) continue;
      for (const name of refused.filter((each) => trapped.includes(each))) {
        this.tell(
          'notify-runtime',
          'error',
          this.placeOf(name),
          `${runtime} refuses SCMP_ACT_NOTIFY for ${name}: it could not pass the listener on any more`,
          `take "${name}" out`,
        );
      }
    }
    for (const name of trapped) this.#ownCalls(name, only);
    for (const name of trapped.filter((each) => unsafeAgain.includes(each))) {
      const isSafe = this.profile.flags.includes(waitKillableFlag);
      if (isSafe) continue;
      this.tell(
        'notify-signals',
        'warning',
        this.placeOf(name),
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
    this.tell(
      'notify-runtime',
      'warning',
      this.placeOf(name),
      `${by.join(' and ')} call${by.length === 1 ? 's' : ''} ${name} under the filter while the container starts: a handler that refuses it, or is slow, keeps containers from starting`,
      `let handlers continue ${name} of the runtime, or take it out`,
    );
  }

  /** Calls that handlers pass on, and threads without namespaces, bypass nothing. */
  #conditionalTraps(preFilters: ReadonlyMap<string, PreFilter> | undefined): void {
    for (const name of trappedNames(this.profile)) {
      const decision = decisionOf(this.profile, name);
      if (decision.kind !== 'conditional') continue;
      const passing = actionsOf(this.profile, name).filter(letsPass);
      if (passing.length === 0) continue;
      if (name === 'clone' && keepsNamespaces(this.profile)) continue;
      if (hasAllOf(decision.rules, preFilters?.get(name))) continue;
      this.tell(
        'conditional-trap',
        'warning',
        this.placeOf(name),
        `${name} goes to the agent for some arguments only: with others it passes (${passing.join(' or ')})`,
        'take the condition out, and let a handler pass on what is harmless',
      );
    }
  }

  #families(): void {
    const trapped = trappedNames(this.profile);
    for (const own of byFamily(trapped).values()) {
      const [first = ''] = own;
      const missing = siblingsOf(first).filter((name) => !trapped.includes(name));
      const passing = missing.filter((name) => actionsOf(this.profile, name).some(letsPass));
      const kept = missing.filter((name) => !passing.includes(name));
      if (passing.length > 0) {
        this.tell(
          'family-incomplete',
          'error',
          this.placeOf(first),
          `${listed(own)} ${own.length > 1 ? 'go' : 'goes'} to the agent, and ${this.#withActions(passing)} do${passing.length > 1 ? '' : 'es'} the same without it`,
          `add ${listed(passing)} to the rule`,
        );
      }
      if (kept.length > 0) {
        this.tell(
          'family-incomplete',
          'note',
          this.placeOf(first),
          `${this.#withActions(kept)} never reach${kept.length > 1 ? '' : 'es'} the agent`,
          `add ${listed(kept)} to the rule, unless programs are not to have ${kept.length > 1 ? 'them' : 'it'}`,
        );
      }
    }
  }

  #withActions(names: readonly string[]): string {
    return names
      .map((name) => `${name} (${actionsOf(this.profile, name).join(' or ')})`)
      .join(', ');
  }

  #around(): void {
    const trapped = trappedNames(this.profile);
    const families = new Set(trapped.map((name) => familyOf(name)));
    for (const family of families) {
      const ways = waysAround(family).filter((other) => !families.has(other) && !isOfRing(other));
      const open = ways
        .flatMap((other) => familyMembers(other))
        .filter((name) => this.#isOpen(name));
      if (open.length === 0) continue;
      this.tell(
        'walks-around',
        'warning',
        this.placeOf(trapped.find((name) => familyOf(name) === family) ?? ''),
        `${listed(open)} do what ${family} does, without the agent`,
        'trap them too, or have them fail with ENOSYS, so that programs use the older calls',
      );
    }
    for (const family of families) this.#kin(family, trapped);
    this.#ioUring(trapped.filter((name) => waysAround(familyOf(name)).some(isOfRing)));
    if (trapped.length > 0) this.#listener();
  }

  #kin(family: string, trapped: readonly string[]): void {
    for (const { families: others, where } of kinOf(family)) {
      const open = others
        .flatMap((other) => familyMembers(other))
        .filter((name) => !trapped.includes(name))
        .filter((name) => actionsOf(this.profile, name).some(letsPass));
      if (open.length === 0) continue;
      this.tell(
        'walks-around',
        'note',
        this.placeOf(trapped.find((name) => familyOf(name) === family) ?? ''),
        `${where}, ${listed(open)} ${open.length > 1 ? 'do' : 'does'} what ${family} does, without the agent`,
        `where ${family} is refused, trap ${listed(others)} as well, and let a handler answer ${others.length > 1 ? 'them' : 'it'}`,
      );
    }
  }

  #isOpen(name: string): boolean {
    if (name === 'clone') return !keepsNamespaces(this.profile);
    return actionsOf(this.profile, name).some(letsPass);
  }

  #listener(): void {
    if (!this.#isOpen(descriptorTaker)) return;
    this.tell(
      'listener-taken',
      'warning',
      [],
      `with CAP_SYS_PTRACE, a container can take the listener of its programs by ${descriptorTaker} and answer their calls`,
      `have ${descriptorTaker} fail with ENOSYS, as profile generate does`,
    );
  }

  #ioUring(trapped: readonly string[]): void {
    const [first] = trapped;
    if (first === undefined || !actionsOf(this.profile, 'io_uring_setup').some(letsPass)) return;
    this.tell(
      'io-uring',
      'warning',
      this.placeOf(first),
      `io_uring does what ${listed(trapped)} ${trapped.length > 1 ? 'do' : 'does'} without a call that can be intercepted`,
      `have ${listed(ioUring)} fail with ENOSYS, as profile generate does`,
    );
  }
}
