// SPDX-License-Identifier: Apache-2.0
// A registry: for one container, which handlers answer its calls, with their settings, and what
// happens by default and on failure. Plain data, so that any worker can be given it.
import type { LoadedComponent } from '../handler/direct.ts';
import type { Settings } from '../handler/instance.ts';
import { families, familyMembers } from '../syscalls/syscall-table.ts';
import type { Syscall } from '../syscalls/syscalls.ts';
import type { Grants } from './grants.ts';
import type { MiddlewareName } from './policy.ts';
import type { DefaultAction, FailurePolicy } from './policy.ts';
import type { SettingKeys } from './setting-keys.ts';
import type { Workload } from '../agent-socket/workload.ts';

export interface RegistryHandler {
  /** For people: the component's file name without its ending. */
  readonly name: string;
  /** The bundle that it is of: those of one share what they remember. */
  readonly bundle?: string;
  /** The id of its component. */
  readonly component: string;
  /** Exports of the component: families and `any`. */
  readonly answers: readonly string[];
  /** The families that it is asked about; absent: all that it answers. */
  readonly syscalls?: readonly string[];
  readonly settings: Settings;
  /** By which keys people set them; absent: by the same. */
  readonly settingKeys?: SettingKeys;
  /** Whether it wants pointers followed: it has typed exports, or imports `arguments`. */
  readonly readsPointers: boolean;
  /** Time limit for a call, not counting the host's work for it. */
  readonly deadlineMs: number;
  /** Its grants; absent: its imports, without limits. */
  readonly grants?: Grants;
}

export interface Registry {
  readonly containerId: string;
  /** Annotations from the runtime. */
  readonly annotations?: readonly (readonly [key: string, value: string])[];
  /** Kubernetes workload. */
  readonly workload?: Workload;
  /** In chain order. */
  readonly handlers: readonly RegistryHandler[];
  /** Of its settings: paths that are held as what they are before its own program runs. */
  readonly heldPaths?: readonly string[];
  readonly defaultAction: DefaultAction;
  /** Receivers of its calls, by its metadata or its resolver. */
  readonly middleware?: readonly MiddlewareName[];
  /** Answer to a call when the agent or a handler fails. */
  readonly failure: FailurePolicy;
  /** The handlers cannot be used: `defaultAction` stands for that. Absent: they can. */
  readonly isRefused?: boolean;
}

/** Whether a handler is asked about a family. */
export function isAsked(handler: RegistryHandler, family: string): boolean {
  if (handler.syscalls !== undefined && !handler.syscalls.includes(family)) return false;
  return handler.answers.includes(family) || handler.answers.includes('any');
}

/** The families that one of these handlers is asked about, each once. */
function askedFamilies(handlers: readonly RegistryHandler[]): ReadonlySet<string> {
  const asked = handlers.flatMap(({ answers, syscalls }) => {
    if (answers.includes('any')) return syscalls ?? families();
    if (syscalls === undefined) return answers;
    const named = new Set(syscalls);
    return answers.filter((family) => named.has(family));
  });
  return new Set(asked);
}

/**
 * For which syscalls the caller's memory is read before any handler is asked. A registry is looked
 * through once for all of them.
 */
export function pointerWish({ handlers }: Registry): (syscall: Syscall) => boolean {
  const wanted = askedFamilies(handlers.filter(({ readsPointers }) => readsPointers));
  return (syscall) => syscall.arguments.length > 0 && wanted.has(syscall.family);
}

/** The names of all syscalls that some handler of a registry answers by name. */
export function answeredSyscalls({ handlers }: Registry): readonly string[] {
  const members = [...askedFamilies(handlers)].flatMap((family) => familyMembers(family));
  return [...new Set(members)];
}

/** Whether a component of a handler needs the caller's memory to be read. */
export function needsPointers(component: LoadedComponent): boolean {
  return (
    component.answers.some((family) => family !== 'any') || component.imports.includes('arguments')
  );
}
