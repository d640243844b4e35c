// SPDX-License-Identifier: Apache-2.0
// Signals that come to the agent's threads while they look at a listener, which the kernel then does
// not do: the listener is no less there for it.
import { expect, test } from 'vitest';

import { RunningCommand, runCommand, seccompagent } from '../support/command.ts';
import { compiled } from '../support/compile.ts';
import { testBundle } from '../support/test-bundles.ts';

const seconds = 10;
const deadlineMs = 60_000;

test(
  'K13: interrupted readers: no listener is lost in a storm of signals',
  { timeout: deadlineMs },
  async () => {
    const run = [seccompagent, 'run', '-syscalls=chmod', '-bundle', testBundle('errno'), '--'];
    // where its processors are busy with others, a caller keeps the kernel's lock for longer
    const words = [...run, 'chrt', '-i', '0', compiled('storm'), 'call', String(seconds + 2)];
    await using running = new RunningCommand(['env', ...words], { deadlineMs });
    await running.printed(/^\d+$/mu);

    await runCommand([compiled('storm'), 'signal', String(running.pid), String(seconds)]);

    const { code } = await running.ended;
    const calls = running.stdout.trim().split('\n').map(Number);
    expect(code).toBe(0);
    expect(calls).toHaveLength(seconds + 2);
    expect(Math.min(...calls)).toBeGreaterThan(0);
  },
);
