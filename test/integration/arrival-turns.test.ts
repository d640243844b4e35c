// SPDX-License-Identifier: Apache-2.0
// Many containers that come at once do not keep the main thread from everybody else.
import { connect } from 'node:net';
import { setImmediate as nextTurn } from 'node:timers/promises';

import { expect, test } from 'vitest';

import { AgentSocket } from '../../host/agent-socket.ts';
import { loadNative } from '../../host/native.ts';
import { KeptLog } from '../support/kept-log.ts';
import { patient } from '../support/patience.ts';
import { TemporaryFolder } from '../support/temporary-folder.ts';

const patienceMs = patient(10_000);

test('G1: agent socket: between two containers that have come the main thread turns to others', async () => {
  using folder = new TemporaryFolder();
  const log = new KeptLog();
  using socket = new AgentSocket({
    native: loadNative(),
    log: log.logger,
    path: folder.at('agent.socket'),
    takesOver: false,
    allowedUids: [],
    onArrival: () => undefined,
  });
  // messages without a descriptor are refused, which is an arrival like any other
  const clients = Array.from({ length: 20 }, () => {
    const client = connect(folder.at('agent.socket'));
    client.on('error', () => undefined);
    client.resume();
    client.write('{"fds":[],"pid":1,"state":{"id":"c"}}');
    return client;
  });
  const seen: number[] = [];
  const began = performance.now();
  while (log.lines.length < 20 && performance.now() - began < patienceMs) {
    seen.push(log.lines.length);
    await nextTurn();
  }
  seen.push(log.lines.length);
  expect(socket.hasPath).toBe(true);
  expect(log.lines).toHaveLength(20);
  const steps = seen.map((count, at) => count - (seen[at - 1] ?? count));
  expect(Math.max(...steps)).toBe(1);
  for (const client of clients) client.destroy();
});
