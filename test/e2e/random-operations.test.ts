// SPDX-License-Identifier: Apache-2.0
// Random operations on files, performed and by the kernel alone: the same results, and the same files
// at last.
import { writeFileSync } from 'node:fs';

import { afterAll, beforeAll, describe, expect, test } from 'vitest';

import { runCommand } from '../support/command.ts';
import { compiled } from '../support/compile.ts';
import { makeFolder } from '../support/folder-contents.ts';
import { patient } from '../support/patience.ts';
import { TemporaryFolder } from '../support/temporary-folder.ts';
import { testBundle } from '../support/test-bundles.ts';
import { startWatchedAgent } from '../support/watched-agent.ts';
import type { WatchedAgent } from '../support/watched-agent.ts';

/** Of each run, and how many of them. */
const operations = 1000;
const runs = Number(process.env['SECCOMPAGENT_RANDOM_RUNS'] ?? 3);
const deadlineMs = patient(30_000 * runs);
/** Another one each time, which the failure names. */
const seed = Number(process.env['SECCOMPAGENT_RANDOM_SEED'] ?? Math.floor(Math.random() * 2 ** 31));

type Lines = readonly string[];

/**
 * The same of calls that the handler has looked up before the kernel can judge their other arguments:
 * of several errors it tells that of the path, also where two UTIME_OMIT need none. EXDEV of an open
 * file whose name was removed, and that has others, ends the comparison.
 */
function lookedUp(alone: Lines, performed: Lines): readonly [Lines, Lines] {
  const end = performed.findIndex((line) => /^\d+ "\/proc\/.* = EXDEV$/u.test(line));
  const comparable = (lines: Lines): Lines =>
    lines
      .slice(0, end === -1 ? undefined : end)
      .filter((line) => !/ utimensat 2 = /u.test(line))
      .map((line) => line.replace(/ = E[A-Z0-9]+$/u, ' = error'));
  return [comparable(alone), comparable(performed)];
}

/** With `resolve` the host acts on what its paths were found to lead to. */
describe.each(['perform', 'resolve'])('random operations: %s', (bundle) => {
  const looksUp = bundle === 'resolve';
  const folder = new TemporaryFolder();
  let agent: WatchedAgent;
  let killable: readonly string[] = [];
  let made = 0;

  beforeAll(async () => {
    agent = await startWatchedAgent({ bundle: testBundle(bundle), log: 'warn', mayWarn: true });
    const ociBundle = makeFolder(folder.path, 'bundle');
    const flags = ['SECCOMP_FILTER_FLAG_WAIT_KILLABLE_RECV'];
    writeFileSync(`${ociBundle}/config.json`, JSON.stringify({ linux: { seccomp: { flags } } }));
    killable = ['-k', '-b', ociBundle];
  });
  afterAll(async () => {
    await agent[Symbol.asyncDispose]();
    folder[Symbol.dispose]();
  });

  async function linesOf(own: number, options: readonly string[]): Promise<readonly string[]> {
    made += 1;
    const root = makeFolder(folder.path, `root-${made}`);
    const command = [
      compiled('random-operations'),
      ...options,
      root,
      `${own}`,
      `${operations}`,
    ] as const;
    const { code, stdout, stderr } = await runCommand(command);
    expect({ code, stderr }).toEqual({ code: 0, stderr: '' });
    return stdout.split('\n');
  }

  test.for([
    { who: 'root', identity: [] },
    { who: 'a user', identity: ['-u'] },
    { who: 'root of a user namespace', identity: ['-U'] },
    { who: 'root in an overlay', identity: ['-o'] },
    { who: 'a user in an overlay', identity: ['-o', '-u'] },
  ])(
    'A3: random operations of $who come to what the kernel does alone',
    { timeout: deadlineMs },
    async ({ identity }) => {
      for (let run = 0; run < runs; run += 1) {
        const own = seed + run;
        const alone = await linesOf(own, identity);
        expect(alone.length).toBeGreaterThan(operations);
        for (const options of [[], killable]) {
          const performed = await linesOf(own, [...identity, '-s', agent.socket, ...options]);
          const [wanted, found] = looksUp ? lookedUp(alone, performed) : [alone, performed];
          expect({ seed: own, lines: found }).toEqual({ seed: own, lines: wanted });
        }
      }
    },
  );
});
