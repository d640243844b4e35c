// SPDX-License-Identifier: Apache-2.0
// `seccompagent sign`: signs a bundle in a registry, as cosign does.
import { createPublicKey } from 'node:crypto';

import { parseWords, textOf, usage } from '../text/command-line.ts';
import { formatReference } from '../bundles/oci/reference.ts';
import { fingerprintOf, readPrivateKey } from '../bundles/oci/signing-key.ts';
import { resolveReference, signBundle } from '../bundles/oci/transfer.ts';
import { keyPassword } from './password.ts';
import { openRegistry, referenceOf, registryOptions, registryUsage } from './registry-options.ts';
import type { Tool } from './command.ts';
import { report } from './report.ts';

async function run(words: readonly string[]): Promise<number> {
  const { values, rest } = parseWords(words, { ...registryOptions, key: { type: 'string' } });
  const [text, ...more] = rest;
  if (more.length > 0) usage('sign needs one reference');
  const reference = referenceOf(text);
  const file = textOf(values, 'key') ?? usage('sign needs a private key (-key)');
  const privateKey = await readPrivateKey(file, async () => keyPassword(`Password of ${file}: `));
  const publicKey = createPublicKey(privateKey);
  await using client = await openRegistry(reference, { access: 'push' }, values);
  const signed = await resolveReference(client, reference);
  const isNew = await signBundle(client, signed, { privateKey, publicKey });
  const name = `oci://${formatReference(signed)}`;
  const facts = { reference: name, digest: signed.digest, key: fingerprintOf(publicKey), isNew };
  report(values, facts, () => [
    isNew ? `signed ${name}` : `${name} is already signed with this key`,
  ]);
  return 0;
}

export const sign: Tool = {
  usage: `Usage: seccompagent sign -key FILE [options] REFERENCE

Signs a bundle in an OCI registry and stores the signature beside it, in the format of cosign with a
key. The reference is [oci://]host[:port]/repository[:tag][@sha256:…]. The signature is for the digest
that the reference means now; sign prints it.

Options:
  -key FILE           the private key: of cosign or seccompagent key generate, or PEM of openssl
                      (ec, rsa, ed25519); its password is read from COSIGN_PASSWORD or asked for
${registryUsage}`,
  run,
};
