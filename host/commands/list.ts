// SPDX-License-Identifier: Apache-2.0
// `seccompagent list`: the pulled bundles.
import { parseWords, textOf, usage } from '../text/command-line.ts';
import { AgentError, messageOf } from '../errors.ts';
import type { Digest } from '../bundles/oci/digest.ts';
import { signersAmong } from '../bundles/oci/signature.ts';
import type { Signer } from '../bundles/oci/signing-key.ts';
import { BundleStore, defaultStore } from '../bundles/oci/store.ts';
import { signersByKey } from './registry-options.ts';
import { report } from './report.ts';
import type { Tool } from './command.ts';

const options = {
  key: { type: 'string' },
  store: { type: 'string' },
  json: { type: 'boolean' },
} as const;

type Row =
  | {
      readonly digest: Digest;
      readonly name: string;
      readonly version: string;
      readonly description: string;
      readonly folder: string;
      readonly references: readonly string[];
      /** Number of signatures, of whomever. */
      readonly signatures: number;
      readonly signers: readonly string[];
    }
  /** It is not what it should be. */
  | { readonly digest: Digest; readonly problem: string };

function rowOf(store: BundleStore, digest: Digest, signers: readonly Signer[]): Row {
  try {
    const { outline, folder, references, signatures } = store.read(digest);
    return {
      digest,
      name: outline.name,
      version: outline.version,
      description: outline.description,
      folder,
      references,
      signatures: signatures.length,
      signers: signersAmong(signers, { digest, signatures }),
    };
  } catch (thrown) {
    if (thrown instanceof AgentError) return { digest, problem: messageOf(thrown) };
    throw thrown;
  }
}

function linesOf(row: Row): readonly string[] {
  if ('problem' in row) return [row.digest, `  broken   ${row.problem}`];
  const by = row.signers.length === 0 ? '' : `, by ${row.signers.join(', ')}`;
  return [
    `${row.name} ${row.version}: ${row.description}`,
    `  digest   ${row.digest}`,
    ...row.references.map((reference) => `  from     ${reference}`),
    `  signed   ${row.signatures === 0 ? 'no' : `${row.signatures} times${by}`}`,
    `  folder   ${row.folder}`,
  ];
}

async function run(words: readonly string[]): Promise<number> {
  const { values, rest } = parseWords(words, options);
  if (rest.length > 0) usage('list takes no arguments');
  const signers = signersByKey(values);
  const store = new BundleStore(textOf(values, 'store') ?? defaultStore);
  const rows = store.digests().map((digest) => rowOf(store, digest, signers));
  report(values, rows, () => (rows.length === 0 ? ['no pulled bundles'] : rows.flatMap(linesOf)));
  return Promise.resolve(rows.some((row) => 'problem' in row) ? 1 : 0);
}

export const list: Tool = {
  usage: `Usage: seccompagent list [options]

Lists the bundles pulled from OCI registries and checks each against its digest. Exits with 1 if a
bundle was changed.

Options:
  -key FILES          public keys in PEM; shows which of them signed each bundle
  -store FOLDER       the store (default ${defaultStore})
  -json               print JSON
  -help
`,
  run,
};
