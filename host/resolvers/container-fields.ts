// SPDX-License-Identifier: Apache-2.0
// Fields of a container in templates.
import type { ContainerIdentity } from './resolver.ts';
import type { TemplateFields } from '../bundles/template.ts';
import { claimedWorkload, isSandbox } from '../agent-socket/workload.ts';
import type { Workload } from '../agent-socket/workload.ts';

const templateNames: readonly (readonly [template: string, field: keyof Workload])[] = [
  ['Namespace', 'namespace'],
  ['Pod', 'pod'],
  ['Container', 'container'],
];

/** As Kubernetes calls the container that a pod's others live in; no other can have this name. */
const sandboxName = 'POD';

export function fieldsOf(identity: ContainerIdentity): TemplateFields {
  const { state, firstPid } = identity;
  const known = claimedWorkload(identity);
  const named = templateNames.flatMap(([template, field]) => {
    const value = known[field];
    return value === undefined ? [] : [[template, value] as const];
  });
  return {
    ...(isSandbox(state) ? { Container: sandboxName } : {}),
    ...Object.fromEntries(named),
    ContainerID: state.containerId,
    Init: String(identity.isInit ?? false),
    ...(state.processPid === 0 ? {} : { Pid: String(state.processPid) }),
    ...(firstPid === undefined ? {} : { Pid1: String(firstPid) }),
  };
}

/** The other way: by which templates find these fields. */
export function workloadFor(fields: Readonly<Record<string, string>>): Workload {
  return Object.fromEntries(
    templateNames.flatMap(([template, field]) => {
      const text = fields[template];
      return text === undefined ? [] : [[field, text] as const];
    }),
  );
}
