// SPDX-License-Identifier: Apache-2.0
// How much memory the agent takes for a container, about: whoever starts containers says most of it.
import type { ContainerProcessState } from '../container-process-state.ts';
import type { EncodedRegistry } from '../notification/thread-messages.ts';
import type { Registry } from '../registry/registry.ts';
import type { Attached } from './attached.ts';

/** What an entry takes besides its texts: an annotation as it was sent, and anything in a registry. */
const annotationBytes = 64;
const entryBytes = 128;
/** What a listener takes however little is said of it. */
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

function entriesOf({ annotations = [], handlers, heldPaths = [] }: Registry): number {
  const settings = handlers.reduce((sum, handler) => sum + handler.settings.length, 0);
  return annotations.length + settings + heldPaths.length;
}

function settingBytes({ handlers }: Registry): number {
  return handlers.reduce((sum, { settings }) => sum + bytesOf(settings.flat()), 0);
}

/** A registry in one thread. */
function decodedBytes(encodedBytes: number, registry: Registry): number {
  return encodedBytes + entriesOf(registry) * entryBytes;
}

/**
 * Of what was made of that, as if no other container had the same: entries in the main thread, the
 * registry in the addon, and in each worker.
 */
export function registryBytes(
  { registry, shadow }: Pick<Attached, 'registry' | 'shadow'>,
  { own, handlers, annotations }: EncodedRegistry,
  workers: number,
): number {
  const encoded = own.length + handlers.length + annotations.length;
  const entries = entriesOf(registry) * entryBytes;
  const ofShadow =
    shadow?.kind === 'resolved'
      ? 2 * decodedBytes(settingBytes(shadow.registry), shadow.registry)
      : 0;
  return entries + encoded + workers * decodedBytes(encoded, registry) + ofShadow;
}
