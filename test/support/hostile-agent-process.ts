// SPDX-License-Identifier: Apache-2.0
// An agent whose containers choose their handlers by name, from a folder of bundles of its own.
import { BundleFolder } from './bundle-folder.ts';
import { startWatchedAgent } from './watched-agent.ts';
import type { WatchedAgent, WatchedAgentOptions } from './watched-agent.ts';

export interface HostileAgent extends WatchedAgent {
  /** Where the bundles that containers may name are written. */
  readonly bundles: BundleFolder;
}

export type HostileAgentOptions = Pick<WatchedAgentOptions, 'environment' | 'log' | 'wrapper'>;

/** Starts one and waits until runtimes can connect. What its handlers do may be logged unread. */
export async function startHostileAgent(options: HostileAgentOptions = {}): Promise<HostileAgent> {
  using resources = new DisposableStack();
  const bundles = resources.use(new BundleFolder());
  const agent = await startWatchedAgent({ ...options, byMetadata: bundles.path, mayWarn: true });
  const kept = resources.move();
  return {
    ...agent,
    bundles,
    [Symbol.asyncDispose]: async () => {
      using _bundles = kept;
      await agent[Symbol.asyncDispose]();
    },
  };
}
