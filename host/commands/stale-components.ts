// SPDX-License-Identifier: Apache-2.0
// Keeps an author from running what was built before the last change.
import { AgentError, failureFields } from '../errors.ts';
import type { Log } from '../log/log.ts';
import { folderName } from '../bundles/manifest.ts';
import type { OptionTable } from '../text/command-line.ts';

export const staleOptions: OptionTable = { 'allow-stale': { type: 'boolean' } };

export const staleUsage: string = `  -allow-stale        use components that are older than their source
`;

export interface StaleRules {
  readonly allowsStale: boolean;
  /** Told of those that are allowed, and of folders that cannot be looked at. */
  readonly log: Log;
}

/**
 * Of the bundles that a command line names by their folders.
 * @throws AgentError AGENT_BUNDLE_STALE
 */
export async function checkStaleComponents(
  selection: readonly string[],
  { allowsStale, log }: StaleRules,
): Promise<void> {
  const folders = selection.filter(
    (reference) => !reference.startsWith('oci:') && !folderName.test(reference),
  );
  if (folders.length === 0) return;
  const { staleComponents } = await import('../../guest-sdk/build/project.ts');
  for (const folder of folders) {
    const found = await staleComponents(folder).catch((thrown: unknown) => {
      log.event('component-age-unknown', { bundle: folder, ...failureFields(thrown) });
      return [];
    });
    for (const { component, source } of found) {
      if (!allowsStale) {
        throw new AgentError(
          'AGENT_BUNDLE_STALE',
          `${component} is older than its source ${source}: run "seccompagent build ${folder}", or add -allow-stale`,
        );
      }
      log.event('component-stale', { component, source });
    }
  }
}
