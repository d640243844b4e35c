// SPDX-License-Identifier: Apache-2.0
// Keys of signers: read from PEM in the forms that cosign and openssl write, and made.
import {
  createHash,
  createPrivateKey,
  createPublicKey,
  generateKeyPairSync,
  sign,
  verify,
} from 'node:crypto';
import type { KeyObject } from 'node:crypto';

import { AgentError } from '../../errors.ts';
import { readRegularFile } from '../../files/regular-file.ts';
import { decryptKey, encryptKey, isCosignKey } from './cosign-key.ts';

/** Somebody whose signatures are known by a key. */
export interface Signer {
  readonly name: string;
  readonly key: KeyObject;
}

function invalid(what: string, cause?: unknown): never {
  throw new AgentError('AGENT_KEY', what, cause === undefined ? {} : { cause });
}

/** The longest ones of RSA that openssl makes have some 13 KiB. */
export const maxKeyBytes: number = 64 * 1024;

function readPem(file: string): string {
  try {
    return readRegularFile(file, { maxBytes: maxKeyBytes }).toString();
  } catch (cause) {
    return invalid(`${file}: cannot be read`, cause);
  }
}

/** Curves that cosign supports as well. */
function checkKind(key: KeyObject, file: string): KeyObject {
  const kind = key.asymmetricKeyType ?? 'secret';
  if (['ec', 'rsa', 'ed25519'].includes(kind)) return key;
  return invalid(`${file}: keys of type ${kind} are not supported; use ec, rsa or ed25519`);
}

/** @throws AgentError AGENT_KEY */
export function readPublicKey(file: string): KeyObject {
  const pem = readPem(file);
  // node would take the public half of a private key, which has no place where this is read
  if (!pem.includes('-----BEGIN PUBLIC KEY-----')) invalid(`${file}: not a public key in PEM`);
  try {
    return checkKind(createPublicKey(pem), file);
  } catch (cause) {
    return cause instanceof AgentError ? invalid(cause.message) : invalid(`${file}: no key`, cause);
  }
}

/**
 * @param password is asked for a key that is encrypted
 * @throws AgentError AGENT_KEY
 */
export async function readPrivateKey(
  file: string,
  password: () => Promise<string>,
): Promise<KeyObject> {
  const pem = readPem(file);
  try {
    if (isCosignKey(pem)) {
      const key = decryptKey(pem, await password());
      return checkKind(createPrivateKey({ key, format: 'der', type: 'pkcs8' }), file);
    }
    const isEncrypted = /BEGIN ENCRYPTED PRIVATE KEY|Proc-Type: 4,ENCRYPTED/u.test(pem);
    const passphrase = isEncrypted ? { passphrase: await password() } : {};
    return checkKind(createPrivateKey({ key: pem, ...passphrase }), file);
  } catch (cause) {
    return invalid(`${file}: the private key cannot be used`, cause);
  }
}

export interface KeyPair {
  /** In cosign's encrypted form. */
  readonly privatePem: string;
  readonly publicPem: string;
}

/** A pair as `cosign generate-key-pair` makes it. */
export function generateKeyPair(password: string): KeyPair {
  const { privateKey, publicKey } = generateKeyPairSync('ec', { namedCurve: 'P-256' });
  return {
    privatePem: encryptKey(privateKey.export({ format: 'der', type: 'pkcs8' }), password),
    publicPem: publicKey.export({ format: 'pem', type: 'spki' }),
  };
}

/** Ed25519 hashes by itself. */
function hashFor(key: KeyObject): string | null {
  return key.asymmetricKeyType === 'ed25519' ? null : 'sha256';
}

export function signBytes(bytes: Uint8Array, key: KeyObject): Buffer {
  return sign(hashFor(key), bytes, key);
}

export function isSignedBy(bytes: Uint8Array, signature: Uint8Array, key: KeyObject): boolean {
  try {
    return verify(hashFor(key), bytes, key, signature);
  } catch {
    // what is no signature at all is none of this key
    return false;
  }
}

/** Name of a key that nobody has named. */
export function fingerprintOf(key: KeyObject): string {
  const der = key.export({ format: 'der', type: 'spki' });
  return `sha256:${createHash('sha256').update(der).digest('hex')}`;
}
