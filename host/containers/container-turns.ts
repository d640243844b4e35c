// SPDX-License-Identifier: Apache-2.0
// Turns of the main thread for containers: root's containers do not wait for those of users.
import type { Workload } from '../agent-socket/workload.ts';
import type { ContainerIdentity } from '../resolvers/resolver.ts';
import { whoAsks } from '../resolvers/who-asks.ts';
import { ArrivalTurns } from '../scheduling/arrival-turns.ts';
import { userAsks } from '../scheduling/asker.ts';

export class ContainerTurns {
  readonly ofUsers: ArrivalTurns = new ArrivalTurns('users');
  readonly #ofRoot = new ArrivalTurns('root');
  readonly #workloadOf: (identity: ContainerIdentity) => Workload | undefined;

  constructor(workloadOf: (identity: ContainerIdentity) => Workload | undefined) {
    this.#workloadOf = workloadOf;
  }

  async take<T>(identity: ContainerIdentity, work: () => T | Promise<T>): Promise<T> {
    const { peerUid = 0 } = identity;
    if (peerUid !== 0) return this.takeOfUser(peerUid, work);
    const workload = this.#workloadOf(identity);
    const who = whoAsks(workload === undefined ? identity : { ...identity, workload });
    return this.#ofRoot.take(who, work);
  }

  async takeOfUser<T>(uid: number, work: () => T | Promise<T>): Promise<T> {
    return this.ofUsers.take(userAsks(uid), work);
  }
}
