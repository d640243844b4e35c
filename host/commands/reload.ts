// SPDX-License-Identifier: Apache-2.0
// SIGHUP: what is read from files is read again, while containers are served.
import type { Agent } from '../agent.ts';
import { messageOf } from '../errors.ts';
import type { Resolver } from '../registry/resolver.ts';

function ignore(): void {
  // being heard is enough
}

/** Without anybody who hears it, SIGHUP ends the process: also while it starts, and while it stops. */
export function survivingHangup(): Disposable {
  process.on('SIGHUP', ignore);
  return {
    [Symbol.dispose]: () => {
      process.off('SIGHUP', ignore);
    },
  };
}

/** Files that are rotated are written to under their names again. */
export function reopenOnHangup(agent: Agent): Disposable {
  const reopen = (): void => {
    agent.reopenFiles();
  };
  process.on('SIGHUP', reopen);
  return {
    [Symbol.dispose]: () => {
      process.off('SIGHUP', reopen);
    },
  };
}

/**
 * What the agent has answers until all of it is read and prepared. Who asks meanwhile has everything
 * read once more.
 * @param make reads everything; what it throws leaves all as it is
 */
export function reloadOnHangup(agent: Agent, make: () => Promise<Resolver>): Disposable {
  let isWanted = false;
  let isReloading = false;
  const over = new AbortController();
  const reload = async (): Promise<void> => {
    isWanted = true;
    if (isReloading) return;
    isReloading = true;
    while (isWanted && !over.signal.aborted) {
      isWanted = false;
      await reloadOnce(agent, make, over.signal);
    }
    isReloading = false;
  };
  const listener = (): void => void reload();
  process.on('SIGHUP', listener);
  return {
    [Symbol.dispose]: () => {
      over.abort();
      process.off('SIGHUP', listener);
    },
  };
}

async function reloadOnce(
  agent: Agent,
  make: () => Promise<Resolver>,
  over: AbortSignal,
): Promise<void> {
  try {
    const resolver = await make();
    await agent.prepareAll(resolver);
    if (over.aborted) return;
    const { changed, kept } = agent.reload(resolver);
    agent.log.info({ containers: changed, kept }, 'reloaded');
  } catch (thrown) {
    if (over.aborted) return;
    agent.reloads.failed({ of: 'everything', reason: messageOf(thrown) });
    agent.reloads.ended({ changed: 0, kept: agent.status().containers.length });
    agent.log.error({ error: messageOf(thrown) }, 'not reloaded: everything stays as it is');
  }
}
