// SPDX-License-Identifier: Apache-2.0
// Turns of threads that do something for a container which may take long, and as much memory as somebody
// has made for it.
import { whoAsks } from '../resolvers/who-asks.ts';
import type { ContainerIdentity } from '../resolvers/resolver.ts';
import { Askers } from '../scheduling/asker.ts';
import type { IsWanted } from '../scheduling/asker.ts';
import { Turns } from '../scheduling/turns.ts';

/** At once: of root's containers, which do not wait for those of users, of all users, of each one. */
export interface OwnerLimits {
  readonly root: number;
  readonly users: number;
  readonly user: number;
}

export class OwnerTurns {
  readonly #limits: OwnerLimits;
  readonly #ofRoot: Turns;
  readonly #ofUsers: Turns;
  /** By user, of whom there are as many as may connect. */
  readonly #ofUser: Map<number, Turns> = new Map();

  constructor(limits: OwnerLimits) {
    this.#limits = limits;
    this.#ofRoot = new Turns(limits.root);
    this.#ofUsers = new Turns(limits.users);
  }

  /** @returns undefined: nobody wants it any more */
  async take<T>(
    identity: ContainerIdentity,
    isWanted: IsWanted,
    work: () => Promise<T>,
  ): Promise<T | undefined> {
    const { peerUid = 0 } = identity;
    let done: T | undefined;
    const among = async (turns: Turns, todo: () => Promise<void>): Promise<void> =>
      turns.take({ askers: new Askers({ who: whoAsks(identity), isWanted }), costMs: 0 }, todo);
    const last = async (): Promise<void> => {
      done = await work();
    };
    await (peerUid === 0
      ? among(this.#ofRoot, last)
      : among(this.#turnsOf(peerUid), async () => among(this.#ofUsers, last)));
    return done;
  }

  #turnsOf(uid: number): Turns {
    const turns = this.#ofUser.get(uid) ?? new Turns(this.#limits.user);
    this.#ofUser.set(uid, turns);
    return turns;
  }
}
