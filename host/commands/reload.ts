// SPDX-License-Identifier: Apache-2.0
// SIGHUP: what is read from files is read again, while containers are served.
import type { Agent } from '../agent.ts';
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
  'containerCount' | 'log' | 'prepareAll' | 'reload' | 'reloads'
>;

/** Of the tries to find out what nobody knew of a bundle. */
const pauses: BackOffLimits = { firstMs: 2 * unknownForMs, maxMs: 300_000 };

/** When it throws, all stays as it is. */
export interface Rereading {
  /** Reads everything. */
  all(): Promise<Resolver>;
  /** Reads what nobody knew of when all was read; undefined: there is nothing like that. */
  readonly rest: (() => Promise<Resolver>) | undefined;
}

/**
 * The loaded configuration answers until the new one is read and prepared. A request meanwhile starts
 * one more reload.
 */
export function reloadOnHangup(agent: ReloadedAgent, reading: Rereading): Disposable {
  let isWanted = false;
  let isReloading = false;
  let retry: NodeJS.Timeout | undefined;
  const backOff = new BackOff(pauses);
  const over = new AbortController();
  const run = async (make: () => Promise<Resolver>): Promise<void> => {
    clearTimeout(retry);
    isReloading = true;
    await reloadOnce(agent, make, over.signal);
    while (isWanted && !over.signal.aborted) {
      isWanted = false;
      backOff.reset();
      await reloadOnce(agent, async () => reading.all(), over.signal);
    }
    isReloading = false;
    const { rest } = reading;
    if (rest === undefined || over.signal.aborted) return;
    retry = setTimeout(() => void run(rest), backOff.next()).unref();
  };
  const listener = (): void => {
    if (isReloading) isWanted = true;
    else {
      backOff.reset();
      void run(async () => reading.all());
    }
  };
  process.on('SIGHUP', listener);
  return {
    [Symbol.dispose]: () => {
      over.abort();
      clearTimeout(retry);
      process.off('SIGHUP', listener);
    },
  };
}

async function reloadOnce(
  agent: ReloadedAgent,
  make: () => Promise<Resolver>,
  over: AbortSignal,
): Promise<void> {
  try {
    const resolver = await make();
    // what is taken away is, also where not all is at hand: it is then as if nobody had prepared it
    await agent.prepareAll(resolver).catch((thrown: unknown) => {
      agent.log.event('reload-incomplete', failureFields(thrown));
    });
    if (over.aborted) return;
    const { changed, kept } = await agent.reload(resolver);
    if (over.aborted) return;
    agent.log.event('reloaded', { containers: changed, kept });
  } catch (thrown) {
    if (over.aborted) return;
    agent.reloads.failed({ of: 'everything', reason: messageOf(thrown) });
    agent.reloads.ended({ changed: 0, kept: agent.containerCount });
    agent.log.event('reload-failed', failureFields(thrown));
  }
}
