// SPDX-License-Identifier: Apache-2.0
// Looks at an agent again and again, and says what was between.
import { setTimeout as pause } from 'node:timers/promises';

import { askForText } from '../control/control-client.ts';
import type { AgentFigures } from '../control/figures.ts';
import { messageOf } from '../errors.ts';
import { ratesBetween } from './rates.ts';
import type { ContainerRates } from './rates.ts';

/** The present knowledge of the agent. */
export type Look =
  | {
      readonly kind: 'rates';
      readonly agent: AgentFigures;
      readonly rates: readonly ContainerRates[];
    }
  /** It is there, and what it did is known with the next look. */
  | { readonly kind: 'first'; readonly agent: AgentFigures }
  | { readonly kind: 'gone'; readonly why: string };

/** An agent that is busy answers a little later. */
const patienceMs = 10_000;

/** @throws AgentError AGENT_CONTROL */
export async function lookAt(socket: string, signal: AbortSignal): Promise<AgentFigures> {
  const text = await askForText({ socket, method: 'GET', path: '/figures', patienceMs, signal });
  const figures: AgentFigures = JSON.parse(text);
  return figures;
}

/**
 * Looks after each interval, until the signal comes.
 * @param first what the caller has seen already
 */
export async function* looks(
  socket: string,
  intervalMs: number,
  { first, signal }: { readonly first: AgentFigures; readonly signal: AbortSignal },
): AsyncGenerator<Look> {
  let before: AgentFigures | undefined = first;
  for (;;) {
    try {
      await pause(intervalMs, undefined, { signal });
    } catch {
      return;
    }
    let now: AgentFigures;
    try {
      now = await lookAt(socket, signal);
    } catch (thrown) {
      if (signal.aborted) return;
      before = undefined;
      yield { kind: 'gone', why: messageOf(thrown) };
      continue;
    }
    const rates = before === undefined ? undefined : ratesBetween(before, now);
    before = now;
    yield rates === undefined
      ? { kind: 'first', agent: now }
      : { kind: 'rates', agent: now, rates };
  }
}
