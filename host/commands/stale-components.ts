// SPDX-License-Identifier: Apache-2.0
// Tells an author who runs what was built before the last change.
import { failureFields } from '../errors.ts';
import type { Log } from '../log/log.ts';
import { folderName } from '../bundles/manifest.ts';

/** Of the bundles that a command line names by their folders. It never rejects. */
export async function warnOfStaleComponents(selection: readonly string[], log: Log): Promise<void> {
  const folders = selection.filter(
    (reference) => !reference.startsWith('oci:') && !folderName.test(reference),
  );
  if (folders.length === 0) return;
  const { staleComponents } = await import('../../guest-sdk/build/project.ts');
  for (const folder of folders) {
    try {
      for (const stale of await staleComponents(folder)) {
        log.event('component-stale', stale);
      }
    } catch (thrown) {
      log.event('component-age-unknown', { bundle: folder, ...failureFields(thrown) });
    }
  }
}
