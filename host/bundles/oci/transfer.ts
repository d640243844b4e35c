// SPDX-License-Identifier: Apache-2.0
// Bundles on their way: pushed to a registry, signed there, and pulled into the store.
import type { KeyObject } from 'node:crypto';

import { AgentError } from '../../errors.ts';
import { bundleFile } from '../bundle-folder.ts';
import { checkOutline, planOf } from './artifact.ts';
import type { Artifact, ArtifactPlan } from './artifact.ts';
import type { Descriptor } from './descriptor.ts';
import type { Digest } from './digest.ts';
import { formatReference } from './reference.ts';
import type { DigestReference, Reference } from './reference.ts';
import type { Manifest, RegistryClient } from './registry-client.ts';
import { fetchSignatures, pushSignature } from './remote-signatures.ts';
import { isSignatureBy, signDigest, verifySignatures } from './signature.ts';
import type { Signature } from './signature.ts';
import type { Signer } from './signing-key.ts';
import { originBytes } from './store.ts';
import type { BundleStore, Origin, StoredBundle } from './store.ts';

/** One file on its way: how much of it has come. */
export type Progress = (file: string, bytes: number, size: number) => void;

/** A bundle and who has signed it, of those whom we know. */
export interface SignedDigest {
  readonly digest: Digest;
  readonly signers: readonly string[];
}

interface SignedManifest extends Manifest, SignedDigest {
  readonly plan: ArtifactPlan;
  readonly signatures: readonly Signature[];
}

const defaultTag = 'latest';

/** The requested reference: the digest if it is known. */
function nameOf({ digest, tag }: Reference): string {
  return digest ?? tag ?? defaultTag;
}

export function withDigest({ host, repository, tag }: Reference, digest: Digest): DigestReference {
  return { host, repository, ...(tag === undefined ? {} : { tag }), digest };
}

/**
 * Uploads a bundle: the manifest last, so that nobody sees it before its contents.
 * @throws AgentError AGENT_OCI
 */
export async function pushBundle(
  client: RegistryClient,
  artifact: Artifact,
  options: { readonly tag: string | undefined; readonly progress: Progress },
): Promise<void> {
  for (const blob of artifact.blobs) {
    const { annotations, digest, size } = blob.descriptor;
    const file = Object.values(annotations ?? {})[0] ?? digest;
    options.progress(file, 0, size);
    await client.pushBlob(blob);
    options.progress(file, size, size);
  }
  await client.pushManifest(options.tag ?? artifact.digest, artifact.manifest);
}

/** The present digest of a tag. */
export async function resolveReference(
  client: RegistryClient,
  reference: Reference,
): Promise<DigestReference> {
  return withDigest(reference, (await client.manifest(nameOf(reference))).digest);
}

/**
 * @returns whether there was no such signature yet
 * @throws AgentError AGENT_OCI, AGENT_BUNDLE_INVALID
 */
export async function signBundle(
  client: RegistryClient,
  reference: DigestReference,
  keys: { readonly privateKey: KeyObject; readonly publicKey: KeyObject },
): Promise<boolean> {
  const { digest } = reference;
  const place = formatReference(reference);
  planOf((await client.manifest(digest)).json, place);
  const there = await fetchSignatures(client, digest);
  if (there.some((signature) => isSignatureBy(signature, digest, keys.publicKey))) return false;
  await pushSignature(client, digest, signDigest(reference, digest, keys.privateKey));
  return true;
}

export interface Trust {
  /** Undefined: signatures are kept and not looked at. */
  readonly signers: readonly Signer[] | undefined;
}

/**
 * The manifest that a reference names, once it is known who has signed it.
 * @throws AgentError AGENT_OCI, AGENT_BUNDLE_INVALID, AGENT_SIGNATURE
 */
export async function fetchManifest(
  client: RegistryClient,
  reference: Reference,
  { signers }: Trust,
): Promise<SignedManifest> {
  const manifest = await client.manifest(nameOf(reference));
  const { digest } = manifest;
  const place = formatReference(withDigest(reference, digest));
  const plan = planOf(manifest.json, place);
  const signatures = await fetchSignatures(client, digest);
  const found =
    signers === undefined ? [] : verifySignatures({ digest, signatures, place }, signers);
  return { ...manifest, plan, signatures, signers: found };
}

export interface Pull extends Trust {
  readonly reference: Reference;
  readonly store: BundleStore;
  readonly progress: Progress;
}

export interface PulledBundle {
  readonly bundle: StoredBundle;
  readonly signers: readonly string[];
}

/**
 * Brings a bundle into the store. The store stays as it was unless all of the bundle is there and is
 * what it should be.
 * @throws AgentError AGENT_OCI, AGENT_BUNDLE_INVALID, AGENT_SIGNATURE, AGENT_STORE
 */
export async function pullBundle(client: RegistryClient, pull: Pull): Promise<PulledBundle> {
  const { reference, store } = pull;
  const manifest = await fetchManifest(client, reference, pull);
  const { digest, signatures, signers } = manifest;
  const known = readKnown(store, digest);
  const { host, repository, tag } = reference;
  const name = formatReference(
    tag === undefined ? { host, repository, digest } : { host, repository, tag },
  );
  const references = [...new Set([...(known?.references ?? []), name])].toSorted();
  const origin: Origin = { references, signatures };
  if (known === undefined) await download(client, pull, manifest, origin);
  else await store.updateOrigin(digest, origin);
  return { bundle: store.read(digest), signers };
}

/** Undefined: it has to be downloaded, for the first time or because it was changed. */
function readKnown(store: BundleStore, digest: Digest): StoredBundle | undefined {
  if (!store.has(digest)) return undefined;
  try {
    return store.read(digest);
  } catch (thrown) {
    if (thrown instanceof AgentError) return undefined;
    throw thrown;
  }
}

async function download(
  client: RegistryClient,
  { reference, store, progress }: Pull,
  { digest, bytes, plan }: SignedManifest,
  origin: Origin,
): Promise<void> {
  const fetchFile = async (file: string, descriptor: Descriptor): Promise<Buffer> =>
    client.blob(descriptor, (received) => progress(file, received, descriptor.size));
  const place = formatReference(withDigest(reference, digest));
  const bundle = await fetchFile(bundleFile, plan.bundle);
  // before anything large is asked for
  checkOutline(bundle, plan, place);
  const sizes = [plan.bundle, ...plan.components.values()].map(({ size }) => size);
  const itsBytes = sizes.reduce((sum, size) => sum + size, bytes.length + originBytes(origin));
  using incoming = await store.begin(digest, itsBytes);
  await incoming.add(bundleFile, bundle);
  for (const [file, descriptor] of plan.components) {
    await incoming.add(file, await fetchFile(file, descriptor));
  }
  await incoming.keep(bytes, origin);
}
