// SPDX-License-Identifier: Apache-2.0
// A2: administrators of containers who stop being one, or beside whom somebody else calls, while the
// handler mount with its setting require-admin looks whether they are one: who was looked at is who
// is acted for.
import { afterAll, beforeAll, describe, expect, test } from 'vitest';

import { runCommand } from '../support/command.ts';
import { compiled } from '../support/compile.ts';
import { makeFolder } from '../support/folder-contents.ts';
import { TemporaryFolder } from '../support/temporary-folder.ts';
import { testBundle } from '../support/test-bundles.ts';
import { startWatchedAgent } from '../support/watched-agent.ts';
import type { WatchedAgent } from '../support/watched-agent.ts';

interface Called {
  /** How often who the caller is has changed. */
  readonly flips: number;
  /** Mounts of somebody who is no administrator. */
  readonly astray: number;
  /** `WHO ANSWER`, and how often. */
  readonly answers: Readonly<Record<string, number>>;
}

describe('changing administrators', () => {
  let agent: WatchedAgent;
  beforeAll(async () => {
    agent = await startWatchedAgent({
      bundle: testBundle('mount'),
      // one that the kernel lets nobody mount in a user namespace
      settings: ['MOUNT_FILESYSTEMS=hugetlbfs', 'MOUNT_REQUIRE_ADMIN=true'],
      log: 'warn',
    });
  });
  afterAll(async () => {
    await agent[Symbol.asyncDispose]();
  });

  /** Output of changing-admin.c. */
  async function callsDuring(
    change: string,
    rounds: number,
    options: readonly string[],
  ): Promise<Called> {
    using folder = new TemporaryFolder();
    const path = makeFolder(folder.path, 'place');
    const program = [compiled('changing-admin'), '-s', agent.socket, ...options] as const;
    const ran = await runCommand([...program, change, String(rounds), path], {
      deadlineMs: 60_000,
    });
    if (ran.code !== 0)
      throw new Error(`changing-admin: ${ran.signal ?? ran.code} ${ran.stdout} ${ran.stderr}`);
    const counts = [...ran.stdout.matchAll(/^(.+) (\d+)$/gmu)].map(
      ([, what = '', count]) => [what, Number(count)] as const,
    );
    const { flips = 0, astray = -1, ...answers } = Object.fromEntries(counts);
    return { flips, astray, answers };
  }

  const ways = [
    { when: 'in the middle of a call', flags: 'no flag', options: [] },
    { when: 'as soon as a call is over', flags: 'WAIT_KILLABLE_RECV', options: ['-k'] },
  ];

  test.for(ways)(
    'A2: changing administrators: one that drops CAP_SYS_ADMIN and raises it again $when gets mounts while it has it only',
    async ({ options }) => {
      const rounds = 1500;
      const { flips, astray, answers } = await callsDuring('capability', rounds, options);

      expect(flips).toBeGreaterThan(rounds / 50);
      const { 'admin OK': made = 0, 'other EPERM': refused = 0, ...others } = answers;
      // where its rights change in a call, that call is asked anew, which mostly meets the next change
      expect(made + (answers['changed OK'] ?? 0)).toBeGreaterThan(0);
      expect(refused).toBeGreaterThan(10);
      // of these calls, nobody can say who made them
      const changed = Object.keys(others);
      expect(changed.filter((kind) => !/^changed (?:OK|EPERM)$/u.test(kind))).toEqual([]);
      expect(astray).toBe(0);
    },
  );

  test.for(ways)(
    'A2: changing administrators: one that leaves for a user namespace of its own $when gets no mount in there',
    async ({ options }) => {
      const rounds = 500;
      const { flips, astray, answers } = await callsDuring('user-namespace', rounds, options);

      expect(flips).toBe(rounds);
      const { 'admin OK': made = 0, 'other EPERM': refused = 0, ...others } = answers;
      // where its rights change in a call, that call is asked anew, which mostly meets the next change
      expect(made + (answers['changed OK'] ?? 0)).toBeGreaterThan(0);
      // one that leaves between two calls makes two of them there
      expect(refused).toBeGreaterThanOrEqual(rounds);
      const changed = Object.keys(others);
      expect(changed.filter((kind) => !/^changed (?:OK|EPERM)$/u.test(kind))).toEqual([]);
      expect(astray).toBe(0);
    },
  );

  test.for(ways)(
    'A2: changing administrators: one in a user namespace of its own gets no mount by the calls of one that it shares its memory with ($flags)',
    async ({ options }) => {
      const rounds = 300;
      const { astray, answers } = await callsDuring('user-namespace-beside', rounds, options);

      expect(answers).toEqual({ 'admin OK': rounds, 'other refused': expect.any(Number) });
      expect(answers['other refused']).toBeGreaterThan(rounds);
      expect(astray).toBe(0);
    },
  );
});
