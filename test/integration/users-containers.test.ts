// SPDX-License-Identifier: Apache-2.0
// Containers of users who may connect, by the ids of containers of root.
import { chmodSync } from 'node:fs';
import { dirname } from 'node:path';

import { expect, test } from 'vitest';

import { AskedCaller } from '../support/asked-caller.ts';
import { BundleFolder } from '../support/bundle-folder.ts';
import { startInProcess } from '../support/in-process-agent.ts';

const user = 1000;

async function answerOf(caller: AskedCaller): Promise<string> {
  const { answer } = await caller.ask('getpgid 0');
  return answer;
}

test('A10: users’ containers: by the id of root’s container they share nothing with it', async () => {
  using bundles = new BundleFolder();
  bundles.write('counting', { component: 'counting', syscalls: ['getpgid'], grants: ['state'] });
  const folder = bundles.at('counting');
  await using served = await startInProcess({ kind: 'bundle', folder }, [user]);
  const { agent, socket } = served;
  chmodSync(dirname(socket), 0o755);
  await using roots = new AskedCaller({ socket, id: 'c1' });
  await using theirs = new AskedCaller({ socket, id: 'c1', user });
  // what handlers remember
  expect(await answerOf(roots)).toBe('1');
  expect(await answerOf(theirs)).toBe('1');
  expect(await answerOf(roots)).toBe('2');

  // what is recorded
  let taken = 0;
  const stop = agent.record(
    'c1',
    {
      begin: () => undefined,
      take: (_call, done) => {
        taken += 1;
        done();
      },
      end: () => undefined,
    },
    'there',
  );
  expect(await answerOf(theirs)).toBe('2');
  expect(await answerOf(roots)).toBe('3');
  await stop('asked');
  expect(taken).toBe(1);

  // what is shown
  const shown = agent.figures().containers.map(({ id, peerUid }) => ({ id, peerUid }));
  // whose listener came first is open
  expect(shown.toSorted((one, other) => (one.peerUid ?? 0) - (other.peerUid ?? 0))).toEqual([
    { id: 'c1', peerUid: undefined },
    { id: 'c1', peerUid: user },
  ]);
});
