// SPDX-License-Identifier: Apache-2.0
// All host functions, for one handler of one container.
import type { CallFacts, HostRequest } from '../call/host.ts';
import type { Log } from '../log/log.ts';
import { resourceNumbers, tokenOf } from '../native.ts';
import type { ReceiverHandle, StateHandle } from '../native.ts';
import type { ContainerStop } from '../registry/policy.ts';
import { escaped } from '../terminal-text.ts';
import { CallerHost } from './caller-host.ts';
import type { WorkerSide } from './caller-host.ts';
import type { LogRoom } from './log-room.ts';
import type { DecodedArgument } from '../call/received-call.ts';
import { maxStateBytes } from './handler-states.ts';
import { maxStateKeys } from '../registry/grants.ts';

const nsPerMs = 1_000_000n;

export interface HandlerSide {
  readonly receiver: ReceiverHandle;
  readonly log: Log;
  readonly containerId: string;
  readonly annotations: readonly (readonly [key: string, value: string])[];
  /** The container was killed or frozen for the handler. */
  readonly onStopped: (stop: ContainerStop) => void;
  /** State that the handlers of its bundle keep for the container. */
  readonly state: StateHandle;
  readonly lines: LinesParts;
}

/** Bounds of the lines of a container's handlers. */
export interface LinesParts {
  readonly room: LogRoom;
  /** Of the container; 0: root. */
  readonly user: number;
  /** The container's place in there. */
  readonly place: number;
  /** Called before lines are dropped, where nobody was notified of that yet. */
  readonly onDropping: () => void;
}

/** The size of a message in the log at most, in either format. */
function loggedBytes(message: string): number {
  return Buffer.byteLength(JSON.stringify(escaped(message)));
}

export class HandlerHost extends CallerHost {
  readonly #handler: HandlerSide;
  readonly #facts: CallFacts;
  /** Of a line, beside the message. */
  #bytesBeside: number | undefined;

  constructor(side: WorkerSide, handler: HandlerSide) {
    super(side);
    this.#handler = handler;
    const { containerId, annotations } = handler;
    this.#facts = { containerId, annotations, decodedArguments: () => this.#decoded() };
  }

  protected override act(request: HostRequest): number {
    const kind: string = request.of.kind;
    switch (kind) {
      case 'operate':
        return super.act(request);
      case 'facts':
        request.facts = this.#facts;
        return 0;
      case 'clock':
        request.wide =
          request.of.name === 'monotonic' ? process.hrtime.bigint() : BigInt(Date.now()) * nsPerMs;
        return 0;
      case 'log':
        return this.#log(request);
      case 'state-get':
        return this.#stateGet(request);
      case 'state-set': {
        const { key, value, maxKeys = maxStateKeys } = request;
        return this.side.native.stateSet(this.#handler.state, key, value, maxKeys);
      }
      case 'state-remove':
        return this.side.native.stateRemove(this.#handler.state, request.key) ? 1 : 0;
      case 'state-add':
        return this.#stateAdd(request);
      case 'kill':
        return this.#kill();
      case 'freeze':
        return this.#freeze(request.of.name === 'freeze');
      case 'resources':
        return this.#resources(request);
      default:
        return super.act(request);
    }
  }

  #kill(): number {
    this.#count();
    const errno = this.side.native.killContainer(this.#handler.receiver, this.#token());
    if (errno === 0) this.#handler.onStopped('kill-container');
    return errno;
  }

  #freeze(isFrozen: boolean): number {
    this.#count();
    const { receiver, onStopped } = this.#handler;
    const errno = this.side.native.freezeContainer(receiver, this.#token(), isFrozen ? 1 : 0);
    if (errno === 0 && isFrozen) onStopped('freeze-container');
    return errno;
  }

  #resources(request: HostRequest): number {
    this.#count();
    const into = this.buffer(resourceNumbers.length * 8);
    request.result = into;
    request.length = into.length;
    return this.side.native.containerResources(this.#handler.receiver, this.#token(), into);
  }

  #stateGet(request: HostRequest): number {
    const buffer = this.buffer(maxStateBytes);
    const length = this.side.native.stateGet(this.#handler.state, request.key, buffer);
    request.result = buffer;
    request.length = Math.max(length, 0);
    return length < 0 ? 0 : 1;
  }

  #stateAdd(request: HostRequest): number {
    const { key, amount, maxKeys = maxStateKeys } = request;
    const { sum } = this.side.scratch;
    sum[0] = amount;
    const bytes = new Uint8Array(sum.buffer);
    const errno = this.side.native.stateAdd(this.#handler.state, key, bytes, maxKeys);
    request.wide = sum[0] ?? 0n;
    return errno;
  }

  #log({ level, message }: HostRequest): number {
    this.#count();
    const { log, lines } = this.#handler;
    if (!log.isEnabled(level)) return 0;
    const { room, place, user, onDropping } = lines;
    this.#bytesBeside ??= log.bytesBeside;
    const bytes = this.#bytesBeside + loggedBytes(message);
    if (room.take(place, bytes, user)) {
      log.ofHandler(level, message);
      return 0;
    }
    // a worker can be ended anywhere: a notification without a count does no harm
    if (room.isTold(place)) onDropping();
    room.drop(place, bytes);
    return 0;
  }

  #decoded(): readonly DecodedArgument[] {
    const { call, current } = this.side;
    const syscall = current();
    return syscall === undefined ? [] : call.decode(syscall);
  }

  #token(): ReturnType<typeof tokenOf> {
    return tokenOf(this.side.call.token);
  }

  /** Counts work that the addon does not count as an operation itself. */
  #count(): void {
    this.side.native.countOperation(this.side.worker);
  }
}
