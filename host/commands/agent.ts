// SPDX-License-Identifier: Apache-2.0
// The agent as a daemon: `seccompagent -resolver=…`.
import { Agent } from '../agent.ts';
import { AgentError, messageOf } from '../errors.ts';
import type { AgentCommand, ResolverChoice } from '../options.ts';
import { packageVersion } from '../package-root.ts';
import { BundleStore } from '../registry/bundle-store.ts';
import { defaultPolicies } from '../registry/policy.ts';
import { resolvers } from '../registry/resolver.ts';
import type { Resolver } from '../registry/resolver.ts';
import { reloadOnHangup } from './reload.ts';

/** @throws AgentError AGENT_USAGE for a name that is none, AGENT_BUNDLE_INVALID */
export function makeResolver(
  { resolver: name, selection }: ResolverChoice,
  store: BundleStore = new BundleStore(),
): Resolver {
  const make = resolvers.get(name);
  if (make === undefined) throw new AgentError('AGENT_USAGE', `unknown resolver "${name}"`);
  return make({ store, policies: defaultPolicies, selection });
}

/** Reads all bundles again each time. */
function renewing(agent: Agent, command: AgentCommand, first: BundleStore): () => Resolver {
  let store = first;
  return () => {
    store = store.renewed((failure) => {
      agent.log.error({ error: messageOf(failure) }, 'a bundle stays what it was');
    });
    return makeResolver(command, store);
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
  const store = new BundleStore();
  const agent = await Agent.start({ resolver: makeResolver(command, store), log: command.log });
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
