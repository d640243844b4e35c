// SPDX-License-Identifier: Apache-2.0
// Reads a bundle.json with the host's own parser, so that what builds also loads.

import { AgentError, messageOf } from '../../host/errors.ts';
import { type Manifest, folderName, parseManifest } from '../../host/bundles/manifest.ts';
import type { ManifestHandler } from '../../host/bundles/manifest-handler.ts';
import { isInterface } from '../../host/bundles/grant-limits.ts';
import { BuildError } from './build-error.ts';

export { folderName, isInterface };
export type Bundle = Manifest;
export type BundleHandler = ManifestHandler;

/** Unknown keys are errors. `place` begins the messages. Throws BuildError. */
export function parseBundle(text: string, place: string): Bundle {
  try {
    return parseManifest(text, place);
  } catch (cause) {
    if (!(cause instanceof AgentError)) throw cause;
    throw new BuildError(messageOf(cause), { cause });
  }
}
