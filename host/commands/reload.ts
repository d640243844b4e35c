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

/** @param make reads everything; what it throws leaves all as it is */
export function reloadOnHangup(agent: Agent, make: () => Resolver): Disposable {
  const reload = (): void => {
    try {
      const { changed, kept } = agent.reload(make());
      agent.log.info({ containers: changed, kept }, 'reloaded');
    } catch (thrown) {
      agent.reloads.failed({ of: 'everything', reason: messageOf(thrown) });
      agent.reloads.ended({ changed: 0, kept: agent.status().containers.length });
      agent.log.error({ error: messageOf(thrown) }, 'not reloaded: everything stays as it is');
    }
  };
  process.on('SIGHUP', reload);
  return {
    [Symbol.dispose]: () => {
      process.off('SIGHUP', reload);
    },
  };
}
