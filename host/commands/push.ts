// SPDX-License-Identifier: Apache-2.0
// `seccompagent push`: a bundle into an OCI registry.
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

import { AgentError, messageOf } from '../errors.ts';
import { parseWords, usage } from '../text/command-line.ts';
import { readBundle } from '../bundles/bundle.ts';
import { packArtifact } from '../bundles/oci/artifact.ts';
import type { Artifact } from '../bundles/oci/artifact.ts';
import { titleKey } from '../bundles/oci/descriptor.ts';
import { formatReference } from '../bundles/oci/reference.ts';
import { pushBundle, withDigest } from '../bundles/oci/transfer.ts';
import { progressLine } from './progress.ts';
import { openRegistry, referenceOf, registryOptions, registryUsage } from './registry-options.ts';
import type { Tool } from './command.ts';
import { report } from './report.ts';

/**
 * Shipped is what the agent would load, byte for byte: files in the folder may be changed meanwhile.
 * @param place of the bundle, for messages
 */
async function checkLoads({ blobs }: Artifact, place: string): Promise<void> {
  const scratch = await mkdtemp(join(tmpdir(), 'seccompagent-push-'));
  try {
    for (const { descriptor, bytes } of blobs) {
      const name = descriptor.annotations?.[titleKey];
      if (name !== undefined) await writeFile(join(scratch, name), bytes);
    }
    readBundle(scratch);
  } catch (thrown) {
    if (!(thrown instanceof AgentError)) throw thrown;
    throw new AgentError(thrown.code, messageOf(thrown).replaceAll(scratch, place));
  } finally {
    await rm(scratch, { recursive: true });
  }
}

async function run(words: readonly string[]): Promise<number> {
  const { values, rest } = parseWords(words, registryOptions);
  const [folder, text, ...more] = rest;
  if (folder === undefined || more.length > 0) usage('push needs a bundle and a reference');
  const reference = referenceOf(text);
  if (reference.digest !== undefined) usage('push computes the digest: name a tag or nothing');
  const artifact = packArtifact(folder);
  await checkLoads(artifact, folder);
  await using client = await openRegistry(reference, { access: 'push' }, values);
  using line = progressLine();
  await pushBundle(client, artifact, {
    tag: reference.tag,
    progress: (file, bytes, size) => line.show(`${file}: ${bytes} of ${size} bytes`),
  });
  const { digest, outline, blobs } = artifact;
  const pushed = formatReference(withDigest(reference, digest));
  const facts = {
    reference: `oci://${pushed}`,
    digest,
    name: outline.name,
    version: outline.version,
    bytes: blobs.reduce((sum, { bytes }) => sum + bytes.length, artifact.manifest.length),
  };
  report(values, facts, () => [`pushed ${outline.name} ${outline.version} as oci://${pushed}`]);
  return 0;
}

export const push: Tool = {
  usage: `Usage: seccompagent push [options] BUNDLE REFERENCE

Uploads a bundle (the folder of its bundle.json) to an OCI registry. Links in the folder are not
followed. The reference is
[oci://]host[:port]/repository[:tag]. Content that the registry already has is not sent again. Prints
the digest, which depends on the bundle alone.

Options:
${registryUsage}`,
  run,
};
