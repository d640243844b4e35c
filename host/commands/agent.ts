// SPDX-License-Identifier: Apache-2.0
// The agent as a daemon: `seccompagent -resolver=…`.
import { Agent } from '../agent.ts';
import { AgentError } from '../errors.ts';
import type { AgentCommand } from '../options.ts';
import { packageVersion } from '../package-root.ts';
import { resolvers } from '../registry/resolver.ts';
import type { Resolver } from '../registry/resolver.ts';
import { reloadOnHangup } from './reload.ts';

/** @throws AgentError AGENT_USAGE for a name that is none, AGENT_BUNDLE_INVALID */
export function makeResolver(name: string): Resolver {
  const make = resolvers.get(name);
  if (make === undefined) throw new AgentError('AGENT_USAGE', `unknown resolver "${name}"`);
  return make();
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
  const agent = await Agent.start({ resolver: makeResolver(command.resolver), log: command.log });
  try {
    agent.log.info(
      { version: packageVersion(), resolver: command.resolver },
      'seccompagent started',
    );
    if (command.metricsAddress !== undefined) await agent.serveMetrics(command.metricsAddress);
    agent.listen({ path: command.socketFile, allowedUids: command.allowedUids });
    using _reload = reloadOnHangup(agent, () => makeResolver(command.resolver));
    const signal = await ended;
    agent.log.info({ signal }, 'stopping');
  } finally {
    await agent.stop();
  }
  agent.exitIfStuck(0);
  return 0;
}
