// SPDX-License-Identifier: Apache-2.0
// A container in lines of the log: its id, and its names for people.
import type { Workload } from '../agent-socket/workload.ts';

export interface ShownContainer {
  readonly container: string;
  readonly namespace?: string;
  readonly pod?: string;
  readonly containerName?: string;
}

interface NamedContainer {
  readonly containerId: string;
  /** Absent: it is nothing to Kubernetes. */
  readonly workload?: Workload;
}

export function shownContainer({ containerId, workload = {} }: NamedContainer): ShownContainer {
  const { namespace, pod, container } = workload;
  return {
    container: containerId,
    ...(namespace === undefined ? {} : { namespace }),
    ...(pod === undefined ? {} : { pod }),
    ...(container === undefined ? {} : { containerName: container }),
  };
}
