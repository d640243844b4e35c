// SPDX-License-Identifier: Apache-2.0
// The pages of the documentation that are printed from what there is, by their paths in the package.
import { packageVersion } from '../../package-root.ts';
import { bundlesPage } from './bundles-page.ts';
import { codesPage } from './codes-page.ts';
import { commandPage } from './command-page.ts';
import { commandHelps } from './help.ts';
import { manualPage } from './manual-page.ts';

export async function generatedPages(): Promise<ReadonlyMap<string, string>> {
  const helps = await commandHelps();
  return new Map([
    ['deploy/docs/reference/cli.md', commandPage(helps)],
    ['deploy/docs/reference/bundles.md', bundlesPage()],
    ['deploy/docs/reference/codes.md', codesPage()],
    ['deploy/man/seccompagent.1', manualPage(helps, packageVersion())],
  ]);
}
