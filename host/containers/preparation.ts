// SPDX-License-Identifier: Apache-2.0
// Preparation of all containers for another resolver. What it fetches may take as long as strangers
// like, so others wait for it only for a while.
import { keyOf } from '../agent-socket/container-key.ts';
import { failureFields } from '../errors.ts';
import type { Log } from '../log/log.ts';
import type { Resolver } from '../resolvers/resolver.ts';
import { atMost } from '../scheduling/at-most.ts';
import { begunInTurns } from '../scheduling/in-turns.ts';
import { isRoots } from './attached.ts';
import type { Attached } from './attached.ts';

/** Time for which a reload waits for bundles. */
export const prepareMs = 10_000;
/** The same for those of refused containers: these have no handlers to lose. */
const refusedMs = 2000;

export type Listener = readonly [token: number, attached: Pick<Attached, 'identity' | 'refusal'>];

/** Those of one container with the same metadata, such as of commands that are executed in it. */
export type Alike = readonly [Listener, ...Listener[]];

export interface PreparationParts {
  readonly containers: {
    readonly all: () => readonly Listener[];
    readonly get: (token: number) => unknown;
  };
  readonly resolver: Pick<Resolver, 'prepare'>;
  readonly log: Log;
  /** Whether no other resolver has come since. */
  readonly isCurrent: () => boolean;
  /** These were prepared when nobody waited for it any more. */
  readonly onLate: (listeners: Alike) => void;
}

function alikeOf(all: readonly Listener[]): readonly Alike[] {
  const alike = new Map<string, [Listener, ...Listener[]]>();
  for (const listener of all) {
    const [, { identity }] = listener;
    const key = `${keyOf(identity)} ${identity.state.metadata}`;
    const others = alike.get(key);
    if (others === undefined) alike.set(key, [listener]);
    else others.push(listener);
  }
  return [...alike.values()];
}

function isRefused(listeners: Alike): boolean {
  return listeners.every(([, { refusal }]) => refusal !== undefined);
}

/** Root's first. */
function inOrder(all: readonly Alike[]): readonly Alike[] {
  const areRoots = ([[, attached]]: Alike): boolean => isRoots(attached);
  return [...all.filter(areRoots), ...all.filter((each) => !areRoots(each))];
}

export class Preparation {
  readonly #parts: PreparationParts;
  #isOver = false;

  constructor(parts: PreparationParts) {
    this.#parts = parts;
  }

  /**
   * Once for all that are alike.
   * @param hurry ends the wait
   * @returns settles once all are prepared, or once nobody waits any more
   */
  async begin(hurry: AbortSignal): Promise<void> {
    const alike = inOrder(alikeOf(this.#parts.containers.all()));
    const others = this.#all(alike.filter((each) => !isRefused(each)));
    const refused = this.#all(alike.filter(isRefused));
    try {
      await Promise.all([
        atMost({ ms: prepareMs, signal: hurry }, others),
        atMost({ ms: refusedMs, signal: hurry }, refused),
      ]);
    } catch (thrown) {
      // what is taken away is, also where not all is at hand: it is then as if nobody had prepared it
      this.#parts.log.event('reload-incomplete', failureFields(thrown));
    }
    this.#isOver = true;
  }

  async #all(alike: readonly Alike[]): Promise<void> {
    await begunInTurns(alike, async (listeners) => this.#prepare(listeners));
  }

  async #prepare(listeners: Alike): Promise<void> {
    const { containers, resolver, isCurrent, onLate } = this.#parts;
    const [[, { identity }]] = listeners;
    const isWanted = (): boolean =>
      isCurrent() && listeners.some(([token]) => containers.get(token) !== undefined);
    await resolver.prepare?.(identity, isWanted);
    if (this.#isOver && isWanted()) onLate(listeners);
  }
}
