// SPDX-License-Identifier: Apache-2.0
// A container changes the memory of a call while it is answered: a handler decides on what was read
// once, and acts on just that.
import { expect, test } from 'vitest';

import { runCommand } from '../support/command.ts';
import { compiled } from '../support/compile.ts';
import { TemporaryFolder } from '../support/temporary-folder.ts';
import { testBundle } from '../support/test-bundles.ts';
import { startWatchedAgent } from '../support/watched-agent.ts';

interface Flipped {
  readonly calls: number;
  readonly options: readonly string[];
}

/** How often each answer came, and how often the forbidden directory was there. */
async function flip({ calls, options }: Flipped): Promise<ReadonlyMap<string, number>> {
  await using agent = await startWatchedAgent({ bundle: testBundle('deny-initial'), log: 'warn' });
  using folder = new TemporaryFolder();
  const program = [compiled('flipping-caller'), '-s', agent.socket, '-n', String(calls)] as const;
  const { stdout, stderr, code } = await runCommand([...program, ...options, folder.path]);
  expect(stderr).toBe('');
  expect(code).toBe(0);
  expect(agent.log()).toEqual([]);
  return new Map(
    stdout
      .trim()
      .split('\n')
      .map((line) => [line.slice(0, line.lastIndexOf(' ')), Number(line.split(' ').at(-1))]),
  );
}

test('K1: snapshots: a forbidden path that another thread writes never gets through', async () => {
  const counts = await flip({ calls: 4000, options: [] });

  // both were seen, as often as the program waits for, and nothing else was
  expect([...counts.keys()]).toEqual(['answer OK', 'answer EACCES', 'forbidden']);
  expect(counts.get('forbidden')).toBe(0);
});

test('K24: snapshots: nor one of a child of vfork, whose memory its parent writes', async () => {
  const counts = await flip({ calls: 2000, options: ['-f'] });

  expect([...counts.keys()]).toEqual(['answer OK', 'answer EACCES', 'forbidden']);
  expect(counts.get('forbidden')).toBe(0);
});
