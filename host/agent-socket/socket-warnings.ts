// SPDX-License-Identifier: Apache-2.0
// Warnings of refused connections and messages, each at most once a minute: users must not fill the disk.
import type { Logger } from '../log.ts';
import { SeldomNotice } from '../scheduling/seldom-notice.ts';
import { errnoNameOf } from '../syscalls/errno.ts';

export interface Peer {
  readonly peerPid: number;
  readonly peerUid: number;
}

export class SocketWarnings implements Disposable {
  readonly #log: Logger;
  readonly #strangers: SeldomNotice;
  readonly #refused: SeldomNotice;
  readonly #crowds: SeldomNotice;
  readonly #unaccepted: SeldomNotice;

  constructor(log: Logger) {
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
    const text = 'connection refused: this user is not allowed to connect';
    this.#strangers.tell(1, text, { peerPid, peerUid });
  }

  /** Messages of root are all logged. */
  tellRefused({ peerPid, peerUid }: Peer, why: string): void {
    const text = 'message on the agent socket refused';
    if (peerUid === 0) this.#log.warn({ peerPid, why }, text);
    else this.#refused.tell(1, text, { peerPid, peerUid, why });
  }

  tellCrowded({ peerPid, peerUid }: Peer): void {
    this.#crowds.tell(
      1,
      'connections refused: too many connections of this user, or closing received descriptors takes too long',
      { peerPid, peerUid },
    );
  }

  tellUnaccepted(errno: number): void {
    this.#unaccepted.tell(1, 'cannot accept a connection; is the limit of open files too low?', {
      errno: errnoNameOf(errno),
    });
  }
}
