// SPDX-License-Identifier: Apache-2.0
// An agent inside of the test's own process, for what only its addon can be told.
import { Agent } from '../../host/agent.ts';
import { resolverOf } from './resolver-choice.ts';
import type { ResolverChoice } from './resolver-choice.ts';
import { TemporaryFolder } from './temporary-folder.ts';

export interface InProcessAgent extends AsyncDisposable {
  readonly agent: Agent;
  readonly socket: string;
}

/**
 * Starts one; its errors go to the test's stderr. While it serves, the test must not block: no
 * spawnSync.
 */
export async function startInProcess(
  choice: ResolverChoice,
  allowedUids: readonly number[] = [],
): Promise<InProcessAgent> {
  using folders = new DisposableStack();
  const socket = folders.use(new TemporaryFolder()).at('agent.socket');
  const agent = await Agent.start({
    resolver: resolverOf(choice),
    log: { level: 'fatal', format: 'text', isColored: false },
  });
  agent.listen({ path: socket, allowedUids });
  const kept = folders.move();
  return {
    agent,
    socket,
    [Symbol.asyncDispose]: async () => {
      await agent.stop();
      kept.dispose();
    },
  };
}
