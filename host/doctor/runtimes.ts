// SPDX-License-Identifier: Apache-2.0
// The container runtimes of this machine, and what they can of seccomp.
import { type Version, isBefore, versionIn } from '../text/version.ts';
import { fail, isInPod, ok, warn } from './check.ts';
import type { Check, Machine } from './check.ts';

interface Weakness {
  readonly before: Version;
  readonly what: string;
  readonly advice: string;
}

interface RuntimeFacts {
  readonly name: string;
  /** SCMP_ACT_NOTIFY works from there. */
  readonly least: Version;
  readonly weaknesses: readonly Weakness[];
}

const runtimes: readonly RuntimeFacts[] = [
  {
    name: 'runc',
    least: [1, 1],
    weaknesses: [
      {
        before: [1, 5],
        what: 'it refuses profiles with "flags", so signals may interrupt received calls',
        advice:
          'omit "flags" in its profiles (profile generate -runtime runc), or use runc 1.5 or newer',
      },
    ],
  },
  {
    name: 'crun',
    least: [0, 19],
    weaknesses: [
      {
        before: [1, 6],
        what: 'it deadlocks if a profile intercepts the calls that it sends the listener with',
        advice: 'use crun 1.6 or newer',
      },
    ],
  },
];

/** SCMP_ACT_NOTIFY. */
const leastLibrary: Version = [2, 5];

function at(json: unknown, key: string): unknown {
  if (typeof json !== 'object' || json === null) return undefined;
  return new Map<string, unknown>(Object.entries(json)).get(key);
}

/** Features that a runtime reports; absent: it reports none. */
function actionsOf(machine: Machine, name: string): readonly unknown[] | undefined {
  const output = machine.run(name, ['features']);
  if (output?.code !== 0) return undefined;
  try {
    const actions = at(at(at(JSON.parse(output.stdout), 'linux'), 'seccomp'), 'actions');
    return Array.isArray(actions) ? actions : undefined;
  } catch {
    return undefined;
  }
}

function notifies(machine: Machine, { name, least }: RuntimeFacts, version: Version): boolean {
  const actions = actionsOf(machine, name);
  return actions === undefined ? !isBefore(version, least) : actions.includes('SCMP_ACT_NOTIFY');
}

function libraryOf(text: string): Version | undefined {
  const line = /^libseccomp: *(?<version>\S+)$/mu.exec(text)?.groups?.['version'];
  return line === undefined ? undefined : versionIn(line);
}

function runtimeCheck(machine: Machine, runtime: RuntimeFacts): Check | undefined {
  const { name, least, weaknesses } = runtime;
  const output = machine.run(name, ['--version']);
  if (output === undefined) return undefined;
  const version = versionIn(output.stdout);
  if (output.code !== 0 || version === undefined) {
    return warn(name, 'it does not print its version', `check ${name} --version`);
  }
  const library = libraryOf(output.stdout);
  const libraryText = library === undefined ? '' : `, libseccomp ${library.join('.')}`;
  const message = `${version.join('.')}${libraryText}`;
  if (!notifies(machine, runtime, version) || (library && isBefore(library, leastLibrary))) {
    return fail(
      name,
      `${message}: no support for SCMP_ACT_NOTIFY`,
      `use ${name} ${least.join('.')} or newer, with libseccomp ${leastLibrary.join('.')} or newer`,
    );
  }
  const weakness = weaknesses.find(({ before }) => isBefore(version, before));
  if (weakness !== undefined) return warn(name, `${message}: ${weakness.what}`, weakness.advice);
  return ok(name, `${message}: supports SCMP_ACT_NOTIFY`);
}

/** Container managers over one of these runtimes; only named. */
const managers: readonly string[] = ['podman', 'docker', 'containerd', 'crio'];

function managerCheck(machine: Machine, name: string): Check | undefined {
  const output = machine.run(name, ['--version']);
  const version = versionIn(output?.stdout ?? '');
  return version === undefined ? undefined : ok(name, version.join('.'));
}

export function runtimeChecks(machine: Machine): readonly Check[] {
  const found = runtimes.flatMap((runtime) => runtimeCheck(machine, runtime) ?? []);
  const others = managers.flatMap((name) => managerCheck(machine, name) ?? []);
  if (found.length > 0) return [...found, ...others];
  if (isInPod(machine)) {
    return [ok('runtimes', 'runtimes of the node are not visible in this pod'), ...others];
  }
  return [
    warn(
      'runtimes',
      `none of ${runtimes.map(({ name }) => name).join(', ')} in PATH`,
      'this is normal in a container: check the runtimes of the machine',
    ),
    ...others,
  ];
}
