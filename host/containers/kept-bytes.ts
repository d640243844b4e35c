// SPDX-License-Identifier: Apache-2.0
// Estimated memory of the agent for a container: most of it is up to the one who starts containers.
import type { ContainerProcessState } from '../agent-socket/container-process-state.ts';
import type { EncodedRegistry, SharedRegistry } from '../worker/thread-messages.ts';
import type { Registry } from '../registry/registry.ts';
import type { Shadow } from '../resolvers/resolver.ts';

/** Bytes of an entry besides its texts: an annotation as it was sent, and anything in a registry. */
const annotationBytes = 64;
const entryBytes = 128;
/** Bytes of a listener without any texts. */
const listenerBytes = 2048;

function bytesOf(texts: readonly string[]): number {
  return texts.reduce((sum, text) => sum + Buffer.byteLength(text), 0);
}

/** Of what a runtime has sent. */
export function stateBytes(state: ContainerProcessState): number {
  const { annotations, containerId, metadata, ociBundle, status } = state;
  const texts = [containerId, metadata, ociBundle, status, ...[...annotations].flat()];
  return listenerBytes + bytesOf(texts) + annotations.size * annotationBytes;
}

/** Bytes of a handler without settings: in the main thread, and in a worker. */
const handlerBytes = { main: 64, worker: 256 } as const;

/** Of one listener. */
export interface KeptBytes {
  readonly own: number;
  /** Parts that others may share: they are in memory once. */
  readonly common: readonly (readonly [digest: string, bytes: number])[];
}

export interface KeptRegistry extends Pick<SharedRegistry, 'registry' | 'base'> {
  readonly shadow: Shadow | undefined;
}

function settingEntries({ handlers }: Pick<Registry, 'handlers'>): number {
  return handlers.reduce((sum, { settings }) => sum + settings.length, 0);
}

function settingBytes({ handlers }: Registry): number {
  return handlers.reduce((sum, { settings }) => sum + bytesOf(settings.flat()), 0);
}

/**
 * Of what was made of that, as if each worker had it: entries in the main thread, the registry in the
 * addon, and in each worker.
 */
export function registryBytes(
  { registry, base, shadow }: KeptRegistry,
  { own, handlers, annotations, digests }: EncodedRegistry,
  workers: number,
): KeptBytes {
  const everywhere = (encoded: Uint8Array, entries: number): number =>
    encoded.length + workers * encoded.length + (1 + workers) * entries * entryBytes;
  const ofShadow =
    shadow?.kind === 'resolved'
      ? 2 * (settingBytes(shadow.registry) + settingEntries(shadow.registry) * entryBytes)
      : 0;
  const { heldPaths = [] } = registry;
  const ofHandlers = handlerBytes.main + workers * handlerBytes.worker;
  return {
    own: everywhere(own, heldPaths.length) + registry.handlers.length * ofHandlers + ofShadow,
    common: [
      [
        digests.handlers,
        // also in the main thread
        handlers.length +
          everywhere(handlers, settingEntries({ handlers: base ?? registry.handlers })),
      ],
      [digests.annotations, everywhere(annotations, registry.annotations?.length ?? 0)],
    ],
  };
}
