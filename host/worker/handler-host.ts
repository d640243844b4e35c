// SPDX-License-Identifier: Apache-2.0
// What the host does for one handler of one container.
import type { CallHost, GuestLogLevel } from '../call/call-host.ts';
import { bytesBeside } from '../log.ts';
import type { Logger } from '../log.ts';
import { resourceNumbers, tokenOf } from '../native.ts';
import type { ReceiverHandle, StateHandle } from '../native.ts';
import type { ContainerStop } from '../registry/policy.ts';
import { escaped } from '../terminal-text.ts';
import { CallActs } from './call-acts.ts';
import type { WorkerSide } from './call-acts.ts';
import type { LogRoom } from './log-room.ts';
import type { DecodedArgument } from '../call/received-call.ts';
import { mostStateBytes } from './handler-states.ts';
import { mostStateKeys } from '../registry/grants.ts';

const nsPerMs = 1_000_000n;

export interface HandlerSide {
  readonly receiver: ReceiverHandle;
  readonly log: Logger;
  readonly containerId: string;
  readonly annotations: readonly (readonly [key: string, value: string])[];
  /** The container was killed or frozen for the handler. */
  readonly onStopped: (stop: ContainerStop) => void;
  /** What the handlers of its bundle remember of the container. */
  readonly state: StateHandle;
  readonly lines: LinesParts;
}

/** What bounds the lines of a container's handlers. */
export interface LinesParts {
  readonly room: LogRoom;
  /** The container's in there. */
  readonly place: number;
  /** Told before lines are dropped that nobody knows of yet. */
  readonly onDropping: () => void;
}

/** What a message takes in the log at most, in either format. */
function loggedBytes(message: string): number {
  return Buffer.byteLength(JSON.stringify(escaped(message)));
}

export class HandlerHost extends CallActs implements CallHost {
  readonly containerId: string;
  readonly annotations: readonly (readonly [key: string, value: string])[];
  readonly #handler: HandlerSide;
  /** Of a line of its, beside the message. */
  #bytesBeside: number | undefined;

  constructor(side: WorkerSide, handler: HandlerSide) {
    super(side);
    this.#handler = handler;
    this.containerId = handler.containerId;
    this.annotations = handler.annotations;
  }

  mount(memory: Uint8Array, ranges: Int32Array): number {
    const { native, worker } = this.side;
    return this.acting('mount', () => native.mountAsCaller(worker, memory, ranges));
  }

  killContainer(): number {
    const { native, call } = this.side;
    this.counting('kill');
    const errno = native.killContainer(this.#handler.receiver, tokenOf(call.token));
    if (errno === 0) this.#handler.onStopped('kill-container');
    return errno;
  }

  freezeContainer(isFrozen: boolean): number {
    const { native, call } = this.side;
    this.counting('freeze');
    const { receiver, onStopped } = this.#handler;
    const errno = native.freezeContainer(receiver, tokenOf(call.token), isFrozen ? 1 : 0);
    if (errno === 0 && isFrozen) onStopped('freeze-container');
    return errno;
  }

  containerResources(): Uint8Array | number {
    const { native, call } = this.side;
    this.counting('look at the resources');
    const into = this.resultRoom().subarray(0, resourceNumbers.length * 8);
    const token = tokenOf(call.token);
    const errno = native.containerResources(this.#handler.receiver, token, into);
    return errno === 0 ? into : errno;
  }

  stateGet(key: Uint8Array): Uint8Array | undefined {
    const room = this.resultRoom();
    const length = this.side.native.stateGet(
      this.#handler.state,
      key,
      room.subarray(0, mostStateBytes),
    );
    return length < 0 ? undefined : room.subarray(0, length);
  }

  stateSet(key: Uint8Array, value: Uint8Array, mostKeys: number = mostStateKeys): number {
    return this.side.native.stateSet(this.#handler.state, key, value, mostKeys);
  }

  stateRemove(key: Uint8Array): boolean {
    return this.side.native.stateRemove(this.#handler.state, key);
  }

  stateAdd(key: Uint8Array, number: Uint8Array, mostKeys: number = mostStateKeys): number {
    return this.side.native.stateAdd(this.#handler.state, key, number, mostKeys);
  }

  monotonicNs(): bigint {
    return process.hrtime.bigint();
  }

  wallNs(): bigint {
    return BigInt(Date.now()) * nsPerMs;
  }

  log(level: GuestLogLevel, message: string): void {
    this.counting('log');
    const { log, lines } = this.#handler;
    if (!log.isLevelEnabled(level)) return;
    const { room, place, onDropping } = lines;
    this.#bytesBeside ??= bytesBeside(log);
    const bytes = this.#bytesBeside + loggedBytes(message);
    if (room.take(place, bytes)) {
      log[level](message);
      return;
    }
    // a worker can be ended anywhere: what is told and not counted does no harm
    if (room.isTold(place)) onDropping();
    room.drop(place, bytes);
  }

  decodedArguments(): readonly DecodedArgument[] {
    const { call, current } = this.side;
    const syscall = current();
    return syscall === undefined ? [] : call.decode(syscall);
  }
}
