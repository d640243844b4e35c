// SPDX-License-Identifier: Apache-2.0
// Writes the pages that are printed from what there is: `npm run generate`.
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';

import { packageRoot } from '../package-root.ts';
import { generatedPages } from './pages/generated-pages.ts';

for (const [path, text] of await generatedPages()) writeFileSync(join(packageRoot(), path), text);
