// SPDX-License-Identifier: Apache-2.0
// The host of a handler whose container is watched: everything is done as ever, and what was done in
// the container is noted.
import type { CallHost, GuestLogLevel } from '../handler/capability.ts';
import type { DecodedArgument } from '../notification/received-call.ts';
import { actBit } from './decision-layout.ts';
import type { DecisionWriter } from './decision-writer.ts';

const bit = {
  mount: actBit('mount'),
  operate: actBit('operate'),
  take: actBit('take-descriptor'),
  give: actBit('give-descriptor'),
  write: actBit('write-memory'),
  kill: actBit('kill-container'),
  freeze: actBit('freeze-container'),
} as const;

export class ObservedHost implements CallHost {
  readonly #host: CallHost;
  readonly #writer: DecisionWriter;

  constructor(host: CallHost, writer: DecisionWriter) {
    this.#host = host;
    this.#writer = writer;
  }

  get containerId(): string {
    return this.#host.containerId;
  }

  get annotations(): CallHost['annotations'] {
    return this.#host.annotations;
  }

  mount(memory: Uint8Array, ranges: Int32Array): number {
    this.#writer.acts |= bit.mount;
    return this.#host.mount(memory, ranges);
  }

  operate(which: number, memory: Uint8Array, numbers: Int32Array, result: Uint8Array): number {
    this.#writer.acts |= bit.operate;
    return this.#host.operate(which, memory, numbers, result);
  }

  resultRoom(): Uint8Array {
    return this.#host.resultRoom();
  }

  takeFd(fd: number): number {
    this.#writer.acts |= bit.take;
    return this.#host.takeFd(fd);
  }

  installFd(descriptor: number, isCloseOnExec: boolean): number {
    this.#writer.acts |= bit.give;
    return this.#host.installFd(descriptor, isCloseOnExec);
  }

  replaceFd(descriptor: number, fd: number, isCloseOnExec: boolean): number {
    this.#writer.acts |= bit.give;
    return this.#host.replaceFd(descriptor, fd, isCloseOnExec);
  }

  argumentSize(argument: number): bigint {
    return this.#host.argumentSize(argument);
  }

  readArgument(argument: number, offset: bigint, into: Uint8Array): number {
    return this.#host.readArgument(argument, offset, into);
  }

  writeArgument(argument: number, offset: bigint, bytes: Uint8Array): number {
    this.#writer.acts |= bit.write;
    return this.#host.writeArgument(argument, offset, bytes);
  }

  credentials(): Uint8Array | number {
    return this.#host.credentials();
  }

  process(): Uint8Array | number {
    return this.#host.process();
  }

  hasCapability(capability: number, where: number): number {
    return this.#host.hasCapability(capability, where);
  }

  killContainer(): number {
    this.#writer.acts |= bit.kill;
    return this.#host.killContainer();
  }

  freezeContainer(isFrozen: boolean): number {
    this.#writer.acts |= bit.freeze;
    return this.#host.freezeContainer(isFrozen);
  }

  containerResources(): Uint8Array | number {
    return this.#host.containerResources();
  }

  stateGet(key: Uint8Array): Uint8Array | undefined {
    return this.#host.stateGet(key);
  }

  stateSet(key: Uint8Array, value: Uint8Array): number {
    return this.#host.stateSet(key, value);
  }

  stateRemove(key: Uint8Array): boolean {
    return this.#host.stateRemove(key);
  }

  stateAdd(key: Uint8Array, number: Uint8Array): number {
    return this.#host.stateAdd(key, number);
  }

  monotonicNs(): bigint {
    return this.#host.monotonicNs();
  }

  wallNs(): bigint {
    return this.#host.wallNs();
  }

  log(level: GuestLogLevel, message: string): void {
    this.#host.log(level, message);
  }

  decodedArguments(): readonly DecodedArgument[] {
    return this.#host.decodedArguments();
  }
}
