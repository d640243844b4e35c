// SPDX-License-Identifier: Apache-2.0
// Descriptors of OCI: what a manifest says of a piece of content.
import { AgentError } from '../../errors.ts';
import { digestOf, isDigest } from './digest.ts';
import type { Digest } from './digest.ts';
import { elementsOf, isObject, memberOf } from './json.ts';

export interface Descriptor {
  readonly mediaType: string;
  readonly digest: Digest;
  readonly size: number;
  readonly annotations?: Readonly<Record<string, string>>;
}

/** Content and its descriptor. */
export interface Blob {
  readonly descriptor: Descriptor;
  readonly bytes: Uint8Array;
}

export const mediaTypes = {
  manifest: 'application/vnd.oci.image.manifest.v1+json',
  index: 'application/vnd.oci.image.index.v1+json',
  empty: 'application/vnd.oci.empty.v1+json',
} as const;

/** The key under which tools such as oras keep a file's name. */
export const titleKey = 'org.opencontainers.image.title';

export function blobOf(
  mediaType: string,
  bytes: Uint8Array,
  annotations?: Readonly<Record<string, string>>,
): Blob {
  const descriptor = { mediaType, digest: digestOf(bytes), size: bytes.length };
  return {
    descriptor: annotations === undefined ? descriptor : { ...descriptor, annotations },
    bytes,
  };
}

/** @throws AgentError AGENT_OCI */
function parseDescriptor(json: unknown, place: string): Descriptor {
  const mediaType = memberOf(json, 'mediaType');
  const digest = memberOf(json, 'digest');
  const size = memberOf(json, 'size');
  if (typeof mediaType !== 'string' || !isDigest(digest) || !isSize(size)) {
    throw new AgentError('AGENT_OCI', `${place} is no descriptor with a type, a sha256 and a size`);
  }
  const annotations = annotationsOf(json);
  return { mediaType, digest, size, ...(annotations === undefined ? {} : { annotations }) };
}

function isSize(size: unknown): size is number {
  return typeof size === 'number' && Number.isSafeInteger(size) && size >= 0;
}

function annotationsOf(json: unknown): Record<string, string> | undefined {
  const annotations = memberOf(json, 'annotations');
  if (!isObject(annotations)) return undefined;
  return Object.fromEntries(
    Object.entries(annotations).filter(
      (entry): entry is [string, string] => typeof entry[1] === 'string',
    ),
  );
}

/** @throws AgentError AGENT_OCI */
export function parseDescriptors(list: unknown, place: string): readonly Descriptor[] {
  return elementsOf(list).map((json, index) => parseDescriptor(json, `${place}[${index}]`));
}
