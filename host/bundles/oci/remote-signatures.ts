// SPDX-License-Identifier: Apache-2.0
// Signatures where cosign keeps them: beside the signed manifest, under a tag made of its digest, or
// as manifests that refer to it.
import { blobOf, mediaTypes, parseDescriptors } from './descriptor.ts';
import type { Descriptor } from './descriptor.ts';
import { hexOf } from './digest.ts';
import type { Digest } from './digest.ts';
import { memberOf } from './json.ts';
import type { Manifest, RegistryClient } from './registry-client.ts';
import type { Signature, SimpleSignature } from './signature.ts';

const simpleMediaType = 'application/vnd.dev.cosign.simplesigning.v1+json';
const sigstoreMediaType = 'application/vnd.dev.sigstore.bundle.v0.3+json';
const signatureKey = 'dev.cosignproject.cosign/signature';
/** Anybody who may write to a repository may add signatures. */
const maxSignatures = 64;
const maxReferrers = 64;
const signatureBytes = 65_536;
const manifestBytes = 65_536;

function tagOf(digest: Digest): string {
  return `sha256-${hexOf(digest)}.sig`;
}

function layersOf({ json, digest }: Manifest): readonly Descriptor[] {
  return parseDescriptors(memberOf(json, 'layers'), `manifest ${digest}: layers`);
}

/** Of a manifest, what readLayer needs; nothing else is kept while others are fetched. */
function signatureLayersOf(manifest: Manifest): readonly Descriptor[] {
  return layersOf(manifest).flatMap(({ mediaType, digest, size, annotations }) => {
    const signature = annotations?.[signatureKey];
    const isSimple = mediaType === simpleMediaType && signature !== undefined;
    if (size > signatureBytes || (!isSimple && mediaType !== sigstoreMediaType)) return [];
    return [
      {
        mediaType,
        digest,
        size,
        ...(isSimple ? { annotations: { [signatureKey]: signature } } : {}),
      },
    ];
  });
}

async function readLayer(
  client: RegistryClient,
  layer: Descriptor,
): Promise<Signature | undefined> {
  if (layer.mediaType === sigstoreMediaType) {
    return { kind: 'sigstore', bundle: await client.blob(layer) };
  }
  const signature = layer.annotations?.[signatureKey];
  if (signature === undefined) return undefined;
  return {
    kind: 'simple',
    payload: await client.blob(layer),
    signature: Buffer.from(signature, 'base64'),
  };
}

/** In the tagged manifest and in those that refer to the digest. */
async function findLayers(client: RegistryClient, digest: Digest): Promise<readonly Descriptor[]> {
  const layers: Descriptor[] = [];
  const add = async (name: string): Promise<void> => {
    const manifest = await client.findManifest(name, manifestBytes);
    if (manifest !== undefined) layers.push(...signatureLayersOf(manifest));
  };
  await add(tagOf(digest));
  for (const referrer of (await client.referrers(digest)).slice(0, maxReferrers)) {
    if (layers.length >= maxSignatures) break;
    await add(referrer);
  }
  return layers.slice(0, maxSignatures);
}

/** @throws AgentError AGENT_OCI */
export async function fetchSignatures(
  client: RegistryClient,
  digest: Digest,
): Promise<readonly Signature[]> {
  const signatures: Signature[] = [];
  for (const layer of await findLayers(client, digest)) {
    const signature = await readLayer(client, layer);
    if (signature !== undefined) signatures.push(signature);
  }
  return signatures;
}

/** cosign reads signatures as an image of which each layer is one. */
function imageConfig(layers: readonly Descriptor[]): Uint8Array {
  const created = '0001-01-01T00:00:00Z';
  return Buffer.from(
    JSON.stringify({
      architecture: '',
      created,
      history: layers.map(() => ({ created })),
      os: '',
      rootfs: { type: 'layers', diff_ids: layers.map((layer) => layer.digest) },
      config: {},
    }),
  );
}

/** Adds a signature to those that are under the tag. */
export async function pushSignature(
  client: RegistryClient,
  digest: Digest,
  { payload, signature }: SimpleSignature,
): Promise<void> {
  const tag = tagOf(digest);
  const there = await client.findManifest(tag, manifestBytes);
  const blob = blobOf(simpleMediaType, payload, {
    [signatureKey]: Buffer.from(signature).toString('base64'),
  });
  const layers = [...(there === undefined ? [] : layersOf(there)), blob.descriptor];
  const config = blobOf('application/vnd.oci.image.config.v1+json', imageConfig(layers));
  await client.pushBlob(config);
  await client.pushBlob(blob);
  const manifest = {
    schemaVersion: 2,
    mediaType: mediaTypes.manifest,
    config: config.descriptor,
    layers,
  };
  await client.pushManifest(tag, Buffer.from(JSON.stringify(manifest)));
}
