// SPDX-License-Identifier: Apache-2.0
// The kernel's protections of folders that many users write to. They are set for the whole system, so no
// other test runs beside these.
import { chmodSync } from 'node:fs';

import { expect, test } from 'vitest';

import { linesOf } from '../support/file-caller.ts';
import { SystemProtections } from '../support/system-protections.ts';
import { TemporaryFolder } from '../support/temporary-folder.ts';
import { testBundle } from '../support/test-bundles.ts';
import { startWatchedAgent } from '../support/watched-agent.ts';

test.for([0, 1, 2])(
  'A1: contract: folders that many write to are protected as by the kernel, level %i',
  async (level) => {
    await using agent = await startWatchedAgent({ bundle: testBundle('perform'), log: 'warn' });
    using _protections = new SystemProtections(level);
    using own = new TemporaryFolder();
    using other = new TemporaryFolder();
    for (const { path } of [own, other]) chmodSync(path, 0o755);
    const alone = await linesOf(own.path, ['share-folders']);
    expect(await linesOf(other.path, ['share-folders'], ['-s', agent.socket])).toEqual(alone);
    const refused = alone.filter((line) => /\/f.* made EACCES$/u.test(line));
    expect(refused.length).toBeGreaterThan([-1, 3, 5][level] ?? 0);
    expect(refused.length === 0).toBe(level === 0);
  },
);
