// SPDX-License-Identifier: Apache-2.0
// The program of watched-agent.ts: an agent that is told by options what a test wants of it.
// It prints `ready` once runtimes can connect, and ends on SIGTERM.
import { once } from 'node:events';
import { parseArgs } from 'node:util';

import { Agent } from '../../host/agent.ts';
import { reloadOnHangup } from '../../host/commands/reload.ts';
import { parseLogOptions } from '../../host/log.ts';
import { resolverOf } from './resolver-choice.ts';
import type { ResolverChoice } from './resolver-choice.ts';

const { values } = parseArgs({
  options: {
    socket: { type: 'string', default: '' },
    resolver: { type: 'string', default: 'none' },
    bundle: { type: 'string' },
    'bundle-folder': { type: 'string', multiple: true, default: [] },
    select: { type: 'string', multiple: true, default: [] },
    setting: { type: 'string', multiple: true },
    uid: { type: 'string', multiple: true, default: [] },
    log: { type: 'string', default: 'info' },
    signal: { type: 'string', multiple: true, default: [] },
  },
});

function choice(): ResolverChoice {
  const { resolver, bundle, setting } = values;
  if (bundle === undefined) {
    const { 'bundle-folder': folders, select: selection } = values;
    return { kind: 'named', name: resolver, folders, selection };
  }
  if (setting === undefined) return { kind: 'bundle', folder: bundle };
  const settings = setting.map((text): readonly [string, string] => {
    const at = text.indexOf('=');
    return [text.slice(0, at), text.slice(at + 1)];
  });
  return { kind: 'bundle', folder: bundle, settings };
}

const ended = once(process, 'SIGTERM');
for (const name of ['SIGURG', 'SIGPROF'] as const) {
  // a handler that does nothing still interrupts system calls
  if (values.signal.includes(name)) process.on(name, () => undefined);
}
const log = parseLogOptions(values.log, false);
if (!('options' in log)) throw new Error(`--log: ${log.unknownWord} is nothing`);
const agent = await Agent.start({ resolver: resolverOf(choice()), log: log.options });
agent.listen({ path: values.socket, allowedUids: values.uid.map(Number) });
using _reload = reloadOnHangup(agent, () => resolverOf(choice()));
process.stdout.write('ready\n');
await ended;
await agent.stop();
agent.exitIfStuck(0);
