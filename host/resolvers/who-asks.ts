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

/** Whether a user or a namespace has it. */
export function isNamed(identity: ContainerIdentity): boolean {
  return whoAsks(identity).length > 1;
}

/** Handlers of a container, and who has made them. */
export interface Made {
  /** Of the components of its handlers. */
  readonly digests: readonly string[];
  /** Of its pulled bundles; absent: it has none. */
  readonly signers?: readonly string[] | undefined;
}

/**
 * Owner of turns and workers: a user, a namespace, or else all containers with the same handlers.
 * Those of an id alone may be any number, also one after the other, and so may be the bundles that
 * whoever signs them pushes: all of those with one are of their signers, whatever else they have.
 */
export function senderOf(identity: ContainerIdentity, { digests, signers }: Made): string {
  const [, owner] = whoAsks(identity);
  if (owner !== undefined) return owner;
  const [kind, makers] = signers === undefined ? ['handlers', digests] : ['signers', signers];
  return `${kind} ${[...new Set(makers)].toSorted().join(' ')}`;
}
