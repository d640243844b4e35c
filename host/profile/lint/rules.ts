// SPDX-License-Identifier: Apache-2.0
// Rules that have no effect, or another one than it seems.
import { guessAt } from '../../text/did-you-mean.ts';
import { addressArgument, callNames, isKnownCall, isNewerThanLibseccomp } from '../families.ts';
import type { Keys } from '../finding.ts';
import { decisionOf } from '../profile.ts';
import type { Condition, Rule } from '../profile.ts';
import { callsElsewhere, letsPass, notify } from '../seccomp-words.ts';
import { Check } from './check.ts';

/** Names, the order of rules, and conditions. */
export class RulesCheck extends Check {
  run(): void {
    this.#names();
    this.#order();
    this.#conditions();
  }

  readonly #conditionTexts: Map<Rule, string> = new Map();

  #conditionsOf(rule: Rule): string {
    const text = this.#conditionTexts.get(rule) ?? JSON.stringify(rule.conditions);
    this.#conditionTexts.set(rule, text);
    return text;
  }

  /** Trapped, or refused so that nobody walks around: neither happens. */
  #newCalls(rule: Rule, index: number): void {
    const { defaultAction } = this.profile;
    if (letsPass(rule.action) || !letsPass(defaultAction)) return;
    for (const [at, name] of rule.names.entries()) {
      if (!isNewerThanLibseccomp(name)) continue;
      this.tell(
        'unknown-to-runtimes',
        'warning',
        ['syscalls', index, 'names', at],
        `runtimes with libseccomp 2.6.0 or older do not know ${name}: it gets the default action (${defaultAction})`,
        'a default action that refuses closes it (profile generate -base container, or -base FILE)',
      );
    }
  }

  #names(): void {
    for (const [index, rule] of this.profile.rules.entries()) {
      this.#newCalls(rule, index);
      for (const [at, name] of rule.names.entries()) {
        if (isKnownCall(name) || callsElsewhere.includes(name)) continue;
        this.tell(
          'unknown-syscall',
          rule.action === notify ? 'error' : 'warning',
          ['syscalls', index, 'names', at],
          `unknown system call "${name}": runtimes ignore it`,
          `correct or remove it${guessAt(name, callNames())}`,
        );
      }
    }
  }

  #order(): void {
    for (const [index, rule] of this.profile.rules.entries()) {
      for (const [at, name] of rule.names.entries()) this.#overruled({ rule, index, at, name });
    }
  }

  #overruled(place: { rule: Rule; index: number; at: number; name: string }): void {
    const { rule, index, at, name } = place;
    const keys: Keys = ['syscalls', index, 'names', at];
    const severity = rule.action === notify ? 'error' : 'warning';
    if (rule.action === this.profile.defaultAction || rule.isOfSomeHosts) return;
    const decision = decisionOf(this.profile, name);
    if (decision.kind === 'conditional') this.#conflict(place, keys);
    if (decision.kind !== 'rule' || decision.index === index) return;
    if (decision.rule.isOfSomeHosts || decision.rule.action === rule.action) return;
    const isConditional = rule.conditions.length > 0;
    this.tell(
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
    const other = this.profile.rules
      .slice(0, index)
      .findIndex(
        (earlier) =>
          earlier.names.includes(name) &&
          earlier.action !== rule.action &&
          earlier.action !== this.profile.defaultAction &&
          this.#conditionsOf(earlier) === this.#conditionsOf(rule),
      );
    if (other < 0) return;
    this.tell(
      'rule-conflict',
      'error',
      keys,
      `$.syscalls[${other}] has the same condition on ${name} and another action: runtimes refuse the profile ("file exists")`,
      'leave one of them',
    );
  }

  #conditions(): void {
    for (const [index, rule] of this.profile.rules.entries()) {
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
      this.tell(
        'compares-address',
        rule.action === notify ? 'error' : 'warning',
        [...keys, 'index'],
        `argument ${index} of ${name} ("${argument}") is an address: a filter cannot see what is there`,
        'remove the condition, and let a handler check the value',
      );
    }
  }
}
