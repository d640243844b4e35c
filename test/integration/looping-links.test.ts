// SPDX-License-Identifier: Apache-2.0
// Who owns a folder on the way to what the agent looks at can have each look at it fail.
import { renameSync, rmSync, symlinkSync } from 'node:fs';
import { basename, dirname } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';

import { expect, test } from 'vitest';

import { AskedCaller } from '../support/asked-caller.ts';
import { testBundle } from '../support/test-bundles.ts';
import { startWatchedAgent } from '../support/watched-agent.ts';

/** It looks at its socket each second. */
const someLooksMs = 2500;

test('G1: looping links: an agent whose socket nobody can look at goes on for its containers', async () => {
  await using agent = await startWatchedAgent({
    bundle: testBundle('errno-getpgid'),
    log: 'info',
    mayWarn: true,
  });
  await using caller = new AskedCaller({ socket: agent.socket });
  const { answer } = await caller.ask('getpgid 1');
  const folder = dirname(agent.socket);
  renameSync(folder, `${folder}.moved`);
  symlinkSync(basename(folder), folder);
  try {
    await sleep(someLooksMs);
    expect((await caller.ask('getpgid 1')).answer).toBe(answer);
  } finally {
    rmSync(folder);
    renameSync(`${folder}.moved`, folder);
  }
});
