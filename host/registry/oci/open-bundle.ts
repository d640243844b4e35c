// SPDX-License-Identifier: Apache-2.0
// Bundles that a container names as `oci://host/repository@sha256:…`: only of registries that the
// operator allows, only with a signature that the operator asks for.
import { readFileSync } from 'node:fs';

import { AgentError, messageOf } from '../../errors.ts';
import { findCredentials } from './credentials.ts';
import { formatReference, parseDigestReference } from './reference.ts';
import type { DigestReference } from './reference.ts';
import { RegistryClient } from './registry-client.ts';
import { verifySignatures } from './signature.ts';
import { readPublicKey } from './signing-key.ts';
import type { Signer } from './signing-key.ts';
import { BundleStore } from './store.ts';
import type { StoredBundle } from './store.ts';
import { pullBundle } from './transfer.ts';

/** A registry that the operator allows. */
export interface AllowedRegistry {
  /** With the port, if references have one. */
  readonly host: string;
  readonly plainHttp: boolean;
  /** A file of certificates in PEM. */
  readonly ca?: string;
  /** Names; at least one of them must have signed. */
  readonly signers: readonly string[];
}

export interface KnownSigner {
  readonly name: string;
  /** A file with the public key in PEM. */
  readonly key: string;
}

/** What the operator says about registries. */
export interface RegistryPolicy {
  readonly registries: readonly AllowedRegistry[];
  readonly signers: readonly KnownSigner[];
  /** The folder of the store. */
  readonly store?: string;
  /** How long a pull may take. */
  readonly pullMs?: number;
}

export interface OpenedBundle extends StoredBundle {
  /** Who has signed it, of those who may for its registry. */
  readonly signers: readonly string[];
  /** Why it was pulled although it should have been there. */
  readonly repaired?: string;
}

const defaultPullMs = 60_000;

/** @throws AgentError AGENT_OCI */
function allowedRegistry(host: string, policy: RegistryPolicy): AllowedRegistry {
  const found = policy.registries.find((registry) => registry.host === host);
  if (found !== undefined) return found;
  const names = policy.registries.map((registry) => registry.host).join(', ') || 'none';
  throw new AgentError('AGENT_OCI', `registry ${host} is not allowed; allowed are: ${names}`);
}

/** @throws AgentError AGENT_KEY */
function signersOf(names: readonly string[], known: RegistryPolicy['signers']): readonly Signer[] {
  return names.map((name) => {
    const signer = known.find((candidate) => candidate.name === name);
    if (signer === undefined) throw new AgentError('AGENT_KEY', `there is no signer "${name}"`);
    return { name, key: readPublicKey(signer.key) };
  });
}

/** @throws AgentError AGENT_OCI */
export function readCertificates(file: string): string {
  try {
    return readFileSync(file, 'utf8');
  } catch (cause) {
    throw new AgentError('AGENT_OCI', `${file}: cannot be read`, { cause });
  }
}

function openStored(
  store: BundleStore,
  reference: DigestReference,
  signers: readonly Signer[],
): OpenedBundle {
  const bundle = store.read(reference.digest);
  const { digest, signatures } = bundle;
  const place = formatReference(reference);
  return { ...bundle, signers: verifySignatures({ digest, signatures, place }, signers) };
}

/**
 * A bundle out of the store, or else out of its registry. Its contents are compared with the digest
 * and its signatures with the keys of now, wherever it comes from.
 * @throws AgentError AGENT_REFERENCE, AGENT_OCI, AGENT_KEY, AGENT_SIGNATURE, AGENT_BUNDLE_INVALID,
 *   AGENT_STORE
 * @example await openBundle('oci://registry.example.com/acme/mkdir@sha256:…', policy)
 */
export async function openBundle(text: string, policy: RegistryPolicy): Promise<OpenedBundle> {
  const reference = parseDigestReference(text);
  const registry = allowedRegistry(reference.host, policy);
  const signers = signersOf(registry.signers, policy.signers);
  const store = new BundleStore(policy.store);
  if (!store.has(reference.digest)) return pull(reference, registry, { signers, store, policy });
  try {
    return openStored(store, reference, signers);
  } catch (cause) {
    // it was changed, or signed since
    return repair(cause, async () => pull(reference, registry, { signers, store, policy }));
  }
}

async function repair(reason: unknown, again: () => Promise<OpenedBundle>): Promise<OpenedBundle> {
  try {
    return { ...(await again()), repaired: messageOf(reason) };
  } catch (cause) {
    throw new AgentError('AGENT_STORE', `${messageOf(reason)}, and it cannot be pulled anew`, {
      cause,
    });
  }
}

async function pull(
  reference: DigestReference,
  registry: AllowedRegistry,
  {
    signers,
    store,
    policy,
  }: {
    readonly signers: readonly Signer[];
    readonly store: BundleStore;
    readonly policy: RegistryPolicy;
  },
): Promise<OpenedBundle> {
  await using client = new RegistryClient(reference, {
    plainHttp: registry.plainHttp,
    ...(registry.ca === undefined ? {} : { ca: readCertificates(registry.ca) }),
    credentials: () => findCredentials(reference.host),
    access: 'pull',
    signal: AbortSignal.timeout(policy.pullMs ?? defaultPullMs),
  });
  const pulled = await pullBundle(client, { reference, store, signers, progress: () => undefined });
  return { ...pulled.bundle, signers: pulled.signers };
}
