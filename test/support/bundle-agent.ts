// SPDX-License-Identifier: Apache-2.0
// An agent that answers every container with one bundle: `node bundle-agent.ts FOLDER SOCKET
// [WORKERS]`.
// It prints `ready` once runtimes can connect, and ends on SIGTERM.
import { once } from 'node:events';

import { Agent } from '../../host/agent.ts';
import { bundleResolver } from './bundle-resolver.ts';

const [folder = '', path = '', workers] = process.argv.slice(2);
const ended = once(process, 'SIGTERM');
const agent = await Agent.start({
  resolver: bundleResolver(folder),
  log: { level: 'warn', format: 'text', isColored: false },
  ...(workers === undefined ? {} : { workers: Number(workers) }),
});
agent.listen({ path, allowedUids: [] });
process.stdout.write('ready\n');
await ended;
await agent.stop();
