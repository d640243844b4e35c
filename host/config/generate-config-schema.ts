// SPDX-License-Identifier: Apache-2.0
// Writes deploy/schema/config.schema.json: `npm run generate`.
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';

import { configSchema } from './config-schema.ts';
import { packageRoot } from '../package-root.ts';

writeFileSync(
  join(packageRoot(), 'deploy/schema/config.schema.json'),
  JSON.stringify(configSchema(), undefined, 2),
);
