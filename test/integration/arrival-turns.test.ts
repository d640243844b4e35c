// SPDX-License-Identifier: Apache-2.0
// Many containers that come at once do not keep the main thread from everybody else.
import { chmodSync } from 'node:fs';
import { connect } from 'node:net';

import { expect, onTestFinished, test, vi } from 'vitest';

import { AgentSocket } from '../../host/agent-socket/agent-socket.ts';
import { ArrivalTurns } from '../../host/scheduling/arrival-turns.ts';
import { loadNative } from '../../host/native.ts';
import { RunningCommand } from '../support/command.ts';
import { KeptLog } from '../support/kept-log.ts';
import { until } from '../support/polling.ts';
import { TemporaryFolder } from '../support/temporary-folder.ts';

const message = '{"fds":[],"pid":1,"state":{"id":"c"}}';

/** Sends so many messages as a user, and goes away. */
function sendAsUser(path: string, count: number): RunningCommand {
  const program = `
    for (let at = 0; at < ${count}; at += 1) {
      const socket = require('node:net').connect(process.argv[1]);
      socket.write(process.argv[2], () => socket.destroy());
    }
  `;
  const user = ['--reuid=1000', '--regid=1000', '--clear-groups'] as const;
  return new RunningCommand(['setpriv', ...user, process.execPath, '-e', program, path, message]);
}

test('agent socket: messages of users wait for their turns, and root’s do not wait for them', async () => {
  using folder = new TemporaryFolder();
  chmodSync(folder.path, 0o755);
  const path = folder.at('agent.socket');
  const log = new KeptLog();
  const userTurns = new ArrivalTurns('users');
  using socket = new AgentSocket({
    native: loadNative(),
    log: log.log,
    path,
    takesOver: false,
    allowedUids: [1000],
    userTurns,
    onArrival: async () => Promise.resolve(),
  });
  const parsed = vi.spyOn(JSON, 'parse');
  onTestFinished(() => {
    parsed.mockRestore();
  });
  const parsedCount = (): number => parsed.mock.calls.filter(([text]) => text === message).length;
  // users have no turn meanwhile
  const turn = vi.spyOn(userTurns, 'take').mockResolvedValue(undefined);
  await sendAsUser(path, 5).ended;
  await until('their messages', () => turn.mock.calls.length === 5 || undefined);
  expect(parsedCount()).toBe(0);

  const client = connect(path);
  client.resume();
  client.write(message);
  await until('root’s message', () => parsedCount() === 1 || undefined);
  // who has sent them is gone, and they are still there
  for (const [, work] of turn.mock.calls) work();
  expect(parsedCount()).toBe(6);
  expect(socket.hasPath).toBe(true);
  client.destroy();
});
