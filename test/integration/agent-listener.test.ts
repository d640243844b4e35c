// SPDX-License-Identifier: Apache-2.0
// Tests that whoever has connected to an agent that stops is heard.
import { execFileSync } from 'node:child_process';
import { existsSync } from 'node:fs';

import { expect, test } from 'vitest';

import { ArrivalTurns } from '../../host/scheduling/arrival-turns.ts';
import { AgentListener } from '../../host/agent-socket/agent-listener.ts';

import { loadNative } from '../../host/native.ts';
import { naming } from '../support/failures.ts';
import { KeptLog } from '../support/kept-log.ts';
import { TemporaryFolder } from '../support/temporary-folder.ts';

/** Connects and sends, while nothing happens here. */
function sendMeanwhile(path: string): void {
  const text = JSON.stringify({
    ociVersion: '1.2.0',
    fds: ['other'],
    pid: 1,
    state: { ociVersion: '1.2.0', id: 'late', status: 'creating', pid: 1 },
  });
  const program = `
    const socket = require('node:net').connect(process.argv[1]);
    socket.write(process.argv[2], () => process.exit(0));
  `;
  execFileSync(process.execPath, ['-e', program, path, text]);
}

test('agent socket: an agent that stops hears whoever has connected to it until then', async () => {
  using folder = new TemporaryFolder();
  const path = folder.at('agent.socket');
  const log = new KeptLog();
  const listening = new AgentListener({
    native: loadNative(),
    log: log.log,
    path,
    takesOver: false,
    allowedUids: [],
    userTurns: new ArrivalTurns('users'),
    onArrival: async () => Promise.resolve(),
  });
  expect(listening.lossReason).toBeUndefined();
  sendMeanwhile(path);
  await listening[Symbol.asyncDispose]();
  expect(log.records).toContainEqual(
    expect.objectContaining({
      event: 'message-refused',
      code: 'AGENT_STATE_INVALID',
      why: naming('seccompFd'),
    }),
  );
  expect(existsSync(path)).toBe(false);
});
