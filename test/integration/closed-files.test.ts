// SPDX-License-Identifier: Apache-2.0
// K8: what a caller has closed is open nowhere else: a program that was just written runs, a lock is
// free, a file system is not busy.
import { afterAll, beforeAll, describe, expect, test } from 'vitest';

import { runCommand } from '../support/command.ts';
import { compiled } from '../support/compile.ts';
import { killableBundle } from '../support/oci-bundle.ts';
import { TemporaryFolder } from '../support/temporary-folder.ts';
import { testBundle } from '../support/test-bundles.ts';
import { startWatchedAgent } from '../support/watched-agent.ts';
import type { WatchedAgent } from '../support/watched-agent.ts';

const rounds = 300;

describe('closed files', () => {
  let agent: WatchedAgent;
  beforeAll(async () => {
    agent = await startWatchedAgent({ bundle: testBundle('perform'), log: 'warn' });
  });
  afterAll(async () => {
    await agent[Symbol.asyncDispose]();
  });

  /** How often closing-caller.c was refused. */
  async function refusedOf(mode: string, options: readonly string[]): Promise<number> {
    using folder = new TemporaryFolder();
    const { code, signal, stdout, stderr } = await runCommand([
      compiled('closing-caller'),
      '-s',
      agent.socket,
      ...options,
      folder.path,
      String(rounds),
      mode,
    ]);
    if (code !== 0) throw new Error(`closing-caller: ${signal ?? code} ${stdout} ${stderr}`);
    return Number(stdout);
  }

  const modes = ['exec', 'flock', 'umount', 'dirfd'];
  test.for(modes)('K8: closed files: %s, where no signal takes calls back', async (mode) => {
    using bundle = killableBundle();
    expect(await refusedOf(mode, ['-k', '-b', bundle.path])).toBe(0);
  });

  test.for(modes)('K8: closed files: %s, where signals do', async (mode) => {
    expect(await refusedOf(mode, [])).toBe(0);
  });
});
