// SPDX-License-Identifier: Apache-2.0
// Messages between the main thread and the workers: all are made by this process.
import { createHash } from 'node:crypto';
import { deserialize, serialize } from 'node:v8';
import { parentPort, receiveMessageOnPort, workerData } from 'node:worker_threads';
import type { MessagePort } from 'node:worker_threads';

import { AgentError } from '../errors.ts';
import type { WriteRefusal } from '../agent-socket/filter-flags.ts';
import type { LoadedComponent } from '../handler/direct.ts';
import type { LogOptions } from '../log/log.ts';
import type { DecisionBuffers } from '../observation/decision-writer.ts';
import type { Watch } from '../observation/ring-share.ts';
import type { ReceiverHandle, StateHandle } from '../native.ts';
import type { FailureReason } from '../counting/counters.ts';
import type { UnreadBuffers } from '../recording/tape-room.ts';
import type { Registry, RegistryHandler } from '../registry/registry.ts';
import type { ShownContainer } from '../registry/shown-container.ts';
import type { ContainerNote } from '../registry/container-note.ts';
import type { SlotName } from '../counting/counters.ts';
import type { MemoryRoom } from './instance-memory.ts';
import type { InstanceRoom } from './kept-containers.ts';
import { ownSettings, withOwnSettings } from './own-settings.ts';
import type { OwnSetting } from './own-settings.ts';
import type { QuarantineBuffers } from './quarantine.ts';
import type { TapedCall } from '../recording/recorded-call.ts';

/** Input of a worker thread. */
export interface WorkerInput {
  readonly receiver: ReceiverHandle;
  readonly log: LogOptions;
  /** Names the worker in receiver events. */
  readonly id: number;
  readonly instanceRoom: InstanceRoom;
  readonly memoryRoom: MemoryRoom;
  readonly counters: SharedArrayBuffer;
  /** See sent-components.ts. */
  readonly takenMessages: SharedArrayBuffer;
  readonly quarantine: QuarantineBuffers;
  /** See log-room.ts. */
  readonly logRoom: SharedArrayBuffer;
  readonly tape: TapeBuffers;
  readonly decisions: DecisionBuffers;
}

/** Buffers that a recording worker shares with the main thread; see tape-room.ts. */
export interface TapeBuffers {
  readonly losses: SharedArrayBuffer;
  readonly unread: UnreadBuffers;
}

/** A handler, or the agent on its behalf, failed at a call. */
export interface CallFailure {
  /** Of the listener. */
  readonly token: number;
  /** Undefined: no handler was asked yet. */
  readonly handler: string | undefined;
  readonly reason: FailureReason;
  /** Of a handler that refuses its settings: why. */
  readonly refusal?: string;
}

/** Of a container. */
export interface ListenerNote extends ContainerNote {
  /** Of the listener. */
  readonly token: number;
}

/** Lines of a container's handlers are dropped. */
export interface LinesDropped {
  /** In the log room. */
  readonly place: number;
  readonly container: ShownContainer;
  /** Of the container; 0: root. */
  readonly user: number;
}

/** Messages of a worker thread. */
export type WorkerMessage =
  | { readonly kind: 'ready' }
  | ({ readonly kind: 'slot' } & SlotName)
  | { readonly kind: 'slots given back'; readonly slots: readonly number[] }
  | ({ readonly kind: 'failed' } & CallFailure)
  | ({ readonly kind: 'note' } & ListenerNote)
  | ({ readonly kind: 'lines dropped' } & LinesDropped)
  | ({ readonly kind: 'taped' } & TapedCall);

/** A registry as workers get it. */
export interface SharedRegistry {
  readonly registry: Registry;
  /** Its handlers as others have them, but for texts of settings; absent: as the registry has them. */
  readonly base?: readonly RegistryHandler[] | undefined;
  /** Of the container: all of its listeners have the same one, see container-places.ts. */
  readonly place: number;
  /** User of the runtime that sent its state; absent: root. */
  readonly user?: number | undefined;
  /** The index of each handler's state in the quarantine, in chain order. */
  readonly quarantine: readonly number[];
  /** State of each handler for the container, in chain order. */
  readonly states: readonly StateHandle[];
  /** Why they write into no caller's memory; undefined: they may. */
  readonly writeRefusal?: WriteRefusal;
  /** Its calls are written down: where what is lost is counted. Undefined: they are not. */
  readonly tapeSlot?: number | undefined;
  /** Somebody wants to know what is decided; undefined: nobody does. */
  readonly watch?: Watch | undefined;
}

/** In a worker thread: its input and its way to the main thread. */
export function workerInput(): { readonly input: WorkerInput; readonly port: MessagePort } {
  if (parentPort === null) throw new AgentError('AGENT_USAGE', 'this runs in a worker thread only');
  return { input: workerData as WorkerInput, port: parentPort };
}

/** Messages to a worker: a component that it may need, or the id of one that it will not need. */
export type ComponentMessage = LoadedComponent | { readonly forget: string };

/** The next one that the main thread has sent, without waiting for any. */
export function receiveComponent(port: MessagePort): ComponentMessage | undefined {
  return receiveMessageOnPort(port)?.message as ComponentMessage | undefined;
}

/** Parts that the registries of many listeners share: they are in memory once. */
type CommonPart = 'handlers' | 'annotations';

/** Of the encoded parts: equal ones have the same. */
export type CommonDigests = Readonly<Record<CommonPart, string>>;

/** A registry travels with its listener, through the addon. */
export interface EncodedRegistry extends Readonly<Record<'own' | CommonPart, Uint8Array>> {
  readonly digests: CommonDigests;
}

/** A registry as a worker has it. */
export interface DecodedRegistry extends SharedRegistry {
  readonly digests: CommonDigests;
}

/** Parts of a registry that others may take. */
export type CommonParts = Pick<Registry, CommonPart>;

interface OwnPart extends Omit<DecodedRegistry, 'registry' | 'base'> {
  readonly registry: Omit<Registry, CommonPart>;
  readonly settings: readonly OwnSetting[];
}

export function encodeRegistry({
  registry,
  base = registry.handlers,
  ...shared
}: SharedRegistry): EncodedRegistry {
  const { handlers, annotations, ...rest } = registry;
  const settings = ownSettings(handlers, base);
  const ofHandlers = encodedHandlers(settings === undefined ? handlers : base);
  const ofAnnotations = serialize(annotations);
  const digests = { handlers: ofHandlers.digest, annotations: digestOf(ofAnnotations) };
  const own: OwnPart = { ...shared, registry: rest, settings: settings ?? [], digests };
  return {
    handlers: ofHandlers.bytes,
    annotations: ofAnnotations,
    own: serialize(own),
    digests,
  };
}

interface Encoded {
  readonly bytes: Uint8Array;
  readonly digest: string;
}

/** Of those that a listener still has: they are many, and others of its container have them, too. */
const encodedOnce: WeakMap<readonly RegistryHandler[], Encoded> = new WeakMap();

function encodedHandlers(handlers: readonly RegistryHandler[]): Encoded {
  const before = encodedOnce.get(handlers);
  if (before !== undefined) return before;
  const bytes = serialize(handlers);
  const encoded = { bytes, digest: digestOf(bytes) };
  encodedOnce.set(handlers, encoded);
  return encoded;
}

function digestOf(bytes: Uint8Array): string {
  return createHash('sha256').update(bytes).digest('base64');
}

/**
 * @param read gets a part
 * @param known what has such a part already; undefined: there is none
 */
export function decodeRegistry(
  read: (part: CommonPart | 'own') => Uint8Array,
  known: (part: CommonPart, digest: string) => CommonParts | undefined,
): DecodedRegistry {
  const { registry, settings, ...shared } = deserialize(read('own')) as OwnPart;
  const common = <Part extends CommonPart>(part: Part): CommonParts[Part] => {
    const other = known(part, shared.digests[part]);
    return other === undefined ? (deserialize(read(part)) as CommonParts[Part]) : other[part];
  };
  const annotations = common('annotations');
  const base = common('handlers');
  return {
    ...shared,
    base,
    registry: {
      ...registry,
      handlers: withOwnSettings(base, settings),
      ...(annotations === undefined ? {} : { annotations }),
    },
  };
}
