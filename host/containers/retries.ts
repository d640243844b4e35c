// SPDX-License-Identifier: Apache-2.0
// Containers whose bundles could not be checked, for want of memory or of a registry: they are resolved
// again until they can.
import { BackOff } from '../scheduling/back-off.ts';
import type { BackOffLimits } from '../scheduling/back-off.ts';
import { unknownForMs } from '../handler/finding.ts';
import { failureFields } from '../errors.ts';
import type { UserLines } from '../log/user-lines.ts';
import type { ContainerIdentity, Resolver } from '../resolvers/resolver.ts';
import { shownContainer } from '../registry/shown-container.ts';
import type { Attached } from './attached.ts';
import type { ContainerTurns } from './container-turns.ts';
import type { Containers } from './containers.ts';

/** Results that are unknown are kept for a while; half of a pause is random. */
const pauses: BackOffLimits = { firstMs: 2 * unknownForMs, maxMs: 300_000 };

export interface RetriesParts {
  readonly containers: Pick<Containers, 'get'>;
  readonly lines: UserLines;
  readonly resolver: () => Resolver;
  readonly turns: ContainerTurns;
  /** @returns whether it has what it should have */
  readonly resolve: (token: number, attached: Attached) => boolean;
  readonly pauses?: BackOffLimits;
}

interface Waiting {
  readonly backOff: BackOff;
  timer: NodeJS.Timeout;
}

export class Retries implements Disposable {
  readonly #parts: RetriesParts;
  /** By the tokens of their listeners. */
  readonly #waiting: Map<number, Waiting> = new Map();

  constructor(parts: RetriesParts) {
    this.#parts = parts;
  }

  /** A listener was attached. */
  enter(token: number, attached: Attached): Disposable {
    this.changed(token, attached);
    return {
      [Symbol.dispose]: () => {
        this.#leave(token);
      },
    };
  }

  /** Its handlers have changed. */
  changed(token: number, { isPassing }: Attached): void {
    if (!isPassing) this.#leave(token);
    else if (!this.#waiting.has(token)) {
      const backOff = new BackOff(this.#parts.pauses ?? pauses);
      this.#waiting.set(token, { backOff, timer: this.#timer(token, backOff) });
    }
  }

  #leave(token: number): void {
    clearTimeout(this.#waiting.get(token)?.timer);
    this.#waiting.delete(token);
  }

  [Symbol.dispose](): void {
    for (const token of this.#waiting.keys()) this.#leave(token);
  }

  #timer(token: number, backOff: BackOff): NodeJS.Timeout {
    return setTimeout(() => {
      const identity = this.#parts.containers.get(token)?.identity;
      if (identity === undefined) return;
      this.#try(token, identity).catch((thrown: unknown) => {
        this.#failed(identity, thrown);
      });
    }, backOff.next()).unref();
  }

  #failed(identity: ContainerIdentity, thrown: unknown): void {
    const shown = shownContainer(identity.state, identity);
    this.#parts.lines.tell(identity, 'bundles-not-tried', { ...shown, ...failureFields(thrown) });
  }

  async #prepare(token: number, identity: ContainerIdentity): Promise<void> {
    const isWanted = (): boolean => this.#parts.containers.get(token) !== undefined;
    try {
      await this.#parts.turns.take(identity, async () =>
        this.#parts.resolver().prepare?.(identity, isWanted),
      );
    } catch (thrown) {
      this.#failed(identity, thrown);
    }
  }

  async #try(token: number, identity: ContainerIdentity): Promise<void> {
    await this.#prepare(token, identity);
    await this.#parts.turns.take(identity, () => {
      this.#resolve(token);
    });
  }

  #resolve(token: number): void {
    const waiting = this.#waiting.get(token);
    const attached = this.#parts.containers.get(token);
    // it has ended, or was resolved otherwise meanwhile
    if (waiting === undefined || attached === undefined) return;
    clearTimeout(waiting.timer);
    // before: this may be the last try
    waiting.timer = this.#timer(token, waiting.backOff);
    if (!this.#parts.resolve(token, attached) || this.#waiting.has(token)) return;
    const shown = shownContainer(attached.registry, attached.identity);
    this.#parts.lines.tell(attached.identity, 'bundles-resolved', shown);
  }
}
