// SPDX-License-Identifier: Apache-2.0
// An agent that is killed: the calls of its containers end as the kernel has it, whoever hangs.
import { expect, test } from 'vitest';

import { AskedCaller } from '../support/asked-caller.ts';
import { RunningCommand } from '../support/command.ts';
import { compiled } from '../support/compile.ts';
import { makeFolder } from '../support/folder-contents.ts';
import { patient } from '../support/patience.ts';
import { until } from '../support/polling.ts';
import { childrenOf, waitingPlace } from '../support/process-resources.ts';
import { TemporaryFolder } from '../support/temporary-folder.ts';
import { testBundle } from '../support/test-bundles.ts';
import { startWatchedAgent } from '../support/watched-agent.ts';

/** Maximal time of a call that nobody handles, however busy the machine is. */
const quickMs = patient(2900);

test('A5: a killed agent: its listeners end though a file of a container can’t be closed', async () => {
  using folder = new TemporaryFolder();
  await using agent = await startWatchedAgent({ bundle: testBundle('perform'), log: 'warn' });
  await using bystander = new AskedCaller({ socket: agent.socket });
  expect(await bystander.ask('mkdir /there/is/none')).toMatchObject({ answer: 'ENOENT' });
  await using container = new RunningCommand([
    compiled('stuck-nodes'),
    '-s',
    agent.socket,
    '-o',
    makeFolder(folder.path, 'files'),
  ]);
  container.write('1\n');
  await container.printed(/^OK \d+$/mu);
  const hanging = await until('a child that waits', () =>
    childrenOf(agent.pid).find((child) => waitingPlace(child) === 'request_wait_answer'),
  );

  agent.kill('SIGKILL');

  const { answer, tookMs } = await bystander.ask('mkdir /there/is/none');
  expect(answer).toBe('ENOSYS');
  expect(tookMs).toBeLessThan(quickMs);
  // signals that it can't die of have it wait anew
  await until(
    'it to hang still',
    () => waitingPlace(hanging) === 'request_wait_answer' || undefined,
  );
  container.write('answer\n');
  await container.printed(/^answered$/mu);
  container.endInput();
  expect(await container.ended).toMatchObject({ code: 0, stderr: '' });
});

test.each(['SIGKILL', 'SIGTERM'] as const)(
  'A5: an agent ended by %s: its listeners end though a helper waits for a container',
  async (signal) => {
    using folder = new TemporaryFolder();
    await using agent = await startWatchedAgent({
      bundle: testBundle('perform'),
      log: 'warn',
      // it names the containers that it leaves
      mayWarn: true,
    });
    await using bystander = new AskedCaller({ socket: agent.socket });
    expect(await bystander.ask('mkdir /there/is/none')).toMatchObject({ answer: 'ENOENT' });
    await using container = new RunningCommand([
      compiled('slow-filesystem'),
      '-s',
      agent.socket,
      '-v',
      makeFolder(folder.path, 'root'),
    ]);
    await container.printed(/^ready$/mu);
    const helper = await until('a helper that waits', () =>
      childrenOf(agent.pid).find((pid) => waitingPlace(pid) === 'request_wait_answer'),
    );

    // until then, what is asked can be taken back
    await container.printed(/^unanswered$/mu);
    // its own call ends, too, and it is not to go on by that
    process.kill(container.pid, 'SIGSTOP');
    agent.kill(signal);

    await until(
      'ENOSYS',
      async () => (await bystander.ask('mkdir /there/is/none')).answer === 'ENOSYS' || undefined,
    );
    await until(
      'it to hang still',
      () => waitingPlace(helper) === 'request_wait_answer' || undefined,
    );
    process.kill(container.pid, 'SIGCONT');
  },
);
