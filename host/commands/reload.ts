// SPDX-License-Identifier: Apache-2.0
// SIGHUP: what is read from files is read again, while containers are served.
import type { Agent } from '../agent.ts';
import type { Bundle } from '../bundles/bundle.ts';
import type { ReloadCounts, ReloadEnds } from '../containers/reloading.ts';
import { BackOff } from '../scheduling/back-off.ts';
import type { BackOffLimits } from '../scheduling/back-off.ts';
import { failureFields, messageOf } from '../errors.ts';
import { unknownForMs } from '../handler/finding.ts';
import type { Resolver } from '../resolvers/resolver.ts';

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

export type ReloadedAgent = Pick<
  Agent,
  'containerCount' | 'log' | 'regrant' | 'reload' | 'reloads'
>;

/** Of the tries to find out what nobody knew of a bundle. */
const pauses: BackOffLimits = { firstMs: 2 * unknownForMs, maxMs: 300_000 };

/** A configuration that was read again. */
export interface Reread {
  /** Answers by the bundles in use, with what is granted to them now. */
  readonly granting: (bundles: ReadonlySet<Bundle>) => Promise<Resolver>;
  /** Reads the bundles, too. */
  readonly all: (ends: ReloadEnds) => Promise<Resolver>;
}

export interface Rereading {
  /** Reads the configuration. When it throws, all stays as it is. */
  begin(): Reread;
  /** Reads what nobody knew of when all was read; undefined: there is nothing like that. */
  readonly rest: (() => Promise<Resolver>) | undefined;
}

/** @returns undefined: the agent ends */
type Reload = (ends: ReloadEnds) => Promise<ReloadCounts | undefined>;

/**
 * What the configuration does not grant any more is taken away at once. The loaded bundles answer
 * until the new ones are read and prepared. A request meanwhile starts one more reload.
 */
export function reloadOnHangup(agent: ReloadedAgent, reading: Rereading): Disposable {
  let running: AbortController | undefined;
  let isWanted = false;
  let retry: NodeJS.Timeout | undefined;
  const backOff = new BackOff(pauses);
  const over = new AbortController();
  const once = async (reload: Reload): Promise<void> => {
    running = new AbortController();
    await tryToReload(agent, reload, { hurry: running.signal, over: over.signal });
    running = undefined;
  };
  const run = async (first: Reload): Promise<void> => {
    clearTimeout(retry);
    await once(first);
    while (isWanted && !over.signal.aborted) {
      isWanted = false;
      backOff.reset();
      await once(fromStart);
    }
    const { rest } = reading;
    if (rest === undefined || over.signal.aborted) return;
    const again: Reload = async (ends) => agent.reload(await rest(), ends);
    retry = setTimeout(() => void run(again), backOff.next()).unref();
  };
  const fromStart: Reload = async (ends) => {
    const { granting, all } = reading.begin();
    await agent.regrant(granting);
    return agent.reload(await all(ends), ends);
  };
  const listener = (): void => {
    if (running === undefined) {
      backOff.reset();
      void run(fromStart);
      return;
    }
    isWanted = true;
    running.abort();
  };
  process.on('SIGHUP', listener);
  return {
    [Symbol.dispose]: () => {
      over.abort();
      running?.abort();
      clearTimeout(retry);
      process.off('SIGHUP', listener);
    },
  };
}

async function tryToReload(agent: ReloadedAgent, reload: Reload, ends: ReloadEnds): Promise<void> {
  try {
    const counts = await reload(ends);
    if (counts === undefined || ends.over.aborted) return;
    agent.log.event('reloaded', { containers: counts.changed, kept: counts.kept });
  } catch (thrown) {
    if (ends.over.aborted) return;
    agent.reloads.failed({ of: 'everything', reason: messageOf(thrown) });
    agent.reloads.ended({ changed: 0, kept: agent.containerCount });
    agent.log.event('reload-failed', failureFields(thrown));
  }
}
