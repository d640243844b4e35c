// SPDX-License-Identifier: Apache-2.0
// Findings in a seccomp profile, and their places.

/** Every code, with what it means. Codes are stable: scripts and tests may compare them. */
export const findingCodes = {
  'not-json': 'the file is not a readable profile',
  'wrong-value': 'unknown value',
  'unknown-key': 'a key that runtimes ignore',
  'host-condition': 'a condition of docker and podman that other runtimes ignore',
  'listener-missing': 'calls go to an agent, and listenerPath is not set',
  'listener-path': 'listenerPath cannot be the path of a socket',
  'listener-unused': 'listenerPath is set, and no call goes to it',
  'notify-default': 'all calls go to the agent',
  'notify-runtime': 'a runtime cannot start a container whose agent is asked about this call',
  'notify-signals': 'a signal may interrupt the call, and repeating it is not harmless',
  'flags-refused': 'a runtime refuses the flags',
  'wait-killable': 'a signal can interrupt a received call',
  'memory-unwritten': 'selected handlers cannot return results through memory',
  advisory: 'selected handlers let calls continue that may change after they looked',
  'family-incomplete': 'a variant of an intercepted call bypasses the agent',
  'conditional-trap': 'a call goes to the agent for some arguments only, and passes for others',
  'walks-around': 'other calls do the same as an intercepted call',
  'io-uring': 'io_uring can do the same as an intercepted call',
  'listener-taken': 'a container can take the listener of programs executed in it',
  'architecture-missing': 'programs of an architecture are killed at their first call',
  'architecture-mixed': 'architectures that no filter can have together',
  'unknown-to-runtimes': 'a call that is newer than the library of the runtimes',
  'unknown-syscall': 'Linux has no such call',
  'rule-shadowed': 'a rule has no effect, since another one has decided',
  'rule-conflict': 'two rules for the same condition: runtimes refuse the profile',
  'compares-address': 'a condition looks at an address',
  'allows-all': 'calls that the profile does not name are allowed',
  'default-kills': 'calls that the profile does not name kill the program',
  'metadata-invalid': 'listenerMetadata cannot be read',
  'metadata-refused': 'an agent would refuse the container for its metadata',
  'answered-not-trapped': 'the selected bundles answer calls that are not intercepted',
  'not-refused': 'calls that the selected bundles want refused are allowed',
  'trapped-not-answered': 'intercepted calls that no selected bundle answers',
} as const;

export type FindingCode = keyof typeof findingCodes;

/** Errors make a profile useless or a policy none; warnings are for people to judge. */
export type Severity = 'error' | 'warning' | 'note';

/** From the top: keys of objects, and places in lists. */
export type Keys = readonly (string | number)[];

export interface Finding {
  readonly code: FindingCode;
  readonly severity: Severity;
  /** A JSON path, such as `$.syscalls[0].names[1]`. */
  readonly path: string;
  readonly line: number;
  readonly message: string;
  /** Advice. */
  readonly advice: string;
}

function jsonPath(keys: Keys): string {
  const steps = keys.map((key) => {
    if (typeof key === 'number') return `[${key}]`;
    return /^[A-Za-z_]\w*$/u.test(key) ? `.${key}` : `[${JSON.stringify(key)}]`;
  });
  return `$${steps.join('')}`;
}

export interface Said {
  readonly message: string;
  readonly advice: string;
}

/** Collects what is found in one file. */
export class Findings {
  readonly #lineOf: (keys: Keys) => number;
  readonly #prefix: Keys;
  readonly #found: Finding[];

  /** @param prefix where the profile begins in its file */
  constructor(lineOf: (keys: Keys) => number, prefix: Keys = [], found: Finding[] = []) {
    this.#lineOf = lineOf;
    this.#prefix = prefix;
    this.#found = found;
  }

  /** For what stands below these keys. */
  below(...keys: Keys): Findings {
    return new Findings(this.#lineOf, [...this.#prefix, ...keys], this.#found);
  }

  tell(code: FindingCode, severity: Severity, keys: Keys, said: Said): void {
    const whole = [...this.#prefix, ...keys];
    this.#found.push({ code, severity, path: jsonPath(whole), line: this.#lineOf(whole), ...said });
  }

  /** In the order of the file; errors before others of the same line. */
  get all(): readonly Finding[] {
    const order: readonly Severity[] = ['error', 'warning', 'note'];
    return this.#found.toSorted(
      (a, b) => a.line - b.line || order.indexOf(a.severity) - order.indexOf(b.severity),
    );
  }
}
