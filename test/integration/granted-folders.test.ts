// SPDX-License-Identifier: Apache-2.0
// A handler that may act in one folder only, and a container that helps it to get out.
import { describe, expect, test } from 'vitest';

import { flipLinks } from '../support/link-flipper.ts';
import { testBundle } from '../support/test-bundles.ts';
import { startWatchedAgent } from '../support/watched-agent.ts';

describe('granted folders', () => {
  test.each([
    { granted: '/p', what: 'a directory in it is exchanged for links', isMoved: false },
    { granted: '/p', what: 'a directory in it is moved out of the root', isMoved: true },
    { granted: '/p/c', what: 'it is itself exchanged for links', isMoved: false },
  ] as const)(
    'A3: granted folders: $granted, and $what: nothing is made outside',
    async (attack) => {
      const { granted, isMoved } = attack;
      await using agent = await startWatchedAgent({
        bundle: testBundle('files'),
        allowed: { filesystem: { paths: [granted] } },
        log: 'error',
      });
      const tries = 7000;
      const { answers, inside, beyond, outside } = await flipLinks({
        socket: agent.socket,
        tries,
        isMoved,
        granted,
      });

      expect({ beyond, outside }).toEqual({ beyond: 0, outside: [] });
      // all that was made is found, where it may be
      expect(inside).toBe(answers.get('OK'));
      expect(inside).toBeGreaterThan(tries / 20);
      expect(answers.get('EPERM')).toBeGreaterThan(tries / 20);
      expect(agent.log()).toEqual([]);
    },
  );
});
