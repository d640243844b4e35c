// SPDX-License-Identifier: Apache-2.0
// A host that another one does everything for: what looks at some of it derives from this.
import type { DecodedArgument } from '../call/received-call.ts';
import type { CallHost, GuestLogLevel } from '../call/call-host.ts';

export abstract class ForwardingHost implements CallHost {
  /** Methods of derived classes call it themselves, so that each of their calls has one target. */
  protected readonly host: CallHost;

  constructor(host: CallHost) {
    this.host = host;
  }

  get containerId(): string {
    return this.host.containerId;
  }

  get annotations(): CallHost['annotations'] {
    return this.host.annotations;
  }

  mount(memory: Uint8Array, ranges: Int32Array): number {
    return this.host.mount(memory, ranges);
  }

  operate(
    which: number,
    memory: Uint8Array,
    numbers: Int32Array,
    result: Uint8Array,
    within?: Uint8Array,
  ): number {
    return this.host.operate(which, memory, numbers, result, within);
  }

  resultRoom(): Uint8Array {
    return this.host.resultRoom();
  }

  takeFd(fd: number): number {
    return this.host.takeFd(fd);
  }

  installFd(descriptor: number, isCloseOnExec: boolean): number {
    return this.host.installFd(descriptor, isCloseOnExec);
  }

  replaceFd(descriptor: number, fd: number, isCloseOnExec: boolean): number {
    return this.host.replaceFd(descriptor, fd, isCloseOnExec);
  }

  argumentSize(argument: number): bigint {
    return this.host.argumentSize(argument);
  }

  readArgument(argument: number, offset: bigint, into: Uint8Array): number {
    return this.host.readArgument(argument, offset, into);
  }

  writeArgument(argument: number, offset: bigint, bytes: Uint8Array): number {
    return this.host.writeArgument(argument, offset, bytes);
  }

  credentials(): Uint8Array | number {
    return this.host.credentials();
  }

  process(): Uint8Array | number {
    return this.host.process();
  }

  hasCapability(capability: number, where: number): number {
    return this.host.hasCapability(capability, where);
  }

  killContainer(): number {
    return this.host.killContainer();
  }

  freezeContainer(isFrozen: boolean): number {
    return this.host.freezeContainer(isFrozen);
  }

  containerResources(): Uint8Array | number {
    return this.host.containerResources();
  }

  stateGet(key: Uint8Array): Uint8Array | undefined {
    return this.host.stateGet(key);
  }

  stateSet(key: Uint8Array, value: Uint8Array, mostKeys?: number): number {
    return this.host.stateSet(key, value, mostKeys);
  }

  stateRemove(key: Uint8Array): boolean {
    return this.host.stateRemove(key);
  }

  stateAdd(key: Uint8Array, number: Uint8Array, mostKeys?: number): number {
    return this.host.stateAdd(key, number, mostKeys);
  }

  monotonicNs(): bigint {
    return this.host.monotonicNs();
  }

  wallNs(): bigint {
    return this.host.wallNs();
  }

  log(level: GuestLogLevel, message: string): void {
    this.host.log(level, message);
  }

  decodedArguments(): readonly DecodedArgument[] {
    return this.host.decodedArguments();
  }
}
