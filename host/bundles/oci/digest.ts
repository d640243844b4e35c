// SPDX-License-Identifier: Apache-2.0
// Digests of content, as OCI writes them. Only SHA-256: it is what registries and signers use.
import { createHash } from 'node:crypto';

export type Digest = `sha256:${string}`;

export function isDigest(text: unknown): text is Digest {
  return typeof text === 'string' && /^sha256:[0-9a-f]{64}$/u.test(text);
}

export function digestOf(bytes: Uint8Array): Digest {
  return `sha256:${createHash('sha256').update(bytes).digest('hex')}`;
}

/** The digits alone. */
export function hexOf(digest: Digest): string {
  return digest.slice('sha256:'.length);
}
