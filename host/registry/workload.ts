// SPDX-License-Identifier: Apache-2.0
// What a container is to Kubernetes, as the annotations of its state say it.

/** A field is absent where nobody has said it. */
export interface Workload {
  readonly namespace?: string;
  readonly pod?: string;
  /** Absent also for a pod's sandbox, which is a container without a name. */
  readonly container?: string;
  /** The CRI id of the pod's sandbox. */
  readonly sandbox?: string;
  readonly podUid?: string;
}

/**
 * The annotations by which runtimes name a container's pod, by preference: of containerd, of CRI-O,
 * and of what plays Kubernetes' files (podman) or keeps the labels of dockershim (cri-dockerd).
 */
export const workloadKeys: Readonly<Record<keyof Workload, readonly string[]>> = {
  namespace: ['io.kubernetes.cri.sandbox-namespace', 'io.kubernetes.pod.namespace'],
  pod: ['io.kubernetes.cri.sandbox-name', 'io.kubernetes.pod.name'],
  container: ['io.kubernetes.cri.container-name', 'io.kubernetes.container.name'],
  sandbox: [
    'io.kubernetes.cri.sandbox-id',
    'io.kubernetes.cri-o.SandboxID',
    'io.kubernetes.sandbox.id',
  ],
  podUid: ['io.kubernetes.cri.sandbox-uid', 'io.kubernetes.pod.uid'],
};

/** Where runtimes say that a container is the sandbox of a pod, and the word for it. */
const sandboxMarks: readonly (readonly [key: string, word: string])[] = [
  ['io.kubernetes.cri.container-type', 'sandbox'],
  ['io.kubernetes.cri-o.ContainerType', 'sandbox'],
  ['io.kubernetes.docker.type', 'podsandbox'],
];

export function isSandbox(annotations: ReadonlyMap<string, string>): boolean {
  return sandboxMarks.some(([key, word]) => annotations.get(key) === word);
}

/** An empty annotation says nothing. */
export function workloadOf(annotations: ReadonlyMap<string, string>): Workload {
  const found = Object.entries(workloadKeys).flatMap(([field, keys]) => {
    const value = keys
      .map((key) => annotations.get(key))
      .find((text) => text !== undefined && text !== '');
    return value === undefined ? [] : [[field, value] as const];
  });
  return Object.fromEntries(found);
}
