// SPDX-License-Identifier: Apache-2.0
// Attached containers: the registry of each, and the rest that the agent knows of it.
import { createHash } from 'node:crypto';

import { digestOf } from '../handler/direct.ts';
import type { LoadedComponent } from '../handler/direct.ts';
import { errnoNumber } from '../syscalls/errno.ts';
import type { ContainerPlace } from '../counting/container-places.ts';
import type { Syscall, Syscalls } from '../syscalls/syscalls.ts';
import { encodeRegistry } from '../worker/thread-messages.ts';
import type { EncodedRegistry, SharedRegistry } from '../worker/thread-messages.ts';
import type { Observation } from '../observation/observation.ts';
import type { Bundle } from '../bundles/bundle.ts';
import type { ListenerTerms } from '../native.ts';
import { failureErrno as errnoOf } from '../registry/policy.ts';
import { pointerWish } from '../registry/registry.ts';
import type { Registry, RegistryHandler } from '../registry/registry.ts';
import type { BundleName, ContainerIdentity, Resolution, Shadow } from '../resolvers/resolver.ts';
import { isNamed, ownerOf, senderOf } from '../resolvers/who-asks.ts';
import type { ListenerStates } from '../worker/handler-states.ts';
import type { ContainerLife } from './container-life.ts';
import type { CountedListener } from './listener-counts.ts';
import type { TapedListener } from './taped-listener.ts';
import type { UsedByListener } from './used-components.ts';

/** A container whose calls the agent answers, by one of its listeners. */
export interface Attached extends SharedRegistry {
  /** The container's place in what threads share. */
  readonly own: ContainerPlace;
  /** For resolving it, also later. */
  readonly identity: ContainerIdentity;
  readonly since: Date;
  readonly bundles: readonly BundleName[];
  readonly sources: readonly Bundle[];
  readonly components: readonly LoadedComponent[];
  /** Bundles that are asked the same, without effect. */
  readonly shadow: Shadow | undefined;
  /** Why all of its calls fail; undefined: they do not. */
  readonly refusal: string | undefined;
  /** A bundle or a shadow is missing that may still come. */
  readonly isPassing: boolean;
  readonly life: ContainerLife;
  readonly held: HeldParts;
}

/** Entries in parts of the agent that change with the handlers of a listener, until its life ends. */
export interface HeldParts {
  readonly states: ListenerStates;
  readonly used: UsedByListener;
  readonly taped: TapedListener;
  /** Undefined: of a launched command, of which there is one. */
  readonly counted: CountedListener | undefined;
}

export interface Resolved extends Resolution {
  /** Why there are no handlers. */
  readonly refusal?: string;
  /** A bundle is missing that may still come; absent: none is. */
  readonly isPassing?: boolean;
}

/** Also of its shadow. */
export function isPassingIn({ isPassing = false, shadow }: Resolved): boolean {
  return isPassing || (shadow?.kind === 'refused' && shadow.isPassing);
}

/** Whether no user has sent it. */
export function isRoots({ identity }: Pick<Attached, 'identity'>): boolean {
  return (identity.peerUid ?? 0) === 0;
}

/** Where only some are shown or kept, users could crowd others out. */
export function rootsFirst(all: readonly Attached[]): readonly Attached[] {
  return [...all.filter(isRoots), ...all.filter((each) => !isRoots(each))];
}

/** A container's registry as the addon takes it. */
export interface Adoption {
  readonly encoded: EncodedRegistry;
  readonly chain: Uint8Array;
  readonly reads: Uint8Array;
  readonly failureErrno: number;
  readonly sender: number;
}

export function termsOf({ encoded, chain, reads, failureErrno }: Adoption): ListenerTerms {
  const { own: registry, handlers, annotations } = encoded;
  return { registry, handlers, annotations, chain, reads, failureErrno };
}

/** Arguments behind pointers that its shadow wants. */
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

/** Bit of the numbers of senders that are known by their handlers alone; see sender.h. */
const byHandlers = 2 ** 31;

/** Of a few hundred senders hardly two have the same number, and those share workers. */
function senderNumber({ identity, sources, registry: { workload, handlers } }: Attached): number {
  const digests = handlers.map(({ component }) => digestOf(component));
  const pulled = sources.flatMap(({ origin }) =>
    origin.kind === 'pulled' ? [origin.signers] : [],
  );
  const signers = pulled.length === 0 ? undefined : pulled.flat();
  const known = workload === undefined ? identity : { ...identity, workload };
  const number = numberOf(senderOf(known, { digests, signers })) >>> 1;
  return isNamed(known) ? number : number + byHandlers;
}

/** Of whom looks count that hang, before there is a container: see `ownerOf`. */
export function ownerNumber(
  identity: ContainerIdentity,
  { workload }: Pick<Registry, 'workload'>,
): number {
  return numberOf(ownerOf(workload === undefined ? identity : { ...identity, workload }));
}

function numberOf(name: string): number {
  return createHash('sha256').update(name).digest().readUInt32LE();
}

/** Reasons to read arguments behind pointers, besides the wishes of handlers. */
export interface AdoptionParts {
  readonly syscalls: Syscalls;
  /** Recorded calls have all of their arguments. */
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
    sender: senderNumber(attached),
  };
}
