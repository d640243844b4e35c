// SPDX-License-Identifier: Apache-2.0
// Paths change while they are followed, and still nothing is made outside of the caller's root.
import { afterAll, beforeAll, describe, expect, test } from 'vitest';

import { flipLinks } from '../support/link-flipper.ts';
import { testBundle } from '../support/test-bundles.ts';
import { startWatchedAgent } from '../support/watched-agent.ts';
import type { WatchedAgent } from '../support/watched-agent.ts';

describe('flipping', () => {
  let agent: WatchedAgent;
  beforeAll(async () => {
    agent = await startWatchedAgent({ bundle: testBundle('perform'), log: 'warn' });
  });
  afterAll(async () => {
    await agent[Symbol.asyncDispose]();
  });

  test.each([
    { what: 'exchanged for a link that leads out', tries: 14_000, isMoved: false },
    { what: 'moved out of the root', tries: 7000, isMoved: true },
  ])('A3: flipping: a directory that is $what takes nothing with it', async (attack) => {
    const { answers, inside, outside } = await flipLinks({
      ...attack,
      socket: agent.socket,
    });

    expect(outside).toEqual([]);
    // all that was made is found, where it may be
    expect(inside).toBe(answers.get('OK'));
    expect(inside).toBeGreaterThan(attack.tries / 10);
    // and the other thread was quick enough to matter
    expect(answers.get('ENOENT')).toBeGreaterThan(attack.tries / 1000);
  });
});
