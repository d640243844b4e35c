// SPDX-License-Identifier: Apache-2.0
// Callers whose paths start at places that few have, and mean what only the caller knows.
import { afterAll, beforeAll, describe, expect, test } from 'vitest';

import { runCommand } from '../support/command.ts';
import { compiled } from '../support/compile.ts';
import { makeFolder } from '../support/folder-contents.ts';
import { mountsOf } from '../support/process-resources.ts';
import { TemporaryFolder } from '../support/temporary-folder.ts';
import { testBundle } from '../support/test-bundles.ts';
import { startWatchedAgent } from '../support/watched-agent.ts';
import type { WatchedAgent } from '../support/watched-agent.ts';

/** The lines of odd-caller.c; without a socket those of the kernel alone. */
async function linesOf(place: string, socket?: string): Promise<readonly string[]> {
  using folder = new TemporaryFolder();
  const path = makeFolder(folder.path, 'place');
  const connection = socket === undefined ? [] : ['-s', socket];
  const { code, signal, stdout, stderr } = await runCommand([
    compiled('odd-caller'),
    ...connection,
    place,
    path,
  ]);
  if (code !== 0) throw new Error(`odd-caller ${place}: ${signal ?? code} ${stdout} ${stderr}`);
  return stdout.split('\n').slice(0, -1);
}

describe('odd callers', () => {
  let agent: WatchedAgent;
  beforeAll(async () => {
    agent = await startWatchedAgent({ bundle: testBundle('perform'), log: 'warn' });
  });
  afterAll(async () => {
    await agent[Symbol.asyncDispose]();
  });

  test.each([
    { what: 'whose first thread has exited', place: 'leader-has-exited', sure: 'dirfd OK' },
    { what: 'in a thread with a folder of its own', place: 'thread-of-its-own', sure: 'dirfd OK' },
    { what: 'with odd descriptors', place: 'odd-descriptors', sure: 'deleted ENOENT' },
    { what: 'whose folder has another name now', place: 'renamed-cwd', sure: 'above OK' },
    { what: 'whose folder is deleted', place: 'deleted-cwd', sure: 'relative ENOENT' },
    { what: 'whose folder is mounted no more', place: 'detached-cwd', sure: 'relative OK' },
    { what: 'that means entries of procfs themselves', place: 'entries', sure: 'link EXDEV' },
  ])('A3a: odd callers: one $what gets what the kernel gives', async ({ place, sure }) => {
    const [theirs, ours] = await Promise.all([linesOf(place), linesOf(place, agent.socket)]);

    expect(ours).toEqual(theirs);
    expect(ours).toContain(sure);
  });

  test.each([
    { what: 'whose disk has no more inodes', place: 'no-more-inodes', sure: 'mkdir ENOSPC' },
    {
      what: 'whose disk has no more blocks',
      place: 'no-more-blocks',
      sure: 'symlink to a long name ENOSPC',
    },
    {
      what: 'that may have no more descriptors',
      place: 'no-more-descriptors',
      sure: 'open EMFILE',
    },
    { what: 'that may write no files', place: 'no-size-of-files', sure: 'create OK' },
  ])('A1: odd callers: one $what gets what the kernel gives', async ({ place, sure }) => {
    const [theirs, ours] = await Promise.all([linesOf(place), linesOf(place, agent.socket)]);

    expect(ours).toEqual(theirs);
    expect(ours).toContain(sure);
  });

  test('A3a: odd callers: an automount happens in the caller’s namespace', async () => {
    const before = [mountsOf('self'), mountsOf(agent.pid)];

    const ours = await linesOf('automount', agent.socket);

    expect(ours).toEqual(await linesOf('automount'));
    expect(ours).toContain('read OK');
    expect([mountsOf('self'), mountsOf(agent.pid)]).toEqual(before);
  });
});
