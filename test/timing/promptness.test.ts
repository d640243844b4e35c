// SPDX-License-Identifier: Apache-2.0
// A handler that computes for long delays nobody else.
import { expect, test } from 'vitest';

import { testBundle } from '../support/test-bundles.ts';
import { startTrap } from '../support/trap-container.ts';
import { startWatchedAgent } from '../support/watched-agent.ts';

test('G4: promptness: another container is answered while a handler computes', async () => {
  await using agent = await startWatchedAgent({
    bundle: testBundle('slow'),
    log: 'warn',
    mayWarn: true,
  });
  const container = { socket: agent.socket, trapped: ['mkdir'] };
  // the other container is known to the agent already, and waits
  await using quick = startTrap({
    ...container,
    operations: ['mkdir:/first:755', 'hold', ...Array<string>(50).fill('mkdir:/x:755')],
  });
  await quick.untilLines(1);
  await using slow = startTrap({
    ...container,
    operations: ['getpid', ...Array<string>(20).fill('mkdir:/slow:755')],
  });
  await slow.untilLines(1);

  const from = performance.now();
  quick.release();
  const { lines } = await quick.ended;
  const tookMs = performance.now() - from;

  expect(lines.filter((line) => line === 'mkdir -1 EDOM')).toHaveLength(51);
  expect(slow.lines().length).toBeLessThan(3);
  // 50 calls; the handler of the other container computes for far longer
  expect(tookMs).toBeLessThan(5000);
});
