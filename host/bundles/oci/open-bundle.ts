// SPDX-License-Identifier: Apache-2.0
// Bundles that are named as `oci://host/repository@sha256:…`: only of registries that the operator
// allows, only with a signature that the operator asks for.
import type { KeyObject } from 'node:crypto';

import { AgentError, messageOf } from '../../errors.ts';
import { readRegularFile } from '../../files/regular-file.ts';
import { findCredentials } from './credentials.ts';
import { formatReference, parseDigestReference } from './reference.ts';
import type { DigestReference } from './reference.ts';
import { RegistryClient } from './registry-client.ts';
import { verifySignatures } from './signature.ts';
import { readPublicKey } from './signing-key.ts';
import type { Signer } from './signing-key.ts';
import { BundleStore } from './store.ts';
import type { StoredBundle } from './store.ts';
import { defaultStoreBytes, operatorPays } from './store-room.ts';
import type { Payer } from './store-room.ts';
import { pullBundle } from './transfer.ts';

/** A registry that the operator allows. */
export interface AllowedRegistry {
  /** With the port, if references have one. */
  readonly host: string;
  readonly isPlainHttp: boolean;
  /** Certificates in PEM. */
  readonly caFile?: string;
  /** At least one of them must have signed. */
  readonly signers: readonly {
    readonly name: string;
    /** The public key in PEM. */
    readonly keyFile: string;
  }[];
}

/** Policy of the operator for bundles of registries. */
export interface RegistryPolicy {
  readonly registries: readonly AllowedRegistry[];
  /** The folder of the store. */
  readonly store?: string;
  /** Of all of it; absent: as much as it has without a configuration. */
  readonly storeBytes?: number;
  /** Time limit of a pull. */
  readonly pullMs?: number;
  /** Those that were read, by their files; absent: they are read each time. */
  readonly keys?: Map<string, KeyObject>;
  /** Ends all pulls. */
  readonly signal?: AbortSignal;
}

export interface OpenedBundle extends StoredBundle {
  /** Its signers, of those who may sign for its registry. */
  readonly signers: readonly string[];
  /** Why it was pulled although it was there. */
  readonly repaired?: string;
}

/** A reference, resolved under a policy. */
interface Opening {
  readonly reference: DigestReference;
  readonly registry: AllowedRegistry;
  readonly signers: readonly Signer[];
  readonly store: BundleStore;
  readonly policy: RegistryPolicy;
}

const defaultPullMs = 60_000;

function allowedRegistry(host: string, { registries }: RegistryPolicy): AllowedRegistry {
  const found = registries.find((registry) => registry.host === host);
  if (found !== undefined) return found;
  const names = registries.map((registry) => registry.host).join(', ') || 'none';
  throw new AgentError(
    'AGENT_GRANT_MISSING',
    `registry ${host} is not allowed. Allowed registries: ${names}`,
  );
}

/** Whether its registry is allowed. @throws AgentError AGENT_REFERENCE */
export function isAllowedReference(text: string, { registries }: RegistryPolicy): boolean {
  const { host } = parseDigestReference(text);
  return registries.some((registry) => registry.host === host);
}

function openingOf(text: string, policy: RegistryPolicy, payer: Payer = operatorPays): Opening {
  const reference = parseDigestReference(text);
  const registry = allowedRegistry(reference.host, policy);
  const { storeBytes: maxBytes = defaultStoreBytes } = policy;
  const store = new BundleStore(policy.store, { maxBytes, payer });
  return { reference, registry, signers: signersOf(registry, policy.keys), store, policy };
}

/**
 * The keys of those who may sign what a reference names.
 * @throws AgentError AGENT_REFERENCE, AGENT_GRANT_MISSING, AGENT_KEY
 */
export function readKeys(text: string, policy: RegistryPolicy): void {
  openingOf(text, policy);
}

/** @throws AgentError AGENT_KEY */
export function signersOf(
  { signers }: AllowedRegistry,
  known: Map<string, KeyObject> = new Map(),
): readonly Signer[] {
  return signers.map(({ name, keyFile }) => {
    const key = known.get(keyFile) ?? readPublicKey(keyFile);
    known.set(keyFile, key);
    return { name, key };
  });
}

/** Those of all authorities that browsers know have a quarter MiB. */
export const maxCertificateBytes: number = 4 * 2 ** 20;

/** @throws AgentError AGENT_OCI */
export function readCertificates(file: string): string {
  try {
    return readRegularFile(file, { maxBytes: maxCertificateBytes }).toString();
  } catch (cause) {
    throw new AgentError('AGENT_OCI', `${file}: cannot be read`, { cause });
  }
}

function openStored({ reference, signers, store }: Opening): OpenedBundle {
  const bundle = store.read(reference.digest);
  const { digest, signatures } = bundle;
  const place = formatReference(reference);
  return { ...bundle, signers: verifySignatures({ digest, signatures, place }, signers) };
}

async function pull({
  reference,
  registry,
  signers,
  store,
  policy,
}: Opening): Promise<OpenedBundle> {
  const timeout = AbortSignal.timeout(policy.pullMs ?? defaultPullMs);
  await using client = new RegistryClient(reference, {
    plainHttp: registry.isPlainHttp,
    ...(registry.caFile === undefined ? {} : { ca: readCertificates(registry.caFile) }),
    credentials: async () => findCredentials(reference.host),
    access: 'pull',
    signal: policy.signal === undefined ? timeout : AbortSignal.any([timeout, policy.signal]),
  });
  const pulled = await pullBundle(client, { reference, store, signers, progress: () => undefined });
  return { ...pulled.bundle, signers: pulled.signers };
}

/**
 * A bundle out of the store. Its contents are compared with the digest, and its signatures with the
 * keys of now.
 * @throws AgentError AGENT_REFERENCE, AGENT_GRANT_MISSING, AGENT_KEY, AGENT_SIGNATURE,
 *   AGENT_BUNDLE_INVALID, AGENT_STORE
 */
export function openStoredBundle(text: string, policy: RegistryPolicy): OpenedBundle {
  return openStored(openingOf(text, policy));
}

/**
 * A bundle out of the store, or else out of its registry.
 * @param payer who has caused it
 * @throws AgentError as `openStoredBundle`, and AGENT_OCI
 * @example await openBundle('oci://registry.example.com/acme/mkdir@sha256:…', policy)
 */
export async function openBundle(
  text: string,
  policy: RegistryPolicy,
  payer?: Payer,
): Promise<OpenedBundle> {
  const opening = openingOf(text, policy, payer);
  if (!opening.store.has(opening.reference.digest)) return pull(opening);
  let reason: string;
  try {
    return openStored(opening);
  } catch (thrown) {
    // it was changed, or signed since
    reason = messageOf(thrown);
  }
  try {
    return { ...(await pull(opening)), repaired: reason };
  } catch (cause) {
    throw new AgentError('AGENT_STORE', `${reason}, and it cannot be pulled again`, { cause });
  }
}
