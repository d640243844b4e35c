// SPDX-License-Identifier: Apache-2.0
// Files of a container that are opened for it, in a file system that does not answer who closes one.
import { expect, test } from 'vitest';

import { RunningCommand } from '../support/command.ts';
import { compiled } from '../support/compile.ts';
import { makeFolder } from '../support/folder-contents.ts';
import { isOfHangingCall } from '../support/hanging-lines.ts';
import { patient } from '../support/patience.ts';
import { until } from '../support/polling.ts';
import {
  settledFdCount,
  untilChildless,
  untilFdCountIs,
  waitingPlaces,
} from '../support/process-resources.ts';
import { SteadyCaller } from '../support/steady-caller.ts';
import { TemporaryFolder } from '../support/temporary-folder.ts';
import { testBundle } from '../support/test-bundles.ts';
import { startWatchedAgent } from '../support/watched-agent.ts';

/** Maximal time of a call whose operation does not hang, however busy the machine is. */
const quickMs = patient(2900);
const deadlineMs = 60_000;

test('A5: stuck files: closing one that was opened for a container holds no worker, and nobody else', async () => {
  using folder = new TemporaryFolder();
  await using agent = await startWatchedAgent({
    bundle: testBundle('perform'),
    log: 'warn',
    mayWarn: true,
  });
  const before = await settledFdCount(agent.pid);
  await using container = new RunningCommand(
    [compiled('stuck-nodes'), '-s', agent.socket, '-o', makeFolder(folder.path, 'files')],
    { deadlineMs },
  );
  const answers = (): readonly string[] =>
    [...container.stdout.matchAll(/^(\w+) \d+$/gmu)].map(([, answer = '']) => answer);
  // the helper closes it, too, so that whoever asks it next waits for its deadline
  const calls = 3;
  container.write(`${calls}\n`);
  await until('a file to be opened', () => answers().includes('OK') || undefined);

  await using bystander = new SteadyCaller('mkdir /there/is/none', { socket: agent.socket });
  await until('all answers', () => answers().length === calls || undefined, deadlineMs);
  const others = await bystander.finish();

  expect(answers().filter((answer) => answer === 'OK')).not.toEqual([]);
  expect(waitingPlaces(agent.pid)).not.toContain('request_wait_answer');
  expect([...new Set(others.map(({ answer }) => answer))]).toEqual(['ENOENT']);
  expect(Math.max(...others.map(({ tookMs }) => tookMs))).toBeLessThan(quickMs);
  container.write('answer\n');
  await container.printed(/^answered$/mu);
  container.endInput();
  expect(await container.ended).toMatchObject({ code: 0, stderr: '' });
  await bystander[Symbol.asyncDispose]();
  await untilChildless(agent.pid);
  await untilFdCountIs(agent.pid, before);
  expect(agent.log().filter((line) => !isOfHangingCall(line))).toEqual([]);
}, 90_000);
