// SPDX-License-Identifier: Apache-2.0
// Paths of settings are looked for in containers as they come: file systems that do not answer hold up
// nobody else.
import { expect, test } from 'vitest';

import { AskedCaller } from '../support/asked-caller.ts';
import { shippedBundle } from '../support/bundle-shipping.ts';
import { SlowCaller } from '../support/slow-caller.ts';
import { TemporaryFolder } from '../support/temporary-folder.ts';
import { startWatchedAgent } from '../support/watched-agent.ts';

/** Each has a second. */
const slowContainers = 6;
/** To start a process, on a machine that may be busy. */
const quickMs = 2000;

test('A15: stuck paths: other containers come while the paths of some are looked for', async () => {
  await using agent = await startWatchedAgent({
    bundle: shippedBundle('umount-guard'),
    settings: ['UMOUNT_PROTECT=/make/x'],
    log: 'info',
    mayWarn: true,
  });
  const { socket } = agent;
  await using started = new AsyncDisposableStack();
  for (let index = 0; index < slowContainers; index += 1) {
    const folder = started.use(new TemporaryFolder()).path;
    const place = { socket, folder, isKillable: true, threads: 1, metadata: '' };
    started.use(SlowCaller.withSlowFilesystem({ ...place, id: `slow${index}` }));
  }
  await agent.untilLogged('container-attached', { container: /^slow/u });

  const from = performance.now();
  await using other = new AskedCaller({ socket, id: 'other' });
  await other.ask('getpgid 0');
  const tookMs = performance.now() - from;

  expect(tookMs).toBeLessThan(quickMs);
});
