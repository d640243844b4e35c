// SPDX-License-Identifier: Apache-2.0
// By what containers are told apart: users may give theirs the ids of others' containers.

/** Of a user's container: the user's id, and the container's. */
export type ContainerKey = `${number}/${string}`;

/** Parts of a container's identity that the key takes. */
export interface KeyedContainer {
  readonly state: { readonly containerId: string };
  /** User that sent its state; absent: nobody but us. */
  readonly peerUid?: number;
}

export function keyOf({ state, peerUid = 0 }: KeyedContainer): ContainerKey {
  return `${peerUid}/${state.containerId}`;
}

/** User whose container has the key; 0: root's, or nobody but us. */
export function userOf(key: ContainerKey): number {
  return Number.parseInt(key, 10);
}
