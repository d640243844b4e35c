// SPDX-License-Identifier: Apache-2.0
// Callers that are killed while they are looked at, and whose memory ends only when a file system
// answers: whoever has looked at them waits for that, and cannot be killed.
import { mkdirSync } from 'node:fs';

import { expect, test } from 'vitest';

import { RunningCommand } from '../support/command.ts';
import { compiled } from '../support/compile.ts';
import { startHostileAgent } from '../support/hostile-agent-process.ts';
import { patient } from '../support/patience.ts';
import { until } from '../support/polling.ts';
import { SteadyCaller } from '../support/steady-caller.ts';
import { TemporaryFolder } from '../support/temporary-folder.ts';

const containers = 8;
const tries = 40;
const mostMs = patient(2500);

test(
  'A5: ended memory: containers whose callers are killed while they are looked at delay nobody else',
  { timeout: 90_000 },
  async () => {
    using folder = new TemporaryFolder();
    await using agent = await startHostileAgent({ log: 'warn' });
    const { socket, bundles } = agent;
    bundles.write('perform', { component: 'perform' });
    bundles.write('enders', { component: 'perform' });
    await using good = new SteadyCaller('mkdir /tmp', { socket, metadata: 'perform' });
    await until('the good container', () => good.count > 5 || undefined);
    await using all = new AsyncDisposableStack();
    const began = performance.now();
    for (let index = 0; index < containers; index += 1) {
      const files = folder.at(`files-${index}`);
      mkdirSync(files);
      const attack = [socket, 'enders', `ender-${index}`, String(tries), files];
      const ender = all.use(new RunningCommand([compiled('memory-ender'), ...attack]));
      // one after the other: each may have its share, and nobody more
      await until('it to have tried', () => ender.stdout.includes('over') || undefined);
      expect(ender.stdout).toContain('stuck');
    }
    const over = performance.now();

    const calls = await good.finish();
    expect([...new Set(calls.map(({ answer }) => answer))]).toEqual(['EEXIST']);
    const meanwhile = calls.filter(({ beganMs }) => beganMs > began && beganMs < over);
    const times = meanwhile.map(({ tookMs }) => tookMs).toSorted((one, other) => one - other);
    expect(times.length).toBeGreaterThan(10);
    expect(times.at(-1)).toBeLessThan(mostMs);
  },
);
