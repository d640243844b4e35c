// SPDX-License-Identifier: Apache-2.0
// The host of a handler whose container is watched: everything is done as ever, and what was done in
// the container is noted.
import type { CallHost } from '../call/call-host.ts';
import { ForwardingHost } from '../handler/forwarding-host.ts';
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

export class ObservedHost extends ForwardingHost {
  readonly #writer: DecisionWriter;

  constructor(host: CallHost, writer: DecisionWriter) {
    super(host);
    this.#writer = writer;
  }

  override mount(memory: Uint8Array, ranges: Int32Array): number {
    this.#writer.acts |= bit.mount;
    return this.host.mount(memory, ranges);
  }

  override operate(
    which: number,
    memory: Uint8Array,
    numbers: Int32Array,
    result: Uint8Array,
  ): number {
    this.#writer.acts |= bit.operate;
    return this.host.operate(which, memory, numbers, result);
  }

  override takeFd(fd: number): number {
    this.#writer.acts |= bit.take;
    return this.host.takeFd(fd);
  }

  override installFd(descriptor: number, isCloseOnExec: boolean): number {
    this.#writer.acts |= bit.give;
    return this.host.installFd(descriptor, isCloseOnExec);
  }

  override replaceFd(descriptor: number, fd: number, isCloseOnExec: boolean): number {
    this.#writer.acts |= bit.give;
    return this.host.replaceFd(descriptor, fd, isCloseOnExec);
  }

  override writeArgument(argument: number, offset: bigint, bytes: Uint8Array): number {
    this.#writer.acts |= bit.write;
    return this.host.writeArgument(argument, offset, bytes);
  }

  override killContainer(): number {
    this.#writer.acts |= bit.kill;
    return this.host.killContainer();
  }

  override freezeContainer(isFrozen: boolean): number {
    this.#writer.acts |= bit.freeze;
    return this.host.freezeContainer(isFrozen);
  }
}
