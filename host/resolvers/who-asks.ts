// SPDX-License-Identifier: Apache-2.0
// To whom what a container takes is counted.
import { keyOf } from '../agent-socket/container-key.ts';
import type { ContainerIdentity } from './resolver.ts';
import { believedWorkload } from '../agent-socket/workload.ts';
import { userAsks } from '../scheduling/asker.ts';

/** By whom turns are taken: the container first, and then all of whom it is one. */
export function whoAsks(identity: ContainerIdentity): readonly string[] {
  const { peerUid = 0, workload = believedWorkload(identity) } = identity;
  const container = `container ${keyOf(identity)}`;
  if (peerUid !== 0) return [container, ...userAsks(peerUid)];
  const { namespace } = workload;
  return namespace === undefined ? [container] : [container, `namespace ${namespace}`];
}

/** A user, a namespace, or a container that is in none. */
export function ownerOf(identity: ContainerIdentity): string {
  return whoAsks(identity).at(-1) ?? '';
}

/**
 * Owner of turns and workers: a user, a namespace, or else all containers with the same handlers.
 * Those of an id alone may be any number, also one after the other.
 * @param digests of the components of its handlers
 */
export function senderOf(identity: ContainerIdentity, digests: readonly string[]): string {
  const [, owner] = whoAsks(identity);
  return owner ?? `handlers ${[...new Set(digests)].toSorted().join(' ')}`;
}
