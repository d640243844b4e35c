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

/** Of containerd, and of CRI-O. */
const typeKeys = ['io.kubernetes.cri.container-type', 'io.kubernetes.cri-o.ContainerType'] as const;

/** Whether a container is a pod's sandbox, which nobody has given a name. */
export function isSandbox(annotations: ReadonlyMap<string, string>): boolean {
  return typeKeys.some((key) => annotations.get(key) === 'sandbox');
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
