// SPDX-License-Identifier: Apache-2.0
// What templates can name of a container.
import type { ContainerIdentity } from './resolver.ts';
import type { TemplateField, TemplateFields } from './template.ts';

/** Annotations by which CRI runtimes name a container's pod: of containerd, and of CRI-O. */
const annotationKeys: readonly (readonly [field: TemplateField, keys: readonly string[]])[] = [
  ['Namespace', ['io.kubernetes.cri.sandbox-namespace', 'io.kubernetes.pod.namespace']],
  ['Pod', ['io.kubernetes.cri.sandbox-name', 'io.kubernetes.pod.name']],
  ['Container', ['io.kubernetes.cri.container-name', 'io.kubernetes.container.name']],
];

function podFields(annotations: ReadonlyMap<string, string>): TemplateFields {
  const found = annotationKeys.flatMap(([field, keys]) => {
    const value = keys.map((key) => annotations.get(key)).find((text) => text !== undefined);
    return value === undefined ? [] : [[field, value] as const];
  });
  return Object.fromEntries(found);
}

export function fieldsOf({ state, firstPid }: ContainerIdentity): TemplateFields {
  return {
    ...podFields(state.annotations),
    ContainerID: state.containerId,
    ...(state.processPid === 0 ? {} : { Pid: String(state.processPid) }),
    ...(firstPid === undefined ? {} : { Pid1: String(firstPid) }),
  };
}

/** The other way: annotations by which templates find these fields. */
export function annotationsFor(
  fields: Readonly<Record<string, string>>,
): readonly (readonly [key: string, value: string])[] {
  return annotationKeys.flatMap(([field, [key]]) => {
    const text = fields[field];
    return text === undefined || key === undefined ? [] : [[key, text] as const];
  });
}
