// SPDX-License-Identifier: Apache-2.0
// Threads that look at mounts of containers that have just come: each may take long, and as much memory
// as the mounts that somebody has made.
import { whoAsks } from '../resolvers/who-asks.ts';
import type { ContainerIdentity } from '../resolvers/resolver.ts';
import { Askers } from '../scheduling/asker.ts';
import type { IsWanted } from '../scheduling/asker.ts';
import { Turns } from '../scheduling/turns.ts';

/** At once: root's containers do not wait for those of users. */
const maxLooks = { root: 8, users: 2, user: 1 } as const;

export class LookTurns {
  readonly #ofRoot = new Turns(maxLooks.root);
  readonly #ofUsers = new Turns(maxLooks.users);
  /** By user, of whom there are as many as may connect. */
  readonly #ofUser: Map<number, Turns> = new Map();

  /** @returns undefined: nobody wants it any more */
  async take<T>(
    identity: ContainerIdentity,
    isWanted: IsWanted,
    look: () => Promise<T>,
  ): Promise<T | undefined> {
    const { peerUid = 0 } = identity;
    const askers = (): Askers => new Askers({ who: whoAsks(identity), isWanted });
    let seen: T | undefined;
    const work = async (): Promise<void> => {
      seen = await look();
    };
    const among = async (turns: Turns, todo: () => Promise<void>): Promise<void> =>
      turns.take({ askers: askers(), costMs: 0 }, todo);
    await (peerUid === 0
      ? among(this.#ofRoot, work)
      : among(this.#turnsOf(peerUid), async () => among(this.#ofUsers, work)));
    return seen;
  }

  #turnsOf(uid: number): Turns {
    const turns = this.#ofUser.get(uid) ?? new Turns(maxLooks.user);
    this.#ofUser.set(uid, turns);
    return turns;
  }
}
