// SPDX-License-Identifier: Apache-2.0
// Tests `npm run demo`: what it shows and what it leaves behind.
import { randomUUID } from 'node:crypto';
import { readdirSync, readFileSync } from 'node:fs';

import { beforeAll, expect, test } from 'vitest';

import { projectRoot, runCommand } from '../support/command.ts';
import type { CommandResult } from '../support/command.ts';
import { endOfMentioning } from '../support/process-table.ts';

interface Traces {
  readonly root: readonly string[];
  readonly mnt: readonly string[];
  readonly mounts: readonly string[];
}

/** Others mount elsewhere while we run. */
function traces(): Traces {
  const mounts = readFileSync('/proc/self/mountinfo', 'utf8').split('\n');
  return {
    root: readdirSync('/'),
    mnt: readdirSync('/mnt'),
    mounts: mounts.filter((line) => / \/mnt[ /]/u.test(line)),
  };
}

const marker = randomUUID();
let before: Traces;
let after: Traces;
let result: CommandResult;

beforeAll(async () => {
  before = traces();
  result = await runCommand(['npm', 'run', 'demo'], {
    cwd: projectRoot,
    environment: { SECCOMPAGENT_TEST: marker },
  });
  after = traces();
});

test('demo: ends well and without a word on stderr', () => {
  expect({ code: result.code, stderr: result.stderr }).toEqual({ code: 0, stderr: '' });
});

test('demo: mkdir makes a directory with the number of the first process in its name', () => {
  expect(result.stdout).toMatch(
    /# mkdir abc\n.*# ls -d abc-pid-(?<pid>\d+)\n {2}abc-pid-\k<pid>\n/u,
  );
});

test('demo: chmod fails with EBADMSG', () => {
  expect(result.stdout).toMatch(/# chmod 777 \.\n {2}chmod: .*: Bad message\n/u);
});

test('demo: mount without CAP_SYS_ADMIN is refused for a tmpfs and done for proc', () => {
  expect(result.stdout).toMatch(
    /# mount -t tmpfs none abc-pid-\d+\n {2}mount: .*permission denied/u,
  );
  expect(result.stdout).toMatch(
    /# mount -t proc proc (?<dir>abc-pid-\d+)\n {2}# ls \k<dir>\/self\/cmdline\n {2}\k<dir>\/self\/cmdline\n$/u,
  );
});

test('demo: no process and no mount stays, and no file in the folders that it uses', async () => {
  await endOfMentioning(marker);
  expect(after).toEqual(before);
});

test('demo: no directory of mount(8) stays in /run', () => {
  const suffix = /-pid-\d+/u.exec(result.stdout)?.[0] ?? 'no suffix';
  expect(result.stdout).toContain(suffix);
  expect(readdirSync('/run').filter((name) => name.endsWith(suffix))).toEqual([]);
});
