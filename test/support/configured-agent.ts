// SPDX-License-Identifier: Apache-2.0
// The program of watched-agent.ts: an agent that is told by options what a test wants of it.
// It prints `ready` once runtimes can connect, and ends on SIGTERM or when its stdin ends, with whoever
// started it.
import { once } from 'node:events';
import { parseArgs } from 'node:util';

import { Agent } from '../../host/agent.ts';
import { reloadOnHangup } from '../../host/commands/reload.ts';
import { endingByUncaught } from '../../host/commands/uncaught.ts';
import { parseLogOptions } from '../../host/log/log.ts';
import { complaint, namedKeys, parseAllowed } from '../../host/bundles/grant-parser.ts';
import type { Grants } from '../../host/registry/grants.ts';
import { resolverOf } from './resolver-choice.ts';
import type { ResolverChoice } from './resolver-choice.ts';

const { values } = parseArgs({
  options: {
    socket: { type: 'string', default: '' },
    resolver: { type: 'string', default: 'none' },
    bundle: { type: 'string' },
    'by-metadata': { type: 'string' },
    'bundle-folder': { type: 'string', multiple: true, default: [] },
    select: { type: 'string', multiple: true, default: [] },
    allowed: { type: 'string' },
    registries: { type: 'string' },
    setting: { type: 'string', multiple: true },
    uid: { type: 'string', multiple: true, default: [] },
    'listener-limits': { type: 'string', default: '{}' },
    log: { type: 'string', default: 'info' },
    signal: { type: 'string', multiple: true, default: [] },
  },
});

function grantsOf(text: string): Grants {
  return parseAllowed(JSON.parse(text), (keys, what) => {
    throw new Error(`--allowed: ${complaint(namedKeys(keys), what)}`);
  });
}

/** Ends what is fetched for containers. */
const ending = new AbortController();

function choice(): ResolverChoice {
  const { resolver, bundle, setting, allowed, 'by-metadata': folder } = values;
  if (folder !== undefined) return { kind: 'by-metadata', folder };
  if (bundle === undefined) {
    const { 'bundle-folder': folders, select: selection } = values;
    const registries = values.registries === undefined ? {} : JSON.parse(values.registries);
    if ('registries' in registries) registries.registries.signal = ending.signal;
    return { kind: 'named', name: resolver, folders, selection, ...registries };
  }
  const grants = allowed === undefined ? {} : { allowed: grantsOf(allowed) };
  if (setting === undefined) return { kind: 'bundle', folder: bundle, ...grants };
  const settings = setting.map((text): readonly [string, string] => {
    const at = text.indexOf('=');
    return [text.slice(0, at), text.slice(at + 1)];
  });
  return { kind: 'bundle', folder: bundle, settings, ...grants };
}

const ended = Promise.race([once(process, 'SIGTERM'), once(process.stdin.resume(), 'end')]);
for (const name of ['SIGURG', 'SIGPROF'] as const) {
  // a handler that does nothing still interrupts system calls
  if (values.signal.includes(name)) process.on(name, () => undefined);
}
const log = parseLogOptions(values.log, false);
if (!('options' in log)) throw new Error(`--log: ${log.unknownWord} is nothing`);
const first = resolverOf(choice());
const agent = await Agent.start({
  resolver: first,
  log: log.options,
  listenerLimits: JSON.parse(values['listener-limits']),
});
using _uncaught = endingByUncaught(agent);
agent.listen({ path: values.socket, allowedUids: values.uid.map(Number) });
let resolver = first;
using _reload = reloadOnHangup(agent, {
  begin: () => ({
    granting: async () => resolver,
    all: async () => {
      resolver = resolverOf(choice());
      return resolver;
    },
  }),
  rest: undefined,
});
process.stdout.write('ready\n');
await ended;
ending.abort();
await agent.stop();
agent.exitIfStuck(0);
// else it would keep us running
process.stdin.destroy();
