// SPDX-License-Identifier: Apache-2.0
// Callers whose memory the kernel guards from others, who are no less served for it.
import { chmodSync, existsSync, readFileSync, writeFileSync } from 'node:fs';

import { afterAll, beforeAll, describe, expect, onTestFinished, test } from 'vitest';

import { RunningCommand } from '../support/command.ts';
import { compiled } from '../support/compile.ts';
import { contentsOf } from '../support/folder-contents.ts';
import { killableBundle } from '../support/oci-bundle.ts';
import { TemporaryFolder } from '../support/temporary-folder.ts';
import { testBundle } from '../support/test-bundles.ts';
import { startWatchedAgent } from '../support/watched-agent.ts';
import type { WatchedAgent } from '../support/watched-agent.ts';

const yama = '/proc/sys/kernel/yama/ptrace_scope';

const ways = [
  ['plain', 1, 1000],
  ['undumpable', 0, 1000],
  ['set-uid', 0, 0],
  ['unreadable', 0, 1000],
] as const;

describe('callers: guarded', () => {
  let agent: WatchedAgent;
  let bundle: TemporaryFolder;
  beforeAll(async () => {
    bundle = killableBundle();
    agent = await startWatchedAgent({ bundle: testBundle('guarded'), log: 'warn' });
  });
  afterAll(async () => {
    await agent[Symbol.asyncDispose]();
    bundle[Symbol.dispose]();
  });

  /** Output of such a caller, and the files that it has made. */
  async function callOf(way: string): Promise<readonly string[]> {
    using folder = new TemporaryFolder();
    chmodSync(folder.path, 0o777);
    const options = ['-s', agent.socket, '-b', bundle.path];
    const command = [compiled('guarded-caller'), ...options, way, folder.path] as const;
    await using running = new RunningCommand(command);
    const { stdout, stderr } = await running.ended;
    const made = contentsOf(folder.path).filter((line) => line.startsWith('made'));
    return [...stdout.split('\n').slice(0, -1), stderr, `${made.length} made`];
  }

  function served([, dumpable, uid]: (typeof ways)[number]): readonly string[] {
    const asked = `sysinfo OK, dumpable ${dumpable}, uid ${uid}`;
    return ['mkdir OK', asked, 'result whole', '', '1 made'];
  }

  test.for(ways)('M3: callers: one that is $0 is read and written', async (way) => {
    expect(await callOf(way[0])).toEqual(served(way));
    expect(agent.log()).toEqual([]);
  });

  test.for(['1', '2'])(
    'M3: callers: with ptrace_scope %s of Yama they are read and written',
    async (scope, context) => {
      context.skip(!existsSync(yama), 'needs a kernel with Yama');
      const before = readFileSync(yama, 'utf8');
      onTestFinished(() => {
        writeFileSync(yama, before);
      });
      writeFileSync(yama, scope);
      for (const way of ways) expect(await callOf(way[0])).toEqual(served(way));
    },
  );
});
