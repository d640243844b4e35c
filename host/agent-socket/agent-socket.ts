// SPDX-License-Identifier: Apache-2.0
// The agent socket: collects what runtimes send and hands on each whole container process state.
import { Socket } from 'node:net';
import { dirname } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';

import {
  listenerFdName,
  ObjectScanner,
  parseContainerProcessState,
} from './container-process-state.ts';
import type { ContainerProcessState } from './container-process-state.ts';
import type { ArrivalTurns } from '../scheduling/arrival-turns.ts';
import { startDeadline } from '../scheduling/deadline.ts';
import { Drain } from '../scheduling/drain.ts';
import type { Left } from '../scheduling/drain.ts';
import { AgentError, systemCodeOf } from '../errors.ts';
import { errnoNameOf } from '../syscalls/errno.ts';
import type { Log } from '../log/log.ts';
import type { ConnectionId, Native, SocketEvent, SocketHandle } from '../native.ts';
import { SocketWarnings } from './socket-warnings.ts';
import type { Peer } from './socket-warnings.ts';
import { userAsks } from '../scheduling/asker.ts';
import { pathAside, TakenPath } from './taken-path.ts';

/** A container process state and where its listener is to be taken from. */
export interface Arrival {
  readonly state: ContainerProcessState;
  readonly socket: SocketHandle;
  readonly connection: ConnectionId;
  readonly fdIndex: number;
  readonly peerPid: number;
  readonly peerUid: number;
  /** Whether no process of the container is left, or nobody waits for it to be adopted. */
  readonly isOver: () => boolean;
}

export interface AgentSocketParts {
  readonly native: Native;
  readonly log: Log;
  readonly path: string;
  /** Also from an agent that listens there, which keeps what has connected to it. */
  readonly takesOver: boolean;
  /** Users whose runtimes may connect; root is always among them. */
  readonly allowedUids: readonly number[];
  /** Messages of users are parsed in turns. */
  readonly userTurns: ArrivalTurns;
  /** Must adopt the listener before it settles: the connection is closed then. */
  readonly onArrival: (arrival: Arrival) => Promise<void>;
}

/** From connecting to the last byte, as far as we can read it. */
const deadlineMs = 5000;
/** Runtimes send at once. */
const lastWordsMs = 500;
const lookEveryMs = 10;
const maxBytes = 1024 * 1024;
/** The main thread parses it, and keeps no more than 64 KiB of annotations and as much of metadata. */
const maxBytesOfUsers = 256 * 1024;
/** Of one user: runtimes send at once. Each brings descriptors and bytes that we hold meanwhile. */
const maxOpenOfUser = 32;
/** Messages of one user that wait for their turns, and their bytes: so many may come at once. */
const maxWaitingOfUser = 128;
const maxWaitingBytesOfUser = 4 * 1024 * 1024;
/** As the addon keeps them. */
const maxFds = 8;
const chunkBytes = 64 * 1024;

interface Connection extends Peer {
  readonly chunks: Uint8Array[];
  readonly scanner: ObjectScanner;
  deadline: NodeJS.Timeout;
  length: number;
  /** All of its message is there. */
  isWhole: boolean;
  /** It waits for a turn of its user. */
  isWaiting: boolean;
}

export class AgentSocket implements Disposable {
  readonly #parts: AgentSocketParts;
  readonly #handle: SocketHandle;
  readonly #taken: TakenPath;
  readonly #wake: Socket;
  readonly #buffer = new Uint8Array(chunkBytes);
  readonly #connections: Map<ConnectionId, Connection> = new Map();
  readonly #drain = new Drain(() => this.#takeOne());
  readonly #warnings: SocketWarnings;
  #isClosed = false;

  /** @throws AgentError AGENT_SOCKET_IN_USE, AGENT_SOCKET */
  constructor(parts: AgentSocketParts) {
    this.#parts = parts;
    this.#warnings = new SocketWarnings(parts.log);
    const made = parts.takesOver ? pathAside(parts.path) : parts.path;
    this.#handle = listen(parts.native, made, parts.allowedUids);
    this.#taken = this.#takePath(parts);
    this.#wake = new Socket({ fd: parts.native.takeWakeFd(this.#handle), writable: false });
    this.#wake.on('data', () => {
      this.#drain.run();
    });
  }

  [Symbol.dispose](): void {
    this.#isClosed = true;
    this.#wake.destroy();
    this.#drain[Symbol.dispose]();
    for (const { deadline } of this.#connections.values()) clearTimeout(deadline);
    this.#connections.clear();
    this.#warnings[Symbol.dispose]();
    this.#parts.native.closeSocket(this.#handle);
    this.#taken[Symbol.dispose]();
  }

  /** Whether runtimes that connect come here. */
  get hasPath(): boolean {
    return this.#taken.isOwn;
  }

  /** Nobody is connected. */
  get isIdle(): boolean {
    this.#drain.run();
    if (this.#connections.size > 0 || this.#drain.isUnderWay) return false;
    return !this.#parts.native.socketHasPending(this.#handle);
  }

  /** Gives the path up, hears whoever has connected until then, and closes. */
  async finish(): Promise<void> {
    this.#taken[Symbol.dispose]();
    const until = performance.now() + lastWordsMs;
    while (!this.isIdle && performance.now() < until) await sleep(lookEveryMs);
    this[Symbol.dispose]();
  }

  #takePath({ native, path, takesOver }: AgentSocketParts): TakenPath {
    try {
      return takesOver ? TakenPath.over(path) : TakenPath.of(path);
    } catch (cause) {
      native.closeSocket(this.#handle);
      if (cause instanceof AgentError) throw cause;
      throw new AgentError('AGENT_SOCKET', `cannot take over ${path}`, { cause });
    }
  }

  #takeOne(): Left {
    const event = this.#parts.native.nextSocketEvent(this.#handle, this.#buffer);
    if (event === null) return 'nothing';
    switch (event.kind) {
      case 'opened':
        this.#open(event);
        return 'more';
      case 'data':
        this.#take(event);
        return 'more';
      case 'closed':
        this.#forget(event.connection, event.errno);
        return 'more';
      case 'refused':
        this.#warnings.tellUnaccepted(event.errno);
        return 'more';
      case 'crowded':
        this.#warnings.tellCrowded(event);
        return 'more';
    }
  }

  #open({ connection, peerPid, peerUid }: SocketEvent): void {
    const { native, allowedUids } = this.#parts;
    if (peerUid !== 0 && !allowedUids.includes(peerUid)) {
      this.#warnings.tellStranger({ peerPid, peerUid });
      native.closeConnection(this.#handle, connection);
      return;
    }
    if (peerUid !== 0 && this.#openOf(peerUid) >= maxOpenOfUser) {
      const what = `this user has ${maxOpenOfUser} open connections, the maximum`;
      this.#warnings.tellRefused({ peerPid, peerUid }, new AgentError('AGENT_USER_LIMIT', what));
      native.closeConnection(this.#handle, connection);
      return;
    }
    this.#connections.set(connection, {
      peerPid,
      peerUid,
      chunks: [],
      scanner: new ObjectScanner(),
      deadline: this.#deadlineOf(connection),
      length: 0,
      isWhole: false,
      isWaiting: false,
    });
  }

  #deadlineOf(id: ConnectionId): NodeJS.Timeout {
    return startDeadline(deadlineMs, () => {
      this.#judge(id);
    }).unref();
  }

  /** What has come is read before: runtimes do not send it again. */
  #judge(id: ConnectionId): void {
    this.#drain.run();
    const connection = this.#connections.get(id);
    if (connection === undefined || connection.isWhole) return;
    if (this.#drain.isUnderWay) connection.deadline = this.#deadlineOf(id);
    else this.#reject(id, unreadable(`message incomplete after ${deadlineMs} ms`));
  }

  #openOf(uid: number): number {
    const open = [...this.#connections.values()].filter(({ isWhole }) => !isWhole);
    return open.filter(({ peerUid }) => peerUid === uid).length;
  }

  #take(event: SocketEvent): void {
    const connection = this.#connections.get(event.connection);
    // closed by us while this event was on its way
    if (connection === undefined) return;
    const what = this.#add(event, connection);
    if (what !== undefined) this.#reject(event.connection, unreadable(what));
    else if (!connection.isWhole) return;
    else if (connection.peerUid === 0) this.#arrive(event, connection);
    else this.#arriveInTurn(event, connection);
  }

  /** @returns why the message is refused */
  #add({ isTruncated, length }: SocketEvent, connection: Connection): string | undefined {
    if (isTruncated) {
      return `descriptors lost: a message may carry at most ${maxFds}; if it has fewer, raise the limit of open files`;
    }
    connection.length += length;
    const max = connection.peerUid === 0 ? maxBytes : maxBytesOfUsers;
    if (connection.length > max) return `message is longer than ${max} bytes`;
    const chunk = this.#buffer.slice(0, length);
    connection.chunks.push(chunk);
    const found = connection.scanner.push(chunk);
    connection.isWhole = found === 'whole';
    return found === 'broken' ? 'message is not a JSON object' : undefined;
  }

  /** Users' runtimes go away meanwhile, too. */
  #arriveInTurn(event: SocketEvent, connection: Connection): void {
    const { native, userTurns } = this.#parts;
    const { peerUid, deadline } = connection;
    const waiting = this.#waitingOf(peerUid);
    const bytes = waiting.reduce((sum, { length }) => sum + length, connection.length);
    if (waiting.length >= maxWaitingOfUser || bytes > maxWaitingBytesOfUser) {
      const what = 'too many messages of this user are waiting';
      this.#reject(event.connection, new AgentError('AGENT_USER_LIMIT', what));
      return;
    }
    clearTimeout(deadline);
    connection.isWaiting = true;
    native.muteConnection(this.#handle, event.connection);
    void userTurns.take(userAsks(peerUid), () => {
      connection.isWaiting = false;
      if (!this.#isClosed) this.#arrive(event, connection);
    });
  }

  #waitingOf(uid: number): readonly Connection[] {
    const waiting = [...this.#connections.values()].filter(({ isWaiting }) => isWaiting);
    return waiting.filter(({ peerUid }) => peerUid === uid);
  }

  #arrive({ connection: id, fdCount }: SocketEvent, connection: Connection): void {
    try {
      const state = parseContainerProcessState(textOf(connection.chunks));
      const fdIndex = state.fds.indexOf(listenerFdName);
      if (fdIndex < 0) {
        throw new AgentError('AGENT_STATE_INVALID', `fds has no "${listenerFdName}"`);
      }
      if (fdIndex >= fdCount || state.fds.length !== fdCount) {
        throw new AgentError(
          'AGENT_STATE_INVALID',
          `fds names ${state.fds.length} descriptors, but ${fdCount} were sent`,
        );
      }
      const { peerPid, peerUid } = connection;
      const place = { socket: this.#handle, connection: id, fdIndex };
      const isOver = (): boolean =>
        this.#isClosed || this.#parts.native.connectionIsOver(this.#handle, id, fdIndex);
      const arrival = { state, ...place, peerPid, peerUid, isOver };
      this.#hold(arrival, connection, this.#parts.onArrival(arrival));
    } catch (thrown) {
      this.#reject(id, thrown);
    }
  }

  /** Runtimes go away at once, and their descriptors would with them. */
  #hold(arrival: Arrival, connection: Connection, adopting: Promise<void>): void {
    const { connection: id, fdIndex } = arrival;
    clearTimeout(connection.deadline);
    // what is not needed of it is not kept as long as it waits
    connection.chunks.length = 0;
    this.#parts.native.holdConnection(this.#handle, id, fdIndex);
    const finish = async (): Promise<void> => {
      try {
        await adopting;
      } catch (thrown) {
        this.#warnings.tellRefused(connection, thrown);
      }
      if (!this.#isClosed) this.#close(id);
    };
    void finish();
  }

  #reject(id: ConnectionId, thrown: unknown): void {
    const connection = this.#connections.get(id);
    if (connection !== undefined) this.#warnings.tellRefused(connection, thrown);
    this.#close(id);
  }

  #forget(id: ConnectionId, errno: number): void {
    const connection = this.#connections.get(id);
    if (connection === undefined) return;
    const { peerPid, length } = connection;
    // crun does this when it fails later in its set-up
    this.#parts.log.event('connection-cut', { peerPid, length, errno: errnoNameOf(errno) });
    this.#close(id);
  }

  #close(id: ConnectionId): void {
    const connection = this.#connections.get(id);
    if (connection !== undefined) clearTimeout(connection.deadline);
    this.#connections.delete(id);
    this.#parts.native.closeConnection(this.#handle, id);
  }
}

/** @throws AgentError AGENT_STATE_INVALID */
function textOf(chunks: readonly Uint8Array[]): string {
  try {
    return new TextDecoder('utf-8', { fatal: true }).decode(Buffer.concat(chunks));
  } catch {
    throw unreadable('message is not UTF-8');
  }
}

function unreadable(what: string): AgentError {
  return new AgentError('AGENT_STATE_INVALID', what);
}

function listen(native: Native, path: string, allowedUids: readonly number[]): SocketHandle {
  try {
    const others = allowedUids.filter((uid) => uid !== process.geteuid?.());
    return native.listenSocket(path, Int32Array.from(others));
  } catch (cause) {
    const code = systemCodeOf(cause);
    if (code === 'EADDRINUSE') {
      throw new AgentError(
        'AGENT_SOCKET_IN_USE',
        `another agent listens on ${path}: take it over with -take-over, or choose another -socketfile`,
      );
    }
    if (code === 'ENOTSOCK') {
      throw new AgentError('AGENT_SOCKET', `${path} is not a socket: choose another -socketfile`);
    }
    if (code === 'EOPNOTSUPP') {
      throw new AgentError(
        'AGENT_SOCKET',
        `cannot let users connect to ${path}: its file system has no access control lists (acl(5)); choose a -socketfile on tmpfs, such as in /run, or omit -allow-uids`,
      );
    }
    const why = code === 'ENOENT' ? `: the folder ${dirname(path)} has to be there` : '';
    throw new AgentError('AGENT_SOCKET', `cannot listen on ${path}${why}`, { cause });
  }
}
