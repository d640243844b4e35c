// SPDX-License-Identifier: Apache-2.0
// The agent as a daemon: `seccompagent -resolver=…`.
import { Agent } from '../agent.ts';
import { loadConfig } from '../config.ts';
import type { Config } from '../config.ts';
import { AgentError, messageOf } from '../errors.ts';
import type { AgentCommand, ResolverChoice } from '../options.ts';
import { packageVersion } from '../package-root.ts';
import { allowedToBundles, BundleStore } from '../registry/bundle-store.ts';
import type { BundleStoreParts } from '../registry/bundle-store.ts';
import { resolvers } from '../registry/resolver.ts';
import type { Resolver } from '../registry/resolver.ts';
import { reloadOnHangup } from './reload.ts';

function storeParts({ bundleFolders, limits, bundles }: Config): BundleStoreParts {
  return {
    folders: bundleFolders,
    limits,
    allowedTo: allowedToBundles(bundles),
  };
}

interface Answering {
  readonly store: BundleStore;
  readonly resolver: Resolver;
}

function answeringBy(choice: ResolverChoice, store: BundleStore, config: Config): Answering {
  const { resolver: name, selection } = choice;
  const make = resolvers.get(name);
  if (make === undefined) throw new AgentError('AGENT_USAGE', `unknown resolver "${name}"`);
  return { store, resolver: make({ store, policies: config.policies, selection }) };
}

/**
 * @throws AgentError AGENT_USAGE for a name that is none, AGENT_BUNDLE_INVALID, AGENT_GRANT_MISSING,
 *   AGENT_CONFIG_INVALID
 */
export function makeAnswering(choice: ResolverChoice): Answering {
  const config = loadConfig(choice.configFile);
  return answeringBy(choice, new BundleStore(storeParts(config)), config);
}

/** Reads the configuration and all bundles again each time. */
function renewing(agent: Agent, command: AgentCommand, first: BundleStore): () => Resolver {
  let store = first;
  return () => {
    const config = loadConfig(command.configFile);
    store = store.renewed((failure) => {
      agent.log.error({ error: messageOf(failure) }, 'a bundle stays what it was, if it still may');
    }, storeParts(config));
    return answeringBy(command, store, config).resolver;
  };
}

/** Resolves with the first of the signals that end a daemon. */
async function endingSignal(): Promise<NodeJS.Signals> {
  return new Promise((resolve) => {
    for (const signal of ['SIGINT', 'SIGTERM'] as const) process.once(signal, resolve);
  });
}

/** Runs until a signal ends it. @returns the exit code */
export async function runAgent(command: AgentCommand): Promise<number> {
  const ended = endingSignal();
  const { store, resolver } = makeAnswering(command);
  const agent = await Agent.start({ resolver, log: command.log });
  try {
    agent.log.info(
      {
        version: packageVersion(),
        resolver: command.resolver,
        ...(command.selection.length === 0 ? {} : { bundles: command.selection }),
      },
      'seccompagent started',
    );
    if (command.metricsAddress !== undefined) await agent.serveMetrics(command.metricsAddress);
    agent.listen({ path: command.socketFile, allowedUids: command.allowedUids });
    using _reload = reloadOnHangup(agent, renewing(agent, command, store));
    const signal = await ended;
    agent.log.info({ signal }, 'stopping');
  } finally {
    await agent.stop();
  }
  agent.exitIfStuck(0);
  return 0;
}
