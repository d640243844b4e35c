// SPDX-License-Identifier: Apache-2.0
// Private keys in cosign's own form: PKCS8, encrypted with scrypt and NaCl's secretbox.
import { randomBytes, scryptSync } from 'node:crypto';

import { xsalsa20poly1305 } from '@noble/ciphers/salsa.js';

import { AgentError } from '../../errors.ts';
import { memberOf, parseJson } from './json.ts';

const labels = ['ENCRYPTED SIGSTORE PRIVATE KEY', 'ENCRYPTED COSIGN PRIVATE KEY'] as const;
const keyBytes = 32;
const saltBytes = 32;
const nonceBytes = 24;
/** Memory of scrypt besides its table. */
const spareBytes = 1_048_576;
/** Of scrypt. */
interface Cost {
  readonly N: number;
  readonly r: number;
  readonly p: number;
}

/** Limits as in cosign; a file that wants more would only take our memory. */
const cost: Cost = { N: 65_536, r: 8, p: 1 };
const costLimits: Cost = { N: 1_048_576, r: 16, p: 8 };

function blockPattern(label: string): RegExp {
  return new RegExp(`-----BEGIN ${label}-----(?<body>[^-]+)-----END ${label}-----`, 'u');
}

function bodyOf(pem: string): string | undefined {
  for (const label of labels) {
    const body = blockPattern(label).exec(pem)?.groups?.['body'];
    if (body !== undefined) return Buffer.from(body, 'base64').toString();
  }
  return undefined;
}

export function isCosignKey(pem: string): boolean {
  return bodyOf(pem) !== undefined;
}

function derive(password: string, salt: Uint8Array, { N, r, p }: Cost): Uint8Array {
  return scryptSync(password, salt, keyBytes, { N, r, p, maxmem: 256 * N * r + spareBytes });
}

function invalid(what: string, cause?: unknown): never {
  throw new AgentError('AGENT_KEY', what, cause === undefined ? {} : { cause });
}

function bytesAt(json: unknown, ...path: readonly string[]): Buffer {
  const text = memberOf(json, ...path);
  return typeof text === 'string'
    ? Buffer.from(text, 'base64')
    : invalid(`the key has no ${path.join('.')}`);
}

function costAt(json: unknown): Cost {
  const number = (name: 'N' | 'r' | 'p'): number => {
    const value = memberOf(json, 'kdf', 'params', name);
    const isFit =
      typeof value === 'number' &&
      Number.isSafeInteger(value) &&
      value >= 1 &&
      value <= costLimits[name];
    return isFit ? value : invalid(`the key has an unfit scrypt parameter ${name}`);
  };
  return { N: number('N'), r: number('r'), p: number('p') };
}

/**
 * @returns PKCS8 in DER
 * @throws AgentError AGENT_KEY, also when the password is wrong
 */
export function decryptKey(pem: string, password: string): Buffer {
  const json = parseJson(bodyOf(pem) ?? '');
  const kdf = memberOf(json, 'kdf', 'name');
  const cipher = memberOf(json, 'cipher', 'name');
  if (kdf !== 'scrypt' || cipher !== 'nacl/secretbox') {
    invalid('the key is encrypted in an unknown way');
  }
  const key = derive(password, bytesAt(json, 'kdf', 'salt'), costAt(json));
  const nonce = bytesAt(json, 'cipher', 'nonce');
  if (nonce.length !== nonceBytes) invalid('the key has an unfit nonce');
  const ciphertext = bytesAt(json, 'ciphertext');
  try {
    return Buffer.from(xsalsa20poly1305(key, nonce).decrypt(ciphertext));
  } catch {
    return invalid('the password of the key is wrong, or the key was changed');
  }
}

/** @param pkcs8 in DER */
export function encryptKey(pkcs8: Uint8Array, password: string): string {
  const salt = randomBytes(saltBytes);
  const nonce = randomBytes(nonceBytes);
  const key = derive(password, salt, cost);
  const json = JSON.stringify({
    kdf: { name: 'scrypt', params: cost, salt: salt.toString('base64') },
    cipher: { name: 'nacl/secretbox', nonce: nonce.toString('base64') },
    ciphertext: Buffer.from(xsalsa20poly1305(key, nonce).encrypt(pkcs8)).toString('base64'),
  });
  const lines =
    Buffer.from(json)
      .toString('base64')
      .match(/.{1,64}/gu) ?? [];
  const [label] = labels;
  return `-----BEGIN ${label}-----\n${lines.join('\n')}\n-----END ${label}-----\n`;
}
