// SPDX-License-Identifier: Apache-2.0
// The wide contract with real callers: what the host performs, gives, remembers and reads.
import { chownSync, mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';

import { afterAll, beforeAll, describe, expect, test } from 'vitest';

import { linesOf } from '../support/file-caller.ts';
import { killableBundle } from '../support/oci-bundle.ts';
import { TemporaryFolder } from '../support/temporary-folder.ts';
import { testBundle } from '../support/test-bundles.ts';
import { startWatchedAgent } from '../support/watched-agent.ts';
import type { WatchedAgent } from '../support/watched-agent.ts';

describe('contract: perform', () => {
  let agent: WatchedAgent;
  beforeAll(async () => {
    agent = await startWatchedAgent({ bundle: testBundle('perform'), log: 'warn' });
  });
  afterAll(async () => {
    await agent[Symbol.asyncDispose]();
  });

  test('M1, K18: contract: performed calls have the result of the kernel alone', async () => {
    using own = new TemporaryFolder();
    using other = new TemporaryFolder();
    const alone = await linesOf(own.path, []);
    const performed = await linesOf(other.path, [], ['-k', '-s', agent.socket]);
    expect(performed).toEqual(alone);
    expect(alone.length).toBeGreaterThan(55);
    expect(agent.log()).toEqual([]);
  });

  test('M4: contract: results are not written where a signal could come between', async () => {
    using folder = new TemporaryFolder();
    expect(await linesOf(folder.path, ['read-attributes'], ['-s', agent.socket])).toEqual([
      'file 0',
      'setxattr 0',
      'getxattr EOPNOTSUPP',
      'the value is ',
      'listxattr EOPNOTSUPP',
      'the first is ',
    ]);
  });

  test('M4: contract: where no signal can come between they are those of the kernel alone', async () => {
    using bundle = killableBundle();
    using own = new TemporaryFolder();
    using other = new TemporaryFolder();
    const alone = await linesOf(own.path, ['read-attributes']);
    const options = ['-k', '-b', bundle.path, '-s', agent.socket];
    expect(await linesOf(other.path, ['read-attributes'], options)).toEqual(alone);
    expect(alone).toContain('the value is value');
  });

  test('A4: contract: an opened file of procfs is never the opening helper’s own', async () => {
    using folder = new TemporaryFolder();
    // the agent's processes are in the pid namespace that the caller's procfs shows
    expect(await linesOf(folder.path, ['open-processes'], ['-s', agent.socket])).toEqual([
      'status 0',
      'memory 0',
      'namespace 0',
      'program 0',
      'of the thread 0',
      'by a link 0',
      'attributes 0',
      'own file 0',
      'in own folder 0',
    ]);
  });

  test('A1, A13: contract: devices are opened as the kernel alone does it', async () => {
    using own = new TemporaryFolder();
    using other = new TemporaryFolder();
    const alone = await linesOf(own.path, ['open-devices']);
    expect(await linesOf(other.path, ['open-devices'], ['-s', agent.socket])).toEqual(alone);
    expect(alone).toContain('loop-control 0');
    expect(alone).toHaveLength(12);
  });

  test.for([
    ['M1', 'restrict-open', 2000],
    ['M1', 'size-how', 80],
    ['M1', 'choose-sizes', 300],
    ['M2', 'end-strings', 130],
  ] as const)('%s: contract: %s comes to what the kernel alone does', async ([, mode, max]) => {
    using bundle = killableBundle();
    const from = agent.log().length;
    using own = new TemporaryFolder();
    using other = new TemporaryFolder();
    const alone = await linesOf(own.path, [mode]);
    const options = ['-k', '-b', bundle.path, '-s', agent.socket];
    expect(await linesOf(other.path, [mode], options)).toEqual(alone);
    expect(alone.length).toBeGreaterThan(max);
    expect(agent.log().slice(from)).toEqual([]);
  });

  test.for([
    { who: 'root', words: [] },
    { who: 'a user', words: ['user'] },
  ])(
    'M1: contract: links that lead nowhere and last descriptors are as the kernel has them, for $who',
    async ({ words }) => {
      using own = new TemporaryFolder();
      using other = new TemporaryFolder();
      const alone = await linesOf(own.path, ['open-edges', ...words]);
      const options = ['-s', agent.socket];
      expect(await linesOf(other.path, ['open-edges', ...words], options)).toEqual(alone);
      expect(alone.length).toBeGreaterThan(200);
    },
  );

  test('contract: a call that the host cannot perform is a failure of the handler', async () => {
    using folder = new TemporaryFolder();
    expect(await linesOf(folder.path, ['sysinfo'], ['-s', agent.socket])).toEqual([
      'sysinfo EPERM',
    ]);
    await agent.untilLogged('call-failed', {
      code: 'AGENT_HANDLER_FAILED',
      syscall: 'sysinfo',
      handler: 'perform',
      error: /sysinfo/u,
    });
  });
});

describe('contract: capabilities', () => {
  let agent: WatchedAgent;
  beforeAll(async () => {
    agent = await startWatchedAgent({ bundle: testBundle('give'), log: 'warn' });
  });
  afterAll(async () => {
    await agent[Symbol.asyncDispose]();
  });

  test('contract: a descriptor of the host becomes the result of the call', async () => {
    using folder = new TemporaryFolder();
    writeFileSync(folder.at('file.given'), 'given');
    expect(await linesOf(folder.path, ['open-given'], ['-s', agent.socket])).toEqual([
      // FD_CLOEXEC
      'file has 5 bytes: given, flags 1',
      // the host has no such descriptor: the failure policy answers
      'open none EPERM',
      'open other ENOENT',
    ]);
  });

  test('contract: a container has one memory, whichever worker answers, and no other has it', async () => {
    using folder = new TemporaryFolder();
    const folders = ['a', 'b', 'c'].map((name) => join(folder.path, name));
    for (const each of folders) mkdirSync(each);
    const all = await Promise.all(
      folders.map((each) => linesOf(each, ['mkdirs', '100'], ['-s', agent.socket])),
    );
    const expected = Array.from({ length: 100 }, (_, index) => `mkdir ${index + 1}`);
    for (const lines of all) expect(lines).toEqual(expected);
  });

  test('contract: descriptors are copied from the caller and to it, and it is known', async () => {
    using folder = new TemporaryFolder();
    writeFileSync(folder.at('text.given'), '');
    expect(await linesOf(folder.path, ['descriptors'], ['-s', agent.socket])).toEqual([
      'write 5',
      'size 5',
      'installed has 5 bytes: hello, flags 1',
      'replaced 0',
      'far has 5 bytes: hello, flags 0',
      // root, umask 027
      'identity 23',
      'admin 1',
      'answer has 5 bytes: hello, flags 1',
      'no such EBADF',
    ]);
  });

  test('A2: contract: owners have the numbers that callers have, also in another user namespace', async () => {
    using folder = new TemporaryFolder();
    for (const name of ['mine', 'other']) writeFileSync(folder.at(`${name}.given`), '');
    chownSync(folder.at('other.given'), 1000, 1000);
    const wrapper = ['unshare', '-U', '--keep-caps', '--map-user=7', '--map-group=8'];
    const mine = 'mine 0:0';
    const none = 0xffff_ffff;
    expect(await linesOf(folder.path, ['owners'], ['-s', agent.socket])).toEqual([
      mine,
      'other 1000:1000',
      mine,
      'other 1000:1000',
    ]);
    // there the caller is 7, and others have no number
    expect(await linesOf(folder.path, ['owners'], ['-s', agent.socket], wrapper)).toEqual([
      mine,
      `other ${none}:${none}`,
      mine,
      `other ${none}:${none}`,
    ]);
  });

  test('contract: an argument leads to the decoded bytes', async () => {
    using folder = new TemporaryFolder();
    expect(await linesOf(folder.path, ['symlink'], ['-s', agent.socket])).toEqual([
      `symlink ${3000 + 'b'.charCodeAt(0)}`,
    ]);
  });
});
