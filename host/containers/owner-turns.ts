// SPDX-License-Identifier: Apache-2.0
// Turns of threads that do something for a container which may take long, as much memory as somebody
// has made for it, or for ever.
import { whoAsks } from '../resolvers/who-asks.ts';
import type { ContainerIdentity } from '../resolvers/resolver.ts';
import { Askers } from '../scheduling/asker.ts';
import type { IsWanted } from '../scheduling/asker.ts';
import { startDeadline } from '../scheduling/deadline.ts';
import { Turns } from '../scheduling/turns.ts';
import { HangingWork } from './hanging-work.ts';
import type { HangingOwner } from './hanging-work.ts';

export interface OwnerLimits {
  /** At once: of root's containers, which do not wait for those of users. */
  readonly root: number;
  /** Of all users, and of each one. */
  readonly users: number;
  readonly user: number;
  /** Until nobody waits for the result any more. */
  readonly lastMs: number;
}

/** Others get the turn of what hangs for so long. */
export const turnMs = 2000;

/** The work is not begun, or nobody waits for its end any more. */
export class TurnRefusal extends Error {
  constructor(why: string) {
    super(why);
    this.name = 'TurnRefusal';
  }
}

export class OwnerTurns {
  readonly #limits: OwnerLimits;
  readonly #ofRoot: Turns;
  readonly #ofUsers: Turns;
  /** By user, of whom there are as many as may connect. */
  readonly #ofUser: Map<number, Turns> = new Map();
  readonly #hanging = new HangingWork();
  #underWay = 0;

  constructor(limits: OwnerLimits) {
    this.#limits = limits;
    this.#ofRoot = new Turns(limits.root);
    this.#ofUsers = new Turns(limits.users);
  }

  /** Threads are there that Node waits for at its end. */
  get areBusy(): boolean {
    return this.#underWay > 0;
  }

  /**
   * Work that goes on after its turn counts as one that hangs.
   * @returns undefined: nobody wants it any more
   * @throws TurnRefusal, also while the work goes on
   */
  async take<T>(
    identity: ContainerIdentity,
    isWanted: IsWanted,
    work: () => Promise<T>,
  ): Promise<T | undefined> {
    const owner = { uid: identity.peerUid ?? 0, who: whoAsks(identity) };
    const asker = { who: owner.who, isWanted };
    let done: Promise<T> | undefined;
    const among = async (turns: Turns, todo: () => Promise<void>): Promise<void> =>
      turns.take({ askers: new Askers(asker), costMs: 0 }, todo);
    const last = async (): Promise<void> => {
      // more may hang by now
      this.#refuseFull(owner);
      done = this.#counted(work);
      await this.#untilTurnEnds(done, owner);
    };
    this.#refuseFull(owner);
    await (owner.uid === 0
      ? among(this.#ofRoot, last)
      : among(this.#turnsOf(owner.uid), async () => among(this.#ofUsers, last)));
    return done === undefined ? undefined : beforeDeadline(done, this.#limits.lastMs - turnMs);
  }

  #refuseFull(owner: HangingOwner): void {
    if (this.#hanging.isFull(owner)) {
      throw new TurnRefusal('too many looks at processes have not come to their end');
    }
  }

  async #counted<T>(work: () => Promise<T>): Promise<T> {
    this.#underWay += 1;
    try {
      return await work();
    } finally {
      this.#underWay -= 1;
    }
  }

  /** Settles when the work does, or when it has had its turn. */
  async #untilTurnEnds(work: Promise<unknown>, owner: HangingOwner): Promise<void> {
    const ended = settling(work);
    if (await within(ended, turnMs)) return;
    void this.#countUntil(ended, owner);
  }

  async #countUntil(ended: Promise<unknown>, owner: HangingOwner): Promise<void> {
    using _hanging = this.#hanging.begin(owner);
    await ended;
  }

  #turnsOf(uid: number): Turns {
    const turns = this.#ofUser.get(uid) ?? new Turns(this.#limits.user);
    this.#ofUser.set(uid, turns);
    return turns;
  }
}

/** Settles when the work does, however that ends. */
async function settling(work: Promise<unknown>): Promise<true> {
  try {
    await work;
  } catch {
    // who waits for the result hears of it
  }
  return true;
}

/** False: it has not settled in this time. */
async function within(work: Promise<true>, ms: number): Promise<boolean> {
  let timer: NodeJS.Timeout | undefined;
  const late = new Promise<false>((resolve) => {
    timer = startDeadline(ms, () => {
      resolve(false);
    }).unref();
  });
  const isInTime = await Promise.race([work, late]);
  clearTimeout(timer);
  return isInTime;
}

/** @throws TurnRefusal */
async function beforeDeadline<T>(work: Promise<T>, ms: number): Promise<T> {
  if (await within(settling(work), ms)) return work;
  throw new TurnRefusal('its processes keep whoever looks at them waiting');
}
