// SPDX-License-Identifier: Apache-2.0
// Keeps the agent socket at its path. Another agent may take it over; where that one is gone, and
// nobody listens any more, it is taken back: else no container of the node would start.
import { once } from 'node:events';
import { connect } from 'node:net';
import { setTimeout as sleep } from 'node:timers/promises';

import { AgentSocket } from './agent-socket.ts';
import type { AgentSocketParts } from './agent-socket.ts';
import { AgentError, failureFields, systemCodeOf } from '../errors.ts';
import type { Log } from '../log/log.ts';

const lookEveryMs = 1000;

export interface SocketOptions {
  readonly path: string;
  readonly allowedUids: readonly number[];
  /** Also from an agent that listens there. */
  readonly takesOver?: boolean;
}

export class AgentListener implements AsyncDisposable {
  readonly #parts: AgentSocketParts;
  readonly #timer: NodeJS.Timeout;
  #socket: AgentSocket;
  /** Without the path, for what has connected to them. */
  #former: readonly AgentSocket[] = [];
  #isLost = false;
  #failure = '';

  /** @throws AgentError AGENT_SOCKET_IN_USE, AGENT_SOCKET */
  constructor(parts: AgentSocketParts) {
    this.#parts = parts;
    this.#socket = new AgentSocket(parts);
    this.#timer = setInterval(() => {
      this.#look();
    }, lookEveryMs).unref();
  }

  get path(): string {
    return this.#parts.path;
  }

  /** Why containers that start do not come here; undefined: they do. */
  get lossReason(): string | undefined {
    return this.#socket.hasPath ? undefined : 'another agent has the socket';
  }

  /** Whoever has connected is still heard. */
  async [Symbol.asyncDispose](): Promise<void> {
    clearInterval(this.#timer);
    await Promise.all([this.#socket, ...this.#former].map(async (socket) => socket.finish()));
  }

  #look(): void {
    this.#leaveFormer();
    if (this.#socket.hasPath) return;
    if (!this.#isLost) {
      this.#isLost = true;
      this.#parts.log.event('socket-taken-over', { socket: this.#parts.path });
    }
    this.#takeBack();
  }

  /** Where nobody listens. */
  #takeBack(): void {
    const { log, path } = this.#parts;
    try {
      const socket = new AgentSocket({ ...this.#parts, takesOver: false });
      this.#former = [...this.#former, this.#socket];
      this.#socket = socket;
      this.#isLost = false;
      this.#failure = '';
      log.event('socket-taken-back', { socket: path });
    } catch (thrown) {
      if (thrown instanceof AgentError && thrown.code === 'AGENT_SOCKET_IN_USE') return;
      const failure = failureFields(thrown);
      if (failure.error !== this.#failure) log.event('socket-not-taken-back', failure);
      this.#failure = failure.error;
    }
  }

  #leaveFormer(): void {
    const idle = this.#former.filter((socket) => socket.isIdle);
    this.#former = this.#former.filter((socket) => !idle.includes(socket));
    for (const socket of idle) socket[Symbol.dispose]();
  }
}

/** Whether somebody accepts connections there. */
async function isListenedOn(path: string): Promise<boolean> {
  const socket = connect(path);
  try {
    await once(socket, 'connect');
    return true;
  } catch (thrown) {
    // EAGAIN: its backlog is full
    return systemCodeOf(thrown) === 'EAGAIN';
  } finally {
    socket.destroy();
  }
}

/** Conditions of a take-over. */
export interface TakeOverWait {
  readonly path: string;
  /** Why this agent would not serve containers as it should; undefined: it would. */
  readonly reason: () => string | undefined;
  readonly log: Log;
  readonly ending: AbortSignal;
}

/** Until this agent is no worse than the one that listens, which goes on until then. */
export async function untilTakeable({ path, reason, log, ending }: TakeOverWait): Promise<void> {
  let said: string | undefined;
  for (;;) {
    const why = reason();
    if (why === undefined || ending.aborted || !(await isListenedOn(path))) return;
    if (why !== said) {
      log.event('socket-kept-by-other', { reason: why });
    }
    said = why;
    await sleep(lookEveryMs, undefined, { signal: ending }).catch(() => undefined);
  }
}
