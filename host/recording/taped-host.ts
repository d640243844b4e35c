// SPDX-License-Identifier: Apache-2.0
// The host of a handler that is recorded: everything is done as ever, and written down.
import { messageOf } from '../errors.ts';
import type { CallHost, GuestLogLevel } from '../call/call-host.ts';
import { ForwardingHost } from '../handler/forwarding-host.ts';
import { mountCall, operateAnswer, operateCall } from '../call/host-call.ts';
import type { HostAnswer, HostCall } from '../call/host-call.ts';
import type { CallTape } from './call-tape.ts';

function s64Of(bytes: Uint8Array): bigint {
  return new DataView(bytes.buffer, bytes.byteOffset, 8).getBigInt64(0, true);
}

export class TapedHost extends ForwardingHost {
  readonly #tape: CallTape;

  constructor(host: CallHost, tape: CallTape) {
    super(host);
    this.#tape = tape;
  }

  override mount(memory: Uint8Array, ranges: Int32Array): number {
    return this.#number(mountCall(memory, ranges), () => this.host.mount(memory, ranges));
  }

  override operate(
    which: number,
    memory: Uint8Array,
    numbers: Int32Array,
    result: Uint8Array,
  ): number {
    const call = operateCall(which, memory, numbers);
    return this.#noting(
      call,
      () => this.host.operate(which, memory, numbers, result),
      (answer) => operateAnswer(call, answer, { numbers, result }),
    );
  }

  override takeFd(fd: number): number {
    return this.#number({ kind: 'take', fd }, () => this.host.takeFd(fd));
  }

  override installFd(descriptor: number, isCloseOnExec: boolean): number {
    return this.#number({ kind: 'install', descriptor, isCloseOnExec }, () =>
      this.host.installFd(descriptor, isCloseOnExec),
    );
  }

  override replaceFd(descriptor: number, fd: number, isCloseOnExec: boolean): number {
    return this.#number({ kind: 'replace', descriptor, fd, isCloseOnExec }, () =>
      this.host.replaceFd(descriptor, fd, isCloseOnExec),
    );
  }

  override argumentSize(argument: number): bigint {
    return this.#noting(
      { kind: 'size', argument },
      () => this.host.argumentSize(argument),
      (wide) => ({ answer: 0, wide }),
    );
  }

  override readArgument(argument: number, offset: bigint, into: Uint8Array): number {
    return this.#noting(
      { kind: 'read', argument, offset, most: into.length },
      () => this.host.readArgument(argument, offset, into),
      (answer) => (answer < 0 ? { answer } : { answer, bytes: into.slice(0, answer) }),
    );
  }

  override writeArgument(argument: number, offset: bigint, bytes: Uint8Array): number {
    return this.#number({ kind: 'write', argument, offset, bytes: bytes.slice() }, () =>
      this.host.writeArgument(argument, offset, bytes),
    );
  }

  override credentials(): Uint8Array | number {
    return this.#bytes({ kind: 'credentials' }, () => this.host.credentials());
  }

  override process(): Uint8Array | number {
    return this.#bytes({ kind: 'process' }, () => this.host.process());
  }

  override hasCapability(capability: number, where: number): number {
    return this.#number({ kind: 'capability', capability, where }, () =>
      this.host.hasCapability(capability, where),
    );
  }

  override killContainer(): number {
    return this.#number({ kind: 'kill' }, () => this.host.killContainer());
  }

  override freezeContainer(isFrozen: boolean): number {
    return this.#number({ kind: 'freeze', isFrozen }, () => this.host.freezeContainer(isFrozen));
  }

  override containerResources(): Uint8Array | number {
    return this.#bytes({ kind: 'resources' }, () => this.host.containerResources());
  }

  override stateGet(key: Uint8Array): Uint8Array | undefined {
    return this.#noting(
      { kind: 'state-get', key },
      () => this.host.stateGet(key),
      (bytes) => (bytes === undefined ? { answer: 0 } : { answer: 1, bytes: bytes.slice() }),
    );
  }

  override stateSet(key: Uint8Array, value: Uint8Array): number {
    return this.#number({ kind: 'state-set', key, value: value.slice() }, () =>
      this.host.stateSet(key, value),
    );
  }

  override stateRemove(key: Uint8Array): boolean {
    return this.#noting(
      { kind: 'state-remove', key },
      () => this.host.stateRemove(key),
      (wasThere) => ({ answer: wasThere ? 1 : 0 }),
    );
  }

  override stateAdd(key: Uint8Array, number: Uint8Array): number {
    return this.#noting(
      { kind: 'state-add', key, amount: s64Of(number) },
      () => this.host.stateAdd(key, number),
      (answer) => ({ answer, wide: s64Of(number) }),
    );
  }

  override monotonicNs(): bigint {
    return this.#noting(
      { kind: 'clock', clock: 'monotonic' },
      () => this.host.monotonicNs(),
      (wide) => ({ answer: 0, wide }),
    );
  }

  override wallNs(): bigint {
    return this.#noting(
      { kind: 'clock', clock: 'wall' },
      () => this.host.wallNs(),
      (wide) => ({ answer: 0, wide }),
    );
  }

  override log(level: GuestLogLevel, message: string): void {
    this.#tape.note({ kind: 'log', level, message }, { answer: 0 });
    this.host.log(level, message);
  }

  #number(call: HostCall, act: () => number): number {
    return this.#noting(call, act, (answer) => ({ answer }));
  }

  #bytes(call: HostCall, act: () => Uint8Array | number): Uint8Array | number {
    return this.#noting(call, act, (given) =>
      typeof given === 'number' ? { answer: given } : { answer: 0, bytes: given.slice() },
    );
  }

  #noting<T>(call: HostCall, act: () => T, answerOf: (result: T) => HostAnswer): T {
    let result: T;
    try {
      result = act();
    } catch (thrown) {
      this.#tape.note(call, { answer: 0, failure: messageOf(thrown) });
      throw thrown;
    }
    this.#tape.note(call, answerOf(result));
    return result;
  }
}
