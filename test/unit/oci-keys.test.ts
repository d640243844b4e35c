// SPDX-License-Identifier: Apache-2.0
// Tests how keys of signers are read and made.
import { createPublicKey, generateKeyPairSync } from 'node:crypto';
import type { KeyObject } from 'node:crypto';
import { writeFileSync } from 'node:fs';

import { expect, test } from 'vitest';

import { messageOf } from '../../host/errors.ts';
import {
  generateKeyPair,
  isSignedBy,
  readPrivateKey,
  readPublicKey,
  signBytes,
} from '../../host/bundles/oci/signing-key.ts';
import { failure, naming } from '../support/failures.ts';
import { TemporaryFolder } from '../support/temporary-folder.ts';

const message = Buffer.from('message');

async function noPassword(): Promise<string> {
  return Promise.reject(new Error('a password was asked for'));
}

interface Pair {
  readonly privateKey: KeyObject;
  readonly publicKey: KeyObject;
}

function pairOf(kind: 'ec' | 'rsa' | 'ed25519'): Pair {
  switch (kind) {
    case 'ec':
      return generateKeyPairSync('ec', { namedCurve: 'P-256' });
    case 'rsa':
      return generateKeyPairSync('rsa', { modulusLength: 2048 });
    case 'ed25519':
      return generateKeyPairSync('ed25519');
  }
}

test.for(['ec', 'rsa', 'ed25519'] as const)(
  'keys: %s signs, and its public half knows',
  async (kind) => {
    using folder = new TemporaryFolder();
    const { privateKey, publicKey } = pairOf(kind);
    writeFileSync(folder.at('k'), privateKey.export({ format: 'pem', type: 'pkcs8' }));
    writeFileSync(folder.at('p'), publicKey.export({ format: 'pem', type: 'spki' }));
    const signature = signBytes(message, await readPrivateKey(folder.at('k'), noPassword));
    const key = readPublicKey(folder.at('p'));
    expect(isSignedBy(message, signature, key)).toBe(true);
    expect(isSignedBy(Buffer.from('massage'), signature, key)).toBe(false);
    expect(isSignedBy(message, Buffer.from('nonsense'), key)).toBe(false);
    expect(isSignedBy(message, signature, pairOf('ec').publicKey)).toBe(false);
  },
);

test('keys: a made pair is encrypted, and opens with its password alone', async () => {
  using folder = new TemporaryFolder();
  const { privatePem, publicPem } = generateKeyPair('pass wörd');
  writeFileSync(folder.at('k'), privatePem);
  writeFileSync(folder.at('p'), publicPem);
  expect(privatePem).toMatch(/^-----BEGIN ENCRYPTED SIGSTORE PRIVATE KEY-----\n/u);
  const key = await readPrivateKey(folder.at('k'), async () => Promise.resolve('pass wörd'));
  const spki = { format: 'pem', type: 'spki' } as const;
  expect(createPublicKey(key).export(spki)).toBe(readPublicKey(folder.at('p')).export(spki));
  await expect(
    readPrivateKey(folder.at('k'), async () => Promise.resolve('x')),
  ).rejects.toMatchObject({ code: 'AGENT_KEY', cause: { code: 'AGENT_KEY' } });
});

test('keys: PKCS8 that is encrypted opens with its password', async () => {
  using folder = new TemporaryFolder();
  const pem = pairOf('ec').privateKey.export({
    format: 'pem',
    type: 'pkcs8',
    cipher: 'aes-256-cbc',
    passphrase: 'secret',
  });
  writeFileSync(folder.at('k'), pem);
  const key = await readPrivateKey(folder.at('k'), async () => Promise.resolve('secret'));
  expect(key.asymmetricKeyType).toBe('ec');
});

function cosignPem(json: unknown): string {
  const label = 'ENCRYPTED COSIGN PRIVATE KEY';
  const body = Buffer.from(JSON.stringify(json)).toString('base64');
  return `-----BEGIN ${label}-----\n${body}\n-----END ${label}-----\n`;
}

const kdf = { name: 'scrypt', params: { N: 2, r: 1, p: 1 }, salt: 'AAAA' };
const cipher = { name: 'nacl/secretbox', nonce: Buffer.alloc(24).toString('base64') };

/** One that opens without a password, but for the name of what it is encrypted with. */
function keyOfAnotherKind(part: 'kdf' | 'cipher', name: string): string {
  const body = generateKeyPair('').privatePem.replaceAll(/-----[^-]+-----/gu, '');
  const json: Readonly<Record<string, object>> = JSON.parse(Buffer.from(body, 'base64').toString());
  return cosignPem({ ...json, [part]: { ...json[part], name } });
}

test.for([
  ['no key', []],
  [cosignPem('text'), []],
  [keyOfAnotherKind('kdf', 'argon2'), []],
  [keyOfAnotherKind('cipher', 'aes'), []],
  [
    cosignPem({ kdf: { ...kdf, params: { N: 2 ** 30, r: 8, p: 1 } }, cipher, ciphertext: 'AAAA' }),
    [/\bN\b/u],
  ],
  [cosignPem({ kdf, cipher: { ...cipher, nonce: 'AAAA' }, ciphertext: 'AAAA' }), ['nonce']],
  [cosignPem({ kdf, cipher }), ['ciphertext']],
] as const)('keys: private key %# is refused', async ([pem, named]) => {
  using folder = new TemporaryFolder();
  writeFileSync(folder.at('k'), pem);
  const refusal: unknown = await readPrivateKey(folder.at('k'), async () =>
    Promise.resolve(''),
  ).catch((thrown: unknown) => thrown);
  expect(refusal).toMatchObject({ code: 'AGENT_KEY' });
  expect(messageOf(refusal)).toEqual(naming(folder.at('k'), ...named));
});

test('keys: only a public key is read as one', () => {
  using folder = new TemporaryFolder();
  const { privateKey } = pairOf('ec');
  writeFileSync(folder.at('k'), privateKey.export({ format: 'pem', type: 'pkcs8' }));
  expect(() => readPublicKey(folder.at('k'))).toThrow(failure('AGENT_KEY', folder.at('k')));
  expect(() => readPublicKey(folder.at('none'))).toThrow(failure('AGENT_KEY', folder.at('none')));
  const x25519 = generateKeyPairSync('x25519').publicKey;
  writeFileSync(folder.at('x'), x25519.export({ format: 'pem', type: 'spki' }));
  expect(() => readPublicKey(folder.at('x'))).toThrow(
    failure('AGENT_KEY', folder.at('x'), 'x25519'),
  );
});
