// SPDX-License-Identifier: Apache-2.0
// Writes deploy/schema/bundle.schema.json: `npm run generate`.
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';

import { packageRoot } from '../package-root.ts';
import { bundleSchema } from './bundle-schema.ts';

writeFileSync(
  join(packageRoot(), 'deploy/schema/bundle.schema.json'),
  JSON.stringify(bundleSchema(), undefined, 2),
);
