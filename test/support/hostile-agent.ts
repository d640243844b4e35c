// SPDX-License-Identifier: Apache-2.0
// An agent whose containers choose their handlers: `node hostile-agent.ts SOCKET FOLDER [LEVEL]`.
// A container's listenerMetadata is the name of a bundle in the folder, which is read when the
// first container asks for it. It prints `ready` once runtimes can connect, and ends on SIGTERM or
// when its stdin ends, with whoever started it.
import { once } from 'node:events';
import { join } from 'node:path';

import { Agent } from '../../host/agent.ts';
import type { LoadedComponent } from '../../host/handler/direct.ts';
import { parseLogOptions } from '../../host/log.ts';
import { registryOf } from '../../host/registry/bundle-registry.ts';
import { readBundle } from '../../host/registry/bundle.ts';
import type { Bundle } from '../../host/registry/bundle.ts';
import type { Resolver } from '../../host/registry/resolver.ts';

function lazyResolver(folder: string): Resolver {
  const bundles = new Map<string, Bundle>();
  const components = new Map<string, LoadedComponent>();
  return {
    get components() {
      return [...components.values()];
    },
    resolve: (identity) => {
      const name = identity.state.metadata;
      const bundle = bundles.get(name) ?? readBundle(join(folder, name));
      bundles.set(name, bundle);
      for (const { component } of bundle.handlers) components.set(component.digest, component);
      return registryOf(bundle, identity);
    },
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
