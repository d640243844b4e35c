// SPDX-License-Identifier: Apache-2.0
// Signatures of bundles in the forms of cosign, made and verified with keys, without asking anybody:
// the signed text ("simple signing"), and the sigstore bundle of newer versions.
import type { KeyObject } from 'node:crypto';

import { bundleFromJSON } from '@sigstore/bundle';
import type { Bundle } from '@sigstore/bundle';
import { toSignedEntity, Verifier } from '@sigstore/verify';
import type { TrustMaterial } from '@sigstore/verify';

import { AgentError, messageOf } from '../../errors.ts';
import { hexOf } from './digest.ts';
import type { Digest } from './digest.ts';
import { elementsOf, memberOf, parseJson } from './json.ts';
import { formatReference } from './reference.ts';
import type { Reference } from './reference.ts';
import { isSignedBy, signBytes } from './signing-key.ts';
import type { Signer } from './signing-key.ts';

export interface SimpleSignature {
  readonly kind: 'simple';
  readonly payload: Uint8Array;
  readonly signature: Uint8Array;
}

export interface SigstoreSignature {
  readonly kind: 'sigstore';
  /** Its JSON. */
  readonly bundle: Uint8Array;
}

export type Signature = SimpleSignature | SigstoreSignature;

const simpleType = 'cosign container image signature';
/** Other statements about a bundle, such as what a scanner has found, are no signatures of it. */
const signaturePredicate = 'https://sigstore.dev/cosign/sign/v1';
const statementType = 'application/vnd.in-toto+json';

export function signDigest(reference: Reference, digest: Digest, key: KeyObject): SimpleSignature {
  const { host, repository } = reference;
  const payload = Buffer.from(
    JSON.stringify({
      critical: {
        identity: { 'docker-reference': formatReference({ host, repository }) },
        image: { 'docker-manifest-digest': digest },
        type: simpleType,
      },
      optional: null,
    }),
  );
  return { kind: 'simple', payload, signature: signBytes(payload, key) };
}

/** The payload of a signature is read only after the signature is verified. */
function checkSimple(
  { payload, signature }: SimpleSignature,
  digest: Digest,
  key: KeyObject,
): void {
  if (!isSignedBy(payload, signature, key))
    throw new Error('it is from another key, or was changed');
  const json = parseJson(Buffer.from(payload).toString());
  const signed = memberOf(json, 'critical', 'image', 'docker-manifest-digest');
  if (memberOf(json, 'critical', 'type') !== simpleType) throw new Error('it signs something else');
  if (signed !== digest) throw new Error(`it signs ${String(signed)}`);
}

/** One key, no certificates, no log. */
function trustMaterialOf(key: KeyObject): TrustMaterial {
  return {
    certificateAuthorities: [],
    timestampAuthorities: [],
    tlogs: [],
    ctlogs: [],
    publicKey: () => ({ publicKey: key, validFor: () => true }),
  };
}

function parseBundle(bytes: Uint8Array): Bundle {
  return bundleFromJSON(parseJson(Buffer.from(bytes).toString()));
}

function checkSigstore(bytes: Uint8Array, digest: Digest, key: KeyObject): void {
  const bundle = parseBundle(bytes);
  const { content, verificationMaterial } = bundle;
  if (content.$case !== 'dsseEnvelope') throw new Error('it contains no statement');
  if (verificationMaterial.content.$case !== 'publicKey') throw new Error('it is of no key');
  const verifier = new Verifier(trustMaterialOf(key), {
    ctlogThreshold: 0,
    tlogThreshold: 0,
    timestampThreshold: 0,
  });
  // what logs and clocks have said of it cannot be checked offline, and a key needs no time
  verifier.verify({ ...toSignedEntity(bundle), timestamps: [], tlogEntries: [] });
  checkStatement(content.dsseEnvelope, digest);
}

function checkStatement(
  { payload, payloadType }: { readonly payload: Uint8Array; readonly payloadType: string },
  digest: Digest,
): void {
  const statement = parseJson(Buffer.from(payload).toString());
  const predicate = memberOf(statement, 'predicateType');
  if (payloadType !== statementType || predicate !== signaturePredicate) {
    throw new Error(`it is a statement of another kind: ${String(predicate)}`);
  }
  const subjects = elementsOf(memberOf(statement, 'subject'));
  const signed = subjects.map((subject) => memberOf(subject, 'digest', 'sha256'));
  if (!signed.includes(hexOf(digest))) throw new Error(`it signs ${signed.join(', ')}`);
}

function check(signature: Signature, digest: Digest, key: KeyObject): void {
  switch (signature.kind) {
    case 'simple':
      return checkSimple(signature, digest, key);
    case 'sigstore':
      return checkSigstore(signature.bundle, digest, key);
  }
}

export function isSignatureBy(signature: Signature, digest: Digest, key: KeyObject): boolean {
  try {
    check(signature, digest, key);
    return true;
  } catch {
    return false;
  }
}

/** Their names; none is no error. */
export function signersAmong(
  known: readonly Signer[],
  { digest, signatures }: Pick<SignedContent, 'digest' | 'signatures'>,
): readonly string[] {
  return known
    .filter(({ key }) => signatures.some((signature) => isSignatureBy(signature, digest, key)))
    .map(({ name }) => name);
}

export interface SignedContent {
  readonly digest: Digest;
  readonly signatures: readonly Signature[];
  /** Begins the messages. */
  readonly place: string;
}

/**
 * Those of `signers` that have signed it.
 * @returns their names, at least one
 * @throws AgentError AGENT_SIGNATURE when nobody has
 */
export function verifySignatures(
  { digest, signatures, place }: SignedContent,
  signers: readonly Signer[],
): readonly string[] {
  const reasons = new Set<string>();
  const found = signers.filter(({ name, key }) =>
    signatures.some((signature) => {
      try {
        check(signature, digest, key);
        return true;
      } catch (thrown) {
        reasons.add(`${name}: ${messageOf(thrown)}`);
        return false;
      }
    }),
  );
  if (found.length > 0) return found.map(({ name }) => name);
  const wanted = signers.map(({ name }) => name).join(', ') || 'nobody, as no signer is configured';
  throw new AgentError(
    'AGENT_SIGNATURE',
    signatures.length === 0
      ? `${place} is not signed; a signature by ${wanted} is required`
      : `${place} has ${signatures.length} signatures, none valid (${[...reasons].join('; ') || wanted})`,
  );
}
