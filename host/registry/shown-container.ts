// SPDX-License-Identifier: Apache-2.0
// A container in lines of the log: its id, its names for people, and whose it is: users choose the ids
// of theirs, which may be those of root's.
import type { Workload } from '../agent-socket/workload.ts';

export interface ShownContainer {
  /** User that sent it, if that is not root. */
  readonly peerUid?: number;
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

/** User that sent its state; absent: nobody but us. */
interface OwnedContainer {
  readonly peerUid?: number | undefined;
}

export function shownContainer(
  { containerId, workload = {} }: NamedContainer,
  { peerUid = 0 }: OwnedContainer,
): ShownContainer {
  const { namespace, pod, container } = workload;
  return {
    ...(peerUid === 0 ? {} : { peerUid }),
    container: containerId,
    ...(namespace === undefined ? {} : { namespace }),
    ...(pod === undefined ? {} : { pod }),
    ...(container === undefined ? {} : { containerName: container }),
  };
}
