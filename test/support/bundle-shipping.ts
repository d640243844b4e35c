// SPDX-License-Identifier: Apache-2.0
// Bundles on their way between folders, registries and stores, as tests send them.
import type { KeyObject } from 'node:crypto';
import { createPublicKey, generateKeyPairSync } from 'node:crypto';
import { readdirSync, readFileSync, statSync } from 'node:fs';
import { join } from 'node:path';

import { packArtifact } from '../../host/bundles/oci/artifact.ts';
import type { Artifact } from '../../host/bundles/oci/artifact.ts';
import { digestOf } from '../../host/bundles/oci/digest.ts';
import { parseReference } from '../../host/bundles/oci/reference.ts';
import { RegistryClient } from '../../host/bundles/oci/registry-client.ts';
import type { RegistryOptions } from '../../host/bundles/oci/registry-client.ts';
import type { Signer } from '../../host/bundles/oci/signing-key.ts';
import { BundleStore } from '../../host/bundles/oci/store.ts';
import { pullBundle, pushBundle, signBundle, withDigest } from '../../host/bundles/oci/transfer.ts';
import type { PulledBundle } from '../../host/bundles/oci/transfer.ts';
import { projectRoot } from './command.ts';

const patienceMs = 20_000;

/** A shipped bundle. */
export function shippedBundle(name: string): string {
  return join(projectRoot, 'dist/handlers-wasm', name);
}

export function openRegistry(
  reference: string,
  options: Partial<RegistryOptions> = {},
): RegistryClient {
  return new RegistryClient(parseReference(reference), {
    plainHttp: true,
    credentials: async () => Promise.resolve(undefined),
    access: 'push',
    signal: AbortSignal.timeout(patienceMs),
    ...options,
  });
}

/** Pushes a shipped bundle, signed if there is a key. */
export async function ship(
  reference: string,
  {
    bundle = shippedBundle('demo-basic'),
    key,
    ...options
  }: {
    readonly bundle?: string;
    readonly key?: KeyObject;
  } & Partial<RegistryOptions> = {},
): Promise<Artifact> {
  const artifact = packArtifact(bundle);
  const parsed = parseReference(reference);
  await using client = openRegistry(reference, options);
  await pushBundle(client, artifact, { tag: parsed.tag, progress: () => undefined });
  if (key !== undefined) {
    const keys = { privateKey: key, publicKey: createPublicKey(key) };
    await signBundle(client, withDigest(parsed, artifact.digest), keys);
  }
  return artifact;
}

export async function pullInto(
  store: string,
  reference: string,
  {
    signers,
    ...options
  }: {
    readonly signers?: readonly Signer[] | undefined;
  } & Partial<RegistryOptions> = {},
): Promise<PulledBundle> {
  await using client = openRegistry(reference, { access: 'pull', ...options });
  return await pullBundle(client, {
    reference: parseReference(reference),
    store: new BundleStore(store),
    signers,
    progress: () => undefined,
  });
}

export interface TestKey extends Signer {
  readonly privateKey: KeyObject;
}

export function testKey(name: string): TestKey {
  const { privateKey, publicKey } = generateKeyPairSync('ec', { namedCurve: 'P-256' });
  return { name, key: publicKey, privateKey };
}

/** All files below a folder with their digests. */
export function snapshotOf(folder: string): readonly string[] {
  return readdirSync(folder, { recursive: true, encoding: 'utf8' })
    .map((name) => {
      const path = join(folder, name);
      return statSync(path).isDirectory() ? name : `${name} ${digestOf(readFileSync(path))}`;
    })
    .toSorted();
}
