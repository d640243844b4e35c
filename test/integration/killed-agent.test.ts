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

/** What a call may take that nobody handles, however busy the machine is. */
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
  const childThatWaits = async (place: string): Promise<number> =>
    until(`a child that waits in ${place}`, () =>
      childrenOf(agent.pid).find((child) => waitingPlace(child).startsWith(place)),
    );
  const hanging = await childThatWaits('request_wait_answer');
  // for the end of the agent
  await childThatWaits('do_sigtimedwait');

  process.kill(agent.pid, 'SIGKILL');

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
