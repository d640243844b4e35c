// SPDX-License-Identifier: Apache-2.0
// An agent whose containers choose their handlers: `node hostile-agent.ts SOCKET FOLDER [LEVEL]`.
// A container's listenerMetadata has the names of bundles in the folder, with commas in between, each
// of which is read when the first container asks for it; `hang-MILLISECONDS` is none, and keeps the main
// thread for so long. It prints `ready` once runtimes can connect, and ends on SIGTERM or when its stdin
// ends, with whoever started it.
import { once } from 'node:events';
import { join } from 'node:path';

import { Agent } from '../../host/agent.ts';
import { parseLogOptions } from '../../host/log.ts';
import { readBundle } from '../../host/bundles/bundle.ts';
import type { Bundle } from '../../host/bundles/bundle.ts';
import type { Resolver } from '../../host/resolvers/resolver.ts';
import { bundlesResolution } from './bundle-resolver.ts';

function hang(metadata: string): void {
  const [, milliseconds] = /^hang-(\d+)$/u.exec(metadata) ?? [];
  if (milliseconds === undefined) return;
  Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, Number(milliseconds));
}

function lazyResolver(folder: string): Resolver {
  const bundles = new Map<string, Bundle>();
  return {
    resolve: (identity) => {
      hang(identity.state.metadata);
      const chosen = identity.state.metadata.split(',').map((name) => {
        const bundle = bundles.get(name) ?? readBundle(join(folder, name));
        bundles.set(name, bundle);
        return bundle;
      });
      return bundlesResolution(chosen, identity);
    },
    keep: (held) => held,
  };
}

const [path = '', folder = '', level = 'info'] = process.argv.slice(2);
const ended = Promise.race([once(process, 'SIGTERM'), once(process.stdin.resume(), 'end')]);
const log = parseLogOptions(level, false);
if (!('options' in log)) throw new Error(`the log level ${log.unknownWord} is none`);
const agent = await Agent.start({ resolver: lazyResolver(folder), log: log.options });
agent.listen({ path, allowedUids: [] });
process.stdout.write('ready\n');
await ended;
await agent.stop();
agent.exitIfStuck(0);
// else it would keep us running
process.stdin.destroy();
