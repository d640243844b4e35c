// SPDX-License-Identifier: Apache-2.0
// `seccompagent pull`: a bundle out of an OCI registry into the store.
import { loadConfig } from '../config/config.ts';
import { parseWords, textOf, usage } from '../text/command-line.ts';
import type { OptionTable } from '../text/command-line.ts';
import { formatReference } from '../bundles/oci/reference.ts';
import { BundleStore, defaultStore } from '../bundles/oci/store.ts';
import { pullBundle, withDigest } from '../bundles/oci/transfer.ts';
import { progressLine } from './progress.ts';
import {
  configuredRegistry,
  openRegistry,
  referenceOf,
  registryUsage,
  trustedSigners,
  trustOptions,
  trustUsage,
} from './registry-options.ts';
import type { Tool } from './command.ts';
import { report } from './report.ts';

const options: OptionTable = { ...trustOptions, unsigned: { type: 'boolean' } };

async function run(words: readonly string[]): Promise<number> {
  const { values, rest } = parseWords(words, options);
  const [text, ...more] = rest;
  if (more.length > 0) usage('pull needs one reference');
  const reference = referenceOf(text);
  const configured = configuredRegistry(reference, values);
  const isUnsigned = values.get('unsigned') === true;
  const signers = isUnsigned ? undefined : trustedSigners(values, configured);
  if (isUnsigned && values.has('key')) usage('-key and -unsigned exclude each other');
  if (signers?.length === 0) {
    usage('pull needs the public keys of accepted signers (-key), or -unsigned');
  }
  const { storeBytes: maxBytes } = loadConfig(textOf(values, 'config'));
  await using client = await openRegistry(reference, { access: 'pull', configured }, values);
  using line = progressLine();
  const pulled = await pullBundle(client, {
    reference,
    store: new BundleStore(textOf(values, 'store') ?? defaultStore, { maxBytes }),
    signers,
    progress: (file, bytes, size) => line.show(`${file}: ${bytes} of ${size} bytes`),
  });
  const { digest, folder, outline } = pulled.bundle;
  const name = `oci://${formatReference(withDigest(reference, digest))}`;
  const facts = {
    reference: name,
    digest,
    name: outline.name,
    version: outline.version,
    folder,
    signers: pulled.signers,
  };
  const signed = isUnsigned ? 'signatures not checked' : `signed by ${pulled.signers.join(', ')}`;
  report(values, facts, () => [
    `pulled ${outline.name} ${outline.version}, ${signed}: ${name}`,
    folder,
  ]);
  return 0;
}

export const pull: Tool = {
  usage: `Usage: seccompagent pull [options] REFERENCE

Pulls a bundle from an OCI registry into the store. The reference is
[oci://]host[:port]/repository[:tag][@sha256:…]. All content is checked against its digest; if a check
fails, the store does not change.

Options:
${trustUsage}  -unsigned           skip the signature check (the agent checks when it loads a bundle)
${registryUsage}`,
  run,
};
