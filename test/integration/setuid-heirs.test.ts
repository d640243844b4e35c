// SPDX-License-Identifier: Apache-2.0
// A call that was taken back belongs to the program that made it.
import { chmodSync, copyFileSync, mkdirSync, writeFileSync } from 'node:fs';

import { expect, test } from 'vitest';

import { runCommand } from '../support/command.ts';
import { compiled } from '../support/compile.ts';
import { TemporaryFolder } from '../support/temporary-folder.ts';
import { testBundle } from '../support/test-bundles.ts';
import { startWatchedAgent } from '../support/watched-agent.ts';

const setUserId = 0o4755;

test('K8: signals: a set-user-ID program does not get the file of the user who executed it', async () => {
  using folder = new TemporaryFolder();
  await using agent = await startWatchedAgent({ bundle: testBundle('perform'), log: 'warn' });
  const program = folder.at('heir');
  copyFileSync(compiled('setuid-heir.static'), program);
  chmodSync(program, setUserId);
  for (const owner of ['user', 'root']) {
    mkdirSync(folder.at(owner));
    writeFileSync(folder.at(`${owner}/q.conf`), owner);
  }
  chmodSync(folder.path, 0o755);

  const words = [program, folder.at('user'), folder.at('root'), '150'];
  const { code, stdout } = await runCommand([
    compiled('setuid-heir.static'),
    '-s',
    agent.socket,
    ...words,
  ]);

  expect(code).toBe(0);
  const [, executed, wrong] = /^(\d+) executed, (\d+) wrong$/mu.exec(stdout) ?? [];
  expect(Number(executed)).toBeGreaterThan(10);
  expect(Number(wrong)).toBe(0);
});
