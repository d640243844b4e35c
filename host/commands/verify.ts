// SPDX-License-Identifier: Apache-2.0
// `seccompagent verify`: who has signed a bundle, in a registry or in the store.
import { parseWords, textOf, usage } from '../text/command-line.ts';
import type { OptionTable } from '../text/command-line.ts';
import { formatReference } from '../bundles/oci/reference.ts';
import type { Reference } from '../bundles/oci/reference.ts';
import { verifySignatures } from '../bundles/oci/signature.ts';
import type { Signer } from '../bundles/oci/signing-key.ts';
import { BundleStore, defaultStore } from '../bundles/oci/store.ts';
import { fetchManifest, withDigest } from '../bundles/oci/transfer.ts';
import type { SignedDigest } from '../bundles/oci/transfer.ts';
import {
  configuredRegistry,
  openRegistry,
  referenceOf,
  registryUsage,
  trustedSigners,
  trustOptions,
  trustUsage,
} from './registry-options.ts';
import type { RegistryOpening, Values } from './registry-options.ts';
import type { Tool } from './command.ts';
import { report } from './report.ts';

const options: OptionTable = { ...trustOptions, stored: { type: 'boolean' } };

async function verifyRemote(
  reference: Reference,
  trust: Pick<RegistryOpening, 'configured'> & { readonly signers: readonly Signer[] },
  values: Values,
): Promise<SignedDigest> {
  await using client = await openRegistry(reference, { access: 'pull', ...trust }, values);
  return await fetchManifest(client, reference, trust);
}

/** Without any network. */
function verifyStored(
  { digest, ...reference }: Reference,
  signers: readonly Signer[],
  values: Values,
): SignedDigest {
  if (digest === undefined) usage('-stored needs a reference with a digest (@sha256:…)');
  const store = new BundleStore(textOf(values, 'store') ?? defaultStore);
  const { signatures } = store.read(digest);
  const place = formatReference({ ...reference, digest });
  return { digest, signers: verifySignatures({ digest, signatures, place }, signers) };
}

async function run(words: readonly string[]): Promise<number> {
  const { values, rest } = parseWords(words, options);
  const [text, ...more] = rest;
  if (more.length > 0) usage('verify needs one reference');
  const reference = referenceOf(text);
  const configured = configuredRegistry(reference, values);
  const signers = trustedSigners(values, configured);
  if (signers.length === 0) {
    usage('verify needs the public keys of accepted signers (-key)');
  }
  const verified =
    values.get('stored') === true
      ? verifyStored(reference, signers, values)
      : await verifyRemote(reference, { signers, configured }, values);
  const name = `oci://${formatReference(withDigest(reference, verified.digest))}`;
  const facts = { reference: name, digest: verified.digest, signers: verified.signers };
  report(values, facts, () => [`${name} is signed by ${verified.signers.join(', ')}`]);
  return 0;
}

export const verify: Tool = {
  usage: `Usage: seccompagent verify [options] REFERENCE

Prints which of the given keys signed a bundle, in the formats of cosign, and fails if none did. Asks
only the registry: no transparency log, no clock.

Options:
${trustUsage}  -stored             read the bundle from the store, without network
${registryUsage}`,
  run,
};
