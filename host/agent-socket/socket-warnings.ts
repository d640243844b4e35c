// SPDX-License-Identifier: Apache-2.0
// Warnings of refused connections and messages, each at most once a minute: users must not fill the disk.
import { failureFields } from '../errors.ts';
import type { Log } from '../log/log.ts';
import { SeldomNotice } from '../scheduling/seldom-notice.ts';
import { errnoNameOf } from '../syscalls/errno.ts';

export interface Peer {
  readonly peerPid: number;
  readonly peerUid: number;
}

export class SocketWarnings implements Disposable {
  readonly #log: Log;
  readonly #strangers: SeldomNotice;
  readonly #refused: SeldomNotice;
  readonly #crowds: SeldomNotice;
  readonly #unaccepted: SeldomNotice;

  constructor(log: Log) {
    this.#log = log;
    this.#strangers = new SeldomNotice(log);
    this.#refused = new SeldomNotice(log);
    this.#crowds = new SeldomNotice(log);
    this.#unaccepted = new SeldomNotice(log);
  }

  [Symbol.dispose](): void {
    this.#strangers[Symbol.dispose]();
    this.#refused[Symbol.dispose]();
    this.#crowds[Symbol.dispose]();
    this.#unaccepted[Symbol.dispose]();
  }

  tellStranger({ peerPid, peerUid }: Peer): void {
    this.#strangers.tell(1, 'peer-not-allowed', { peerPid, peerUid });
  }

  /** Messages of root are all logged. */
  tellRefused({ peerPid, peerUid }: Peer, thrown: unknown): void {
    const { error: why, code } = failureFields(thrown);
    if (peerUid === 0) this.#log.event('message-refused', { peerPid, why, code });
    else this.#refused.tell(1, 'message-refused', { peerPid, peerUid, why, code });
  }

  tellCrowded({ peerPid, peerUid }: Peer): void {
    this.#crowds.tell(1, 'connections-too-many', { peerPid, peerUid });
  }

  tellUnaccepted(errno: number): void {
    this.#unaccepted.tell(1, 'connection-not-accepted', {
      errno: errnoNameOf(errno),
    });
  }
}
