// SPDX-License-Identifier: Apache-2.0
// Shipped bundles whose handlers have all the time that there is: what the machine below does
// meanwhile counts as processor time of an emulated processor.
import { cpSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';

import { shippedBundles } from '../../host/package-root.ts';
import type { TemporaryFolder } from '../support/temporary-folder.ts';

/** Makes one in a folder. @returns where it is */
export function patientBundle(folder: TemporaryFolder, name: string): string {
  const bundle = folder.at(name);
  cpSync(join(shippedBundles(), name), bundle, { recursive: true });
  const file = join(bundle, 'bundle.json');
  const manifest = JSON.parse(readFileSync(file, 'utf8'));
  for (const handler of manifest.handlers) handler.deadline = '1m';
  writeFileSync(file, JSON.stringify(manifest));
  return bundle;
}
