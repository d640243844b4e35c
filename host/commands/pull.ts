// SPDX-License-Identifier: Apache-2.0
// `seccompagent pull`: a bundle out of an OCI registry into the store.
import { parseWords, textOf, usage } from '../command-line.ts';
import { formatReference } from '../registry/oci/reference.ts';
import { BundleStore, defaultStore } from '../registry/oci/store.ts';
import { pullBundle, withDigest } from '../registry/oci/transfer.ts';
import { progressLine } from './progress.ts';
import {
  openRegistry,
  referenceOf,
  registryOptions,
  registryUsage,
  report,
  signersByKey,
} from './registry-options.ts';
import type { Tool } from './tool.ts';

const options = {
  ...registryOptions,
  key: { type: 'string' },
  unsigned: { type: 'boolean' },
  store: { type: 'string' },
} as const;

async function run(words: readonly string[]): Promise<number> {
  const { values, rest } = parseWords(words, options);
  const [text, ...more] = rest;
  if (more.length > 0) usage('pull takes one reference');
  const reference = referenceOf(text);
  const signers = signersByKey(values);
  const isUnsigned = values.get('unsigned') === true;
  if (isUnsigned === signers.length > 0) {
    usage('pull wants either the keys of those who may have signed (-key), or -unsigned');
  }
  await using client = await openRegistry(reference, 'pull', values);
  using line = progressLine();
  const pulled = await pullBundle(client, {
    reference,
    store: new BundleStore(textOf(values, 'store') ?? defaultStore),
    signers: isUnsigned ? undefined : signers,
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
  const signed = isUnsigned ? 'signatures not looked at' : `signed by ${pulled.signers.join(', ')}`;
  report(values, facts, `pulled ${outline.name} ${outline.version}, ${signed}: ${name}\n${folder}`);
  return 0;
}

export const pull: Tool = {
  usage: `Usage: seccompagent pull [options] REFERENCE

Brings a bundle out of an OCI registry into the store. The reference is
[oci://]host[:port]/repository[:tag][@sha256:…]. Everything is compared with its digest; if
anything is not as it should be, the store stays as it was.

Options:
  -key FILES          public keys in PEM; one of their owners must have signed the bundle
  -unsigned           signatures are not looked at (the agent looks at them when it loads a bundle)
  -store FOLDER       the store (default ${defaultStore})
${registryUsage}`,
  run,
};
