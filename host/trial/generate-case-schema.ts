// SPDX-License-Identifier: Apache-2.0
// Writes deploy/schema/handler-test.schema.json: `npm run generate`.
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';

import { packageRoot } from '../package-root.ts';
import { caseSchema } from './case-schema.ts';

writeFileSync(
  join(packageRoot(), 'deploy/schema/handler-test.schema.json'),
  JSON.stringify(caseSchema(), undefined, 2),
);
