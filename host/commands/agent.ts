// SPDX-License-Identifier: Apache-2.0
// The agent as a daemon: `seccompagent -resolver=…`.
import { Agent } from '../agent.ts';
import { loadConfig } from '../config.ts';
import type { Config } from '../config.ts';
import { AgentError, messageOf } from '../errors.ts';
import type { AgentCommand, ResolverChoice } from '../options.ts';
import { packageVersion } from '../package-root.ts';
import { allowedToBundles, allowedToSignedBundles, BundleStore } from '../registry/bundle-store.ts';
import type { BundleStoreParts } from '../registry/bundle-store.ts';
import { PulledBundles } from '../registry/pulled-bundles.ts';
import { resolvers } from '../registry/resolver.ts';
import type { Resolver } from '../registry/resolver.ts';
import { reloadOnHangup, survivingHangup } from './reload.ts';

/** @param ending ends what is pulled */
function storeParts(
  { bundleFolders, limits, bundles, signers, registries }: Config,
  ending: AbortSignal,
): BundleStoreParts {
  return {
    folders: bundleFolders,
    limits,
    allowedTo: allowedToBundles(bundles),
    allowedToSigned: allowedToSignedBundles(bundles, signers),
    pulled: new PulledBundles({ registries, signal: ending }),
  };
}

interface Answering {
  readonly store: BundleStore;
  readonly resolver: Resolver;
}

function answeringBy(choice: ResolverChoice, store: BundleStore, config: Config): Answering {
  const { resolver: name, selection, shadow } = choice;
  const make = resolvers.get(name);
  if (make === undefined) throw new AgentError('AGENT_USAGE', `unknown resolver "${name}"`);
  return { store, resolver: make({ store, policies: config.policies, selection, shadow }) };
}

/**
 * @throws AgentError AGENT_USAGE for a name that is none, AGENT_BUNDLE_INVALID, AGENT_GRANT_MISSING,
 *   AGENT_CONFIG_INVALID
 */
export async function makeAnswering(
  choice: ResolverChoice,
  ending: AbortSignal,
): Promise<Answering> {
  const config = loadConfig(choice.configFile);
  const store = new BundleStore(storeParts(config, ending));
  await store.prepare([...choice.selection, ...(choice.shadow ?? [])]);
  return answeringBy(choice, store, config);
}

/** Reads the configuration and all bundles again each time. */
function renewing(
  agent: Agent,
  command: AgentCommand,
  { store: first, ending }: { readonly store: BundleStore; readonly ending: AbortSignal },
): () => Resolver {
  let store = first;
  return () => {
    const config = loadConfig(command.configFile);
    store = store.renewed(
      (failure) => {
        agent.reloads.failed({ of: 'a bundle', reason: messageOf(failure) });
        agent.log.error(
          { error: messageOf(failure) },
          'a bundle stays what it was, if it still may',
        );
      },
      storeParts(config, ending),
    );
    return answeringBy(command, store, config).resolver;
  };
}

/** Resolves with the first of the signals that end a daemon, which also ends what is pulled. */
async function endingSignal(ending: AbortController): Promise<NodeJS.Signals> {
  return new Promise((resolve) => {
    for (const signal of ['SIGINT', 'SIGTERM'] as const) {
      process.once(signal, () => {
        ending.abort();
        resolve(signal);
      });
    }
  });
}

/** Runs until a signal ends it. @returns the exit code */
export async function runAgent(command: AgentCommand): Promise<number> {
  using _surviving = survivingHangup();
  const ending = new AbortController();
  const ended = endingSignal(ending);
  const { store, resolver } = await makeAnswering(command, ending.signal);
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
    if (command.control !== undefined) await agent.serveControl(command.control);
    const { socketFile: path, allowedUids, takesOver } = command;
    agent.listen({ path, allowedUids, takesOver });
    using _reload = reloadOnHangup(
      agent,
      renewing(agent, command, { store, ending: ending.signal }),
    );
    const signal = await ended;
    agent.log.info({ signal }, 'stopping');
  } finally {
    ending.abort();
    await agent.stop();
  }
  agent.exitIfStuck(0);
  return 0;
}
