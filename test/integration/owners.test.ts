// SPDX-License-Identifier: Apache-2.0
// Whoever calls, and wherever: what the agent does for a caller comes to what the same call comes
// to natively, in owners, modes, access lists and errnos.
import { afterAll, beforeAll, describe, expect, test } from 'vitest';

import { runCommand } from '../support/command.ts';
import { compiled } from '../support/compile.ts';
import { makeFolder } from '../support/folder-contents.ts';
import { TemporaryFolder } from '../support/temporary-folder.ts';
import { testBundle } from '../support/test-bundles.ts';
import { startWatchedAgent } from '../support/watched-agent.ts';
import type { WatchedAgent } from '../support/watched-agent.ts';

/** The callers of owner-caller.c. */
const callers = [
  'root',
  'root-without',
  'root-with-some',
  'root-rooted',
  'root-as-user-of-files',
  'user',
  'user-with-groups',
  'user-not-dumpable',
  'user-with-no-new-privs',
  'user-as-stranger',
  'user-with-some',
  'user-rooted',
  'root-of-one-range',
  'user-of-one-range',
  'root-of-two-ranges',
  'user-of-two-ranges',
  'root-of-range-without',
  'root-of-identical-range',
  'outer-user-of-range',
];

/** Those that may mount in their own user namespace, and have ids there. */
const mounters = [
  'root',
  'root-rooted',
  'root-of-one-range',
  'root-of-two-ranges',
  'root-of-identical-range',
];

/** Of each kind of caller one, for the places where less depends on who it is. */
const someCallers = [
  'root',
  'root-with-some',
  'root-as-user-of-files',
  'user-with-groups',
  'user-rooted',
  'root-of-two-ranges',
  'outer-user-of-range',
];

/** The places of owner-caller.c, and who calls there. */
const places: readonly (readonly [place: string, callers: readonly string[]])[] = [
  ['plain', callers],
  ['idmapped', [...someCallers, 'user', 'root-of-one-range', 'user-of-two-ranges']],
  ['tmpfs', someCallers],
  ['overlay', someCallers],
  ['read-only', someCallers],
  ['restricted', someCallers],
];

interface Situation {
  readonly caller: string;
  readonly place: string;
  readonly umask?: string;
}

/** The lines of owner-caller.c; without a socket those of the kernel alone. */
async function linesOf(
  { caller, place, umask = '022' }: Situation,
  socket?: string,
): Promise<readonly string[]> {
  using folder = new TemporaryFolder();
  const path = makeFolder(folder.path, 'place');
  const connection = socket === undefined ? [] : ['-s', socket];
  const { code, signal, stdout, stderr } = await runCommand([
    compiled('owner-caller'),
    ...connection,
    '-M',
    umask,
    caller,
    place,
    path,
  ]);
  if (code !== 0) throw new Error(`owner-caller ${caller}: ${signal ?? code} ${stderr}`);
  return stdout.split('\n').slice(0, -1);
}

describe('owners', () => {
  let agent: WatchedAgent;
  beforeAll(async () => {
    agent = await startWatchedAgent({ bundle: testBundle('perform'), log: 'warn' });
  });
  afterAll(async () => {
    await agent[Symbol.asyncDispose]();
  });

  async function bothWays(
    situation: Situation,
  ): Promise<{ readonly ours: readonly string[]; readonly theirs: readonly string[] }> {
    const [theirs, ours] = await Promise.all([
      linesOf(situation),
      linesOf(situation, agent.socket),
    ]);
    return { ours, theirs };
  }

  describe.each(places)('in the place %s', (place, there) => {
    test.each(there)('A1: owners: %s gets what the kernel gives', async (caller) => {
      const { ours, theirs } = await bothWays({ caller, place });

      expect(ours).toEqual(theirs);
    });
  });

  test.each(mounters)('A1: owners: %s gets it in a tmpfs of its own', async (caller) => {
    const { ours, theirs } = await bothWays({ caller, place: 'own-tmpfs' });

    expect(ours).toEqual(theirs);
  });

  test('A1: owners: uid 1000 makes nothing in a folder of root, and owns what it makes', async () => {
    const { ours: lines } = await bothWays({ caller: 'user', place: 'plain' });

    expect(lines).toContain('of-root: mkdir EACCES');
    expect(lines).toContain('of-root: open new EACCES');
    expect(lines).toContainEqual(expect.stringMatching(/^\.\/open\/made 42711 1000:1000 /u));
    expect(lines).toContainEqual(expect.stringMatching(/^\.\/setgid\/made-bits 43755 1000:2000 /u));
    // the access list of the folder, and not the umask
    expect(lines).toContainEqual(expect.stringMatching(/^\.\/acl\/opened 100660 /u));
    expect(lines.filter((line) => line.endsWith('at another time'))).toEqual([]);
  });

  test('owners: uid 1000 changes lengths and times of its own files, and of others by their modes', async () => {
    const { ours } = await bothWays({ caller: 'user', place: 'plain' });

    for (const line of [
      'truncate of user OK',
      'truncate of root EACCES',
      'truncate directory EISDIR',
      'truncate fifo EINVAL',
      'truncate beyond the limit EFBIG',
      'utimensat of user OK',
      'utimensat of root EPERM',
      'utimensat of root to now EACCES',
      'utimensat of stranger to now OK',
      'utimensat nowhere EFAULT',
      'utimensat nowhere to nothing OK',
      'utimensat of a held path EBADF',
    ]) {
      expect(ours).toContain(`open: ${line}`);
    }
    const { ours: unchanged } = await bothWays({ caller: 'root', place: 'read-only' });
    expect(unchanged).toContain('open: truncate of root EROFS');
    expect(unchanged).toContain('open: utimensat of root EROFS');
  });

  test.each([
    { place: 'tmpfs', opened: 'open null gives 100002 OK' },
    { place: 'overlay', opened: 'open null gives 100002 OK' },
    { place: 'restricted', opened: 'open null EACCES' },
  ])('A7: owners: nodes that root makes in the place $place', async ({ place, opened }) => {
    const { ours, theirs } = await bothWays({ caller: 'root', place });

    expect(ours).toEqual(theirs);
    // making one is allowed on a mount with nodev, too
    for (const what of ['null', 'memory', 'disk']) expect(ours).toContain(`open: mknod ${what} OK`);
    expect(ours).toContain(`open: ${opened}`);
    // a whiteout is none of an overlay's own
    expect(ours.filter((line) => line.startsWith('open: mknod whiteout'))).toEqual([
      place === 'overlay' ? 'open: mknod whiteout EPERM' : 'open: mknod whiteout OK',
    ]);
  });

  test.each(['user', 'root-without', 'root-of-one-range'])(
    'A7: owners: %s makes no devices, but whiteouts',
    async (caller) => {
      const { ours } = await bothWays({ caller, place: 'tmpfs' });

      for (const what of ['null', 'memory', 'disk']) {
        expect(ours).toContain(`open: mknod ${what} EPERM`);
      }
      expect(ours).toContain('open: mknod whiteout OK');
    },
  );

  test.each(['077', '0', '777'])('A1: owners: the umask %s counts', async (umask) => {
    for (const caller of ['root', 'user', 'user-of-two-ranges']) {
      const { ours, theirs } = await bothWays({ caller, place: 'plain', umask });

      expect(ours).toEqual(theirs);
    }
  });
});
