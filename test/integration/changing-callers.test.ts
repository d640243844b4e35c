// SPDX-License-Identifier: Apache-2.0
// A2: callers whose namespaces and ids change, or somebody's beside them, while their calls are
// handled: each call is done as who the caller was, or not at all, and never with more than that.
import { afterAll, beforeAll, describe, expect, test } from 'vitest';

import { runCommand } from '../support/command.ts';
import { compiled } from '../support/compile.ts';
import { makeFolder } from '../support/folder-contents.ts';
import { TemporaryFolder } from '../support/temporary-folder.ts';
import { testBundle } from '../support/test-bundles.ts';
import { startWatchedAgent } from '../support/watched-agent.ts';
import type { WatchedAgent } from '../support/watched-agent.ts';

const rounds = 150;

interface Changed {
  readonly changes: number;
  /** `CALL WHERE ANSWER`, and how often. */
  readonly answers: Readonly<Record<string, number>>;
  /** Files of the caller's first mount namespace, which should not be there. */
  readonly left: readonly string[];
}

describe('changing callers', () => {
  let agent: WatchedAgent;
  beforeAll(async () => {
    agent = await startWatchedAgent({ bundle: testBundle('changing'), log: 'warn' });
  });
  afterAll(async () => {
    await agent[Symbol.asyncDispose]();
  });

  /** Output of changing-caller.c. */
  async function callsDuring(change: string, options: readonly string[] = []): Promise<Changed> {
    using folder = new TemporaryFolder();
    const path = makeFolder(folder.path, 'place');
    const { code, signal, stdout, stderr } = await runCommand([
      compiled('changing-caller'),
      '-s',
      agent.socket,
      ...options,
      change,
      String(rounds),
      path,
    ]);
    if (code !== 0) throw new Error(`changing-caller: ${signal ?? code} ${stdout} ${stderr}`);
    const lines = stdout.split('\n').slice(0, -1);
    const counts = lines.flatMap((line) => {
      const [, what = '', count] = /^(.*) (\d+)$/u.exec(line) ?? [];
      return count === undefined ? [] : [[what, Number(count)] as const];
    });
    const { changes = 0, ...answers } = Object.fromEntries(counts);
    const left = lines.filter((line) => /^(?:found|mounted) /u.test(line));
    return { changes, answers, left };
  }

  test.for([
    { what: 'goes from one mount namespace to the next', change: 'mounts-beside' },
    { what: 'becomes root again and again', change: 'ids-beside' },
    { what: 'makes user namespaces', change: 'user-namespaces-beside' },
  ])('A2: changing callers: a thread beside one that $what', async ({ change }) => {
    const { changes, answers, left } = await callsDuring(change);

    expect(changes).toBeGreaterThan(rounds / 10);
    // the threads of the process share nothing of this, so every call is the user's
    expect(answers).toEqual({
      'mkdir own OK': rounds,
      'mkdir roots EACCES': rounds,
      'mount own OK': rounds,
      'mount roots EPERM': rounds,
    });
    expect(left).toEqual([]);
  });

  test.for([
    { what: 'in the middle of a call', options: [] },
    { what: 'as soon as a call is over', options: ['-k'] },
  ])('A2: changing callers: one that makes a user namespace $what', async ({ options }) => {
    const { changes, answers, left } = await callsDuring('user-namespace-by-signal', options);

    expect(changes).toBeGreaterThan(rounds / 10);
    const kinds = Object.keys(answers);
    expect(kinds).toContain('mkdir own OK');
    // nothing makes it root's
    expect(kinds.filter((kind) => kind.startsWith('mkdir roots'))).toEqual(['mkdir roots EACCES']);
    // over root's directory it mounts in the namespace that it has made itself, and only there
    expect(kinds).toContain('mount roots EPERM');
    expect(left.filter((line) => !line.startsWith('mounted /own '))).toEqual([]);
  });
});
