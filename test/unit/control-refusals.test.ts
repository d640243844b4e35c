// SPDX-License-Identifier: Apache-2.0
// Tests which code a command ends with where the agent refuses what it asks.
import { once } from 'node:events';
import { createServer } from 'node:http';

import { expect, test } from 'vitest';

import { askForText } from '../../host/control/control-client.ts';
import { failure } from '../support/failures.ts';
import { TemporaryFolder } from '../support/temporary-folder.ts';

test.for([
  [{ error: 'no such thing: x7', code: 'AGENT_RECORDING' }, 'AGENT_RECORDING'],
  // an agent of another version
  [{ error: 'no such thing: x7', code: 'AGENT_OF_TOMORROW' }, 'AGENT_CONTROL'],
  [{ error: 'no such thing: x7', code: 'toString' }, 'AGENT_CONTROL'],
  [{ error: 'no such thing: x7', code: 7 }, 'AGENT_CONTROL'],
  // it is not this command line that is wrong
  [{ error: 'no such thing: x7', code: 'AGENT_USAGE' }, 'AGENT_CONTROL'],
  [{ error: 'no such thing: x7' }, 'AGENT_CONTROL'],
  ['x7', 'AGENT_CONTROL'],
] as const)('control: refused with %j, a command has %s', async ([answer, code]) => {
  using folder = new TemporaryFolder();
  const socket = folder.at('control.socket');
  const server = createServer((_, response) => {
    response.statusCode = 400;
    response.end(typeof answer === 'string' ? answer : JSON.stringify(answer));
  });
  server.listen(socket);
  await once(server, 'listening');
  try {
    const asking = askForText({ socket, method: 'GET', path: '/x' });
    await expect(asking).rejects.toThrow(failure(code, 'x7'));
  } finally {
    server.close();
  }
});
