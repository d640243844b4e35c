// SPDX-License-Identifier: Apache-2.0
// Containers that are answered for, and what the agent knows of each.
import { digestOf } from '../handler/direct.ts';
import type { LoadedComponent } from '../handler/direct.ts';
import { errnoNumber } from '../syscalls/errno.ts';
import type { StateHandle } from '../native.ts';
import type { ContainerPlace } from '../counting/container-places.ts';
import type { Syscall, Syscalls } from '../syscalls/syscalls.ts';
import { encodeRegistry } from '../worker/thread-messages.ts';
import type { EncodedRegistry, SharedRegistry } from '../worker/thread-messages.ts';
import type { Observation } from '../observation/observation.ts';
import type { Bundle } from '../bundles/bundle.ts';
import type { ListenerTerms } from '../native.ts';
import { failureErrno as errnoOf } from '../registry/policy.ts';
import { pointerWish } from '../registry/registry.ts';
import type { RegistryHandler } from '../registry/registry.ts';
import type { BundleName, ContainerIdentity, Resolution, Shadow } from '../resolvers/resolver.ts';
import { heldPathBytes } from './held-path-bytes.ts';

/** A container that is answered for. Of its handlers' states in the quarantine there may be more. */
export interface Attached extends SharedRegistry {
  /** By what its container is known. */
  readonly own: ContainerPlace;
  /** What it is resolved by, and may be again. */
  readonly identity: ContainerIdentity;
  readonly since: Date;
  readonly bundles: readonly BundleName[];
  readonly sources: readonly Bundle[];
  readonly components: readonly LoadedComponent[];
  /** Who is asked the same, without effect. */
  readonly shadow: Shadow | undefined;
  /** Why all of its calls fail; undefined: they do not. */
  readonly refusal: string | undefined;
  /** It has not all that it should have, which may come right by itself. */
  readonly isPassing: boolean;
  /** What handlers remember, or remembered before they changed. */
  readonly heldStates: readonly StateHandle[];
}

export interface Resolved extends Resolution {
  /** Why there are no handlers. */
  readonly refusal?: string;
  /** It is not what it should be, which may come right by itself; absent: it is. */
  readonly isPassing?: boolean;
}

/** Also of its shadow. */
export function isPassingIn({ isPassing = false, shadow }: Resolved): boolean {
  return isPassing || (shadow?.kind === 'refused' && shadow.isPassing);
}

/** Users could crowd others' out of what is shown or kept of some. */
export function rootsFirst(all: readonly Attached[]): readonly Attached[] {
  const isRoots = ({ identity }: Attached): boolean => (identity.peerUid ?? 0) === 0;
  return [...all.filter(isRoots), ...all.filter((each) => !isRoots(each))];
}

/** What the addon needs to know of a container. */
export interface Adoption {
  readonly encoded: EncodedRegistry;
  readonly chain: Uint8Array;
  readonly reads: Uint8Array;
  readonly failureErrno: number;
  readonly heldPaths: Uint8Array;
}

export function termsOf({ encoded, chain, reads, failureErrno }: Adoption): ListenerTerms {
  const { own: registry, handlers, annotations } = encoded;
  return { registry, handlers, annotations, chain, reads, failureErrno };
}

/** The calls that its shadow is asked about have what it wants to know, too. */
function shadowPointerWish({ shadow, tapeSlot }: Attached): (syscall: Syscall) => boolean {
  if (shadow?.kind !== 'resolved' || tapeSlot === undefined) return () => false;
  return pointerWish(shadow.registry);
}

function chainBytes(
  handlers: readonly RegistryHandler[],
  quarantine: readonly number[],
): Uint8Array {
  const indexes = Int32Array.from(handlers, (_, place) => quarantine[place] ?? -1);
  const digests = handlers.map(({ component }) => Buffer.from(digestOf(component), 'hex'));
  return Buffer.concat([new Uint8Array(indexes.buffer), ...digests]);
}

/** What is wanted of the calls of a container besides what its handlers want. */
export interface AdoptionParts {
  readonly syscalls: Syscalls;
  /** What is recorded has its arguments, whether its handlers want them or not: others may. */
  readonly isRecorded: boolean;
  readonly observation: Observation;
}

export function adoptionOf(
  attached: Attached,
  { syscalls, isRecorded, observation }: AdoptionParts,
): Adoption {
  const { identity, registry, base, place, quarantine, states, writeRefusal, tapeSlot } = attached;
  const errno = errnoOf(registry.failure);
  const wants = pointerWish(registry);
  const shadowWants = shadowPointerWish(attached);
  return {
    encoded: encodeRegistry({
      registry,
      base,
      place,
      user: identity.peerUid,
      quarantine,
      states,
      writeRefusal,
      tapeSlot,
      watch: observation.watch(identity, registry),
    }),
    chain: chainBytes(registry.handlers, quarantine),
    reads: syscalls.readSet(
      (syscall) =>
        wants(syscall) ||
        shadowWants(syscall) ||
        (isRecorded && syscall.arguments.length > 0) ||
        observation.wantsPointers(syscall),
    ),
    failureErrno: errno === undefined ? 0 : errnoNumber(errno),
    heldPaths: heldPathBytes(registry),
  };
}
