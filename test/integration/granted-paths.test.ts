// SPDX-License-Identifier: Apache-2.0
// Tests which paths a handler may use whose grant names folders, whoever the caller is: by a thread
// of the agent, and by a helper where the caller has a user namespace.
import { lstatSync, mkdirSync, readdirSync, symlinkSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';

import { afterAll, beforeAll, describe, expect, test } from 'vitest';

import { runCommand } from '../support/command.ts';
import { compiled } from '../support/compile.ts';
import { TemporaryFolder } from '../support/temporary-folder.ts';
import { testBundle } from '../support/test-bundles.ts';
import { startWatchedAgent } from '../support/watched-agent.ts';
import type { WatchedAgent } from '../support/watched-agent.ts';

const noXdev = '1';
const noSymlinks = '4';
const beneath = '8';
const inRoot = '10';

/** A root with two granted folders, /work and /data/in, and links that lead hither and thither. */
function fillRoot(root: string): void {
  for (const folder of ['work/sub/deep', 'data/in', 'etc', 'proc', 'works']) {
    mkdirSync(join(root, folder), { recursive: true });
  }
  for (const file of ['etc/passwd', 'work/file', 'work/sub/file', 'data/in/file', 'data/file']) {
    writeFileSync(join(root, file), 'text');
  }
  symlinkSync('/etc', join(root, 'work/absolute'));
  symlinkSync('../etc', join(root, 'work/out'));
  symlinkSync('sub', join(root, 'work/in'));
  symlinkSync('../sub/deep', join(root, 'work/sub/back'));
  symlinkSync('../etc/passwd', join(root, 'work/leak'));
  symlinkSync('work', join(root, 'link'));
  symlinkSync('/proc/self/root/etc', join(root, 'work/magic'));
}

interface Calls {
  readonly root: string;
  readonly cwd?: string;
  readonly folder?: string;
}

type Expected = readonly (readonly [call: string, answer: string])[];

interface Outcome {
  readonly answers: Expected;
  /** Files outside of the folders. */
  readonly root: readonly string[];
  readonly etc: readonly string[];
  readonly data: readonly string[];
  /** The mode of a file there, and how many names it has. */
  readonly passwd: readonly number[];
}

/** These answers, and outside all is as it was. */
function only(answers: Expected): Outcome {
  return {
    answers,
    root: ['data', 'etc', 'link', 'proc', 'work', 'works'],
    etc: ['passwd'],
    data: ['file', 'in'],
    passwd: [0o644, 1],
  };
}

describe.for([
  { caller: 'root', isMapped: false },
  { caller: 'root of a user namespace', isMapped: true },
])('$caller', ({ isMapped }) => {
  let agent: WatchedAgent;
  beforeAll(async () => {
    agent = await startWatchedAgent({
      bundle: testBundle('files'),
      allowed: { filesystem: { paths: ['/work', '/data/in', '/link', '/none'] } },
      log: 'error',
    });
  });
  afterAll(async () => {
    await agent[Symbol.asyncDispose]();
  });

  /** The answer of each call, which all have one. */
  async function answersOf(
    { root, cwd = '/', folder }: Calls,
    calls: readonly string[],
  ): Promise<readonly (readonly [call: string, answer: string])[]> {
    const { code, stdout, stderr } = await runCommand([
      compiled('granted-caller'),
      '-s',
      agent.socket,
      ...(isMapped ? ['-u'] : []),
      ...(folder === undefined ? [] : ['-d', folder]),
      root,
      cwd,
      ...calls,
    ]);
    expect({ code, stderr }).toEqual({ code: 0, stderr: '' });
    return stdout
      .split('\n')
      .slice(0, -1)
      .map((line) => [line.slice(0, line.lastIndexOf(':')), line.slice(line.lastIndexOf(' ') + 1)]);
  }

  /** Results of the calls, and the files elsewhere afterwards. */
  async function outcomeOf(place: Omit<Calls, 'root'>, calls: Expected): Promise<Outcome> {
    using folder = new TemporaryFolder();
    const root = folder.at('root');
    mkdirSync(root);
    fillRoot(root);
    const answers = await answersOf(
      { root, ...place },
      calls.map(([call]) => call),
    );
    const passwd = lstatSync(join(root, 'etc/passwd'));
    return {
      answers,
      root: readdirSync(root).toSorted(),
      etc: readdirSync(join(root, 'etc')),
      data: readdirSync(join(root, 'data')).toSorted(),
      passwd: [passwd.mode & 0o777, passwd.nlink],
    };
  }

  test('granted paths: operations within a folder are done', async () => {
    const calls: Expected = [
      ['mkdir /work/new', '0'],
      ['mkdir /work/new/', 'EEXIST'],
      ['mkdir //work/./more//', '0'],
      ['mkdir /work/sub/../beside', '0'],
      ['mkfifo /work/fifo', '0'],
      ['create /work/created', '0'],
      ['create /work/in/created', '0'],
      ['create /data/in/created', '0'],
      ['temporary /work', '0'],
      ['read /work/file', '0'],
      ['read /work', '0'],
      ['chmod /work/file', '0'],
      ['chmod /work', '0'],
      ['chown /work/sub/file', '0'],
      ['lchown /work/leak', '0'],
      ['rename /work/created /data/in/moved', '0'],
      ['exchange /work/new /work/more', '0'],
      ['link /work/file /work/other', '0'],
      ['link-target /work/in/file /work/third', '0'],
      ['symlink /etc/passwd /work/made', '0'],
      ['mkdir /work/sub/back/deeper', '0'],
      ['unlink /work/other', '0'],
      ['rmdir /work/more', '0'],
      ['list-attributes /work/file', '0'],
      ['read /work/nothing', 'ENOENT'],
      ['mkdir /none/x', 'ENOENT'],
      ['read /work/file/x', 'ENOTDIR'],
    ];
    expect(await outcomeOf({}, calls)).toEqual(only(calls));
  });

  test('A3: granted paths: nothing else is', async () => {
    const calls: Expected = [
      ['mkdir /new', 'EPERM'],
      ['mkdir /works/new', 'EPERM'],
      ['mkdir /work/../new', 'EPERM'],
      ['mkdir /work/../etc/new', 'EPERM'],
      ['mkdir /work/sub/../../etc/new', 'EPERM'],
      ['mkdir /work/out/new', 'EPERM'],
      ['mkdir /work/absolute/new', 'EPERM'],
      ['mkdir /work/in/../../etc/new', 'EPERM'],
      ['mkdir /data/new', 'EPERM'],
      ['mkdir /data/in/../new', 'EPERM'],
      ['mkdir /etc/../work/new', 'EPERM'],
      // a folder that is a link is none
      ['mkdir /link/new', 'EPERM'],
      ['read /work/leak', 'EPERM'],
      ['read /work/..', 'EPERM'],
      ['read /', 'EPERM'],
      ['create /work/leak', 'EPERM'],
      ['temporary /work/out', 'EPERM'],
      ['chmod /work/leak', 'EPERM'],
      ['chmod /etc/passwd', 'EPERM'],
      ['chown /work/absolute/passwd', 'EPERM'],
      ['rename /work/file /etc/file', 'EPERM'],
      ['rename /etc/passwd /work/passwd', 'EPERM'],
      ['exchange /work/file /etc/passwd', 'EPERM'],
      ['link /etc/passwd /work/passwd', 'EPERM'],
      ['link-target /work/leak /work/passwd', 'EPERM'],
      ['link /work/file /data/new', 'EPERM'],
      ['symlink x /etc/x', 'EPERM'],
      ['unlink /etc/passwd', 'EPERM'],
      ['unlink /work/out/passwd', 'EPERM'],
      ['rmdir /works', 'EPERM'],
      ['set-attribute /work/leak', 'EPERM'],
      ['get-attribute /work/leak', 'EPERM'],
      ['list-attributes /etc', 'EPERM'],
      ['remove-attribute /work/leak', 'EPERM'],
      // the folder itself stays
      ['rename /work /data/in/work', 'EBUSY'],
      ['mkdir /work', 'EEXIST'],
      ['rmdir /work', 'EINVAL'],
    ];
    expect(await outcomeOf({}, calls)).toEqual(only(calls));
  });

  test('granted paths: mkdir of what is there is EEXIST everywhere, as mkdir -p needs it', async () => {
    const calls: Expected = [
      ['mkdir /', 'EEXIST'],
      ['mkdir /data', 'EEXIST'],
      ['mkdir /data/', 'EEXIST'],
      ['mkdir /data/in', 'EEXIST'],
      ['mkdir /data/in/new', '0'],
      ['mkdir /work/../etc', 'EEXIST'],
      ['mkdir /link', 'EEXIST'],
      ['mkdir /etc/passwd', 'EPERM'],
      ['mkdir /nothing', 'EPERM'],
      ['mkfifo /etc', 'EPERM'],
      ['symlink x /etc', 'EPERM'],
    ];
    expect(await outcomeOf({}, calls)).toEqual(only(calls));
  });

  test('A3a: granted paths: relative ones count by what they start at', async () => {
    const below: Expected = [
      ['mkdir new', '0'],
      ['mkdir ../new', '0'],
      ['mkdir ./deep/../../other', '0'],
      ['mkdir ../../etc/new', 'EPERM'],
      ['mkdir ../../data/new', 'EPERM'],
      ['mkdir-at new', '0'],
      ['mkdir-at ../new', 'EPERM'],
      ['chmod-folder', '0'],
      ['create /proc/self/cwd/by-proc', '0'],
      ['create /proc/self/cwd/../../etc/by-proc', 'EPERM'],
      ['read /proc/self/root/etc/passwd', 'EPERM'],
      ['read /proc/self/root/work/file', '0'],
    ];
    expect(await outcomeOf({ cwd: '/work/sub', folder: '/data/in' }, below)).toEqual(only(below));
    const above: Expected = [
      ['mkdir work/new', '0'],
      ['mkdir work/sub/../../etc/new', 'EPERM'],
      ['mkdir etc/new', 'EPERM'],
      ['mkdir-at new', 'EPERM'],
      ['mkdir-at ../work/at', 'EPERM'],
      ['mkdir-at passwd', 'EPERM'],
      ['chmod-folder', 'EPERM'],
    ];
    expect(await outcomeOf({ cwd: '/', folder: '/etc' }, above)).toEqual(only(above));
  });

  test('granted paths: the caller’s own rules of resolution count as well', async () => {
    const inside: Expected = [
      [`open-with file ${beneath}`, '0'],
      [`open-with ../file ${beneath}`, 'EXDEV'],
      [`open-with ../file 0`, '0'],
      [`open-with ../../etc/passwd 0`, 'EPERM'],
      [`open-with ../../../sub/file ${inRoot}`, 'ENOENT'],
      [`open-with ../../../file ${inRoot}`, '0'],
      [`open-with /file ${inRoot}`, '0'],
      [`open-with back ${noSymlinks}`, 'ELOOP'],
      [`open-with /work/sub/file ${noXdev}`, '0'],
      [`open-with file ${noXdev}`, '0'],
      [`open-with /etc/passwd ${noXdev}`, 'EPERM'],
    ];
    expect(await outcomeOf({ folder: '/work/sub' }, inside)).toEqual(only(inside));
    const outside: Expected = [
      [`open-with passwd ${beneath}`, 'EPERM'],
      [`open-with passwd ${noXdev}`, 'EPERM'],
      [`open-with /passwd ${inRoot}`, 'EPERM'],
    ];
    expect(await outcomeOf({ folder: '/etc' }, outside)).toEqual(only(outside));
  });
});
