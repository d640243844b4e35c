// SPDX-License-Identifier: Apache-2.0
// The host of a handler that is asked again: it does nothing, and answers what the same call was
// answered when it was recorded.
import { AgentError } from '../errors.ts';
import type { CallHost } from '../call/call-host.ts';
import { errnoNumber } from '../syscalls/errno.ts';
import { giveBack, mountCall, operateCall } from '../call/host-call.ts';
import type { HostAnswer, HostCall } from '../call/host-call.ts';
import { mostOperationBytes } from '../handler/operation-request.ts';
import { processLayout, resourceNumbers } from '../native.ts';
import type { DecodedArgument } from '../call/received-call.ts';
import { keyOf } from './comparison.ts';
import type { Redaction } from './comparison.ts';
import type { RecordedCall } from '../recording/recorded-call.ts';

/** For what was not recorded: it is a difference whatever comes of it. */
const eio = errnoNumber('EIO');

/** What the handlers of one chain can be answered. */
export class AnswerPool {
  readonly #redaction: Redaction;
  #answers: Map<string, HostAnswer[]> = new Map();
  readonly #times: Map<string, HostAnswer> = new Map();

  constructor(redaction: Redaction) {
    this.#redaction = redaction;
  }

  /** Forgets all others. */
  fill({ asks }: RecordedCall): void {
    this.#answers = new Map();
    for (const { call, answer } of asks.flatMap(({ calls }) => calls)) {
      const key = keyOf(call, this.#redaction);
      const known = this.#answers.get(key);
      if (known === undefined) this.#answers.set(key, [answer]);
      else known.push(answer);
    }
  }

  /**
   * The next answer to an equal call; undefined: it was not asked for, or not so often.
   * @throws AgentError AGENT_CALLER where that one failed
   */
  take(call: HostCall): HostAnswer | undefined {
    const key = keyOf(call, this.#redaction);
    const answer = this.#answers.get(key)?.shift() ?? this.#times.get(key);
    // clocks go on
    if (call.kind === 'clock' && answer !== undefined) this.#times.set(key, answer);
    if (answer?.failure !== undefined) throw new AgentError('AGENT_CALLER', answer.failure);
    return answer;
  }
}

export interface ReplayedSide {
  readonly containerId: string;
  readonly annotations: readonly (readonly [key: string, value: string])[];
  readonly answers: AnswerPool;
  readonly decoded: () => readonly DecodedArgument[];
}

function setS64(bytes: Uint8Array, value: bigint): void {
  new DataView(bytes.buffer, bytes.byteOffset, 8).setBigInt64(0, value, true);
}

function s64Of(bytes: Uint8Array): bigint {
  return new DataView(bytes.buffer, bytes.byteOffset, 8).getBigInt64(0, true);
}

export class ReplayedHost implements CallHost {
  readonly #side: ReplayedSide;
  readonly #room = new Uint8Array(mostOperationBytes);
  readonly containerId: string;
  readonly annotations: CallHost['annotations'];

  constructor(side: ReplayedSide) {
    this.#side = side;
    this.containerId = side.containerId;
    this.annotations = side.annotations;
  }

  mount(memory: Uint8Array, ranges: Int32Array): number {
    return this.#errno(mountCall(memory, ranges));
  }

  operate(which: number, memory: Uint8Array, numbers: Int32Array, result: Uint8Array): number {
    const given = this.#take(operateCall(which, memory, numbers));
    giveBack(given ?? {}, numbers, result);
    return given?.answer ?? eio;
  }

  resultRoom(): Uint8Array {
    return this.#room;
  }

  takeFd(fd: number): number {
    return this.#value({ kind: 'take', fd });
  }

  installFd(descriptor: number, isCloseOnExec: boolean): number {
    return this.#value({ kind: 'install', descriptor, isCloseOnExec });
  }

  replaceFd(descriptor: number, fd: number, isCloseOnExec: boolean): number {
    return this.#value({ kind: 'replace', descriptor, fd, isCloseOnExec });
  }

  argumentSize(argument: number): bigint {
    return this.#take({ kind: 'size', argument })?.wide ?? BigInt(-eio);
  }

  readArgument(argument: number, offset: bigint, into: Uint8Array): number {
    const given = this.#take({ kind: 'read', argument, offset, most: into.length });
    if (given?.bytes === undefined) return given?.answer ?? -eio;
    const bytes = given.bytes.subarray(0, into.length);
    into.set(bytes);
    return bytes.length;
  }

  writeArgument(argument: number, offset: bigint, bytes: Uint8Array): number {
    return this.#errno({ kind: 'write', argument, offset, bytes: bytes.slice() });
  }

  credentials(): Uint8Array | number {
    const given = this.#take({ kind: 'credentials' });
    return given?.bytes ?? given?.answer ?? eio;
  }

  process(): Uint8Array | number {
    const given = this.#take({ kind: 'process' });
    return given?.bytes?.subarray(0, processLayout.size) ?? given?.answer ?? eio;
  }

  hasCapability(capability: number, where: number): number {
    return this.#value({ kind: 'capability', capability, where });
  }

  killContainer(): number {
    return this.#errno({ kind: 'kill' });
  }

  freezeContainer(isFrozen: boolean): number {
    return this.#errno({ kind: 'freeze', isFrozen });
  }

  containerResources(): Uint8Array | number {
    const given = this.#take({ kind: 'resources' });
    return given?.bytes?.subarray(0, resourceNumbers.length * 8) ?? given?.answer ?? eio;
  }

  stateGet(key: Uint8Array): Uint8Array | undefined {
    return this.#take({ kind: 'state-get', key })?.bytes;
  }

  stateSet(key: Uint8Array, value: Uint8Array): number {
    return this.#errno({ kind: 'state-set', key, value: value.slice() });
  }

  stateRemove(key: Uint8Array): boolean {
    return this.#take({ kind: 'state-remove', key })?.answer === 1;
  }

  stateAdd(key: Uint8Array, number: Uint8Array): number {
    const given = this.#take({ kind: 'state-add', key, amount: s64Of(number) });
    if (given?.wide !== undefined) setS64(number, given.wide);
    return given?.answer ?? eio;
  }

  monotonicNs(): bigint {
    return this.#take({ kind: 'clock', clock: 'monotonic' })?.wide ?? 0n;
  }

  wallNs(): bigint {
    return this.#take({ kind: 'clock', clock: 'wall' })?.wide ?? 0n;
  }

  /** What is logged is on the tape. */
  log(): void {}

  decodedArguments(): readonly DecodedArgument[] {
    return this.#side.decoded();
  }

  #take(call: HostCall): HostAnswer | undefined {
    return this.#side.answers.take(call);
  }

  /** 0, a positive errno, or `gone`. */
  #errno(call: HostCall): number {
    return this.#take(call)?.answer ?? eio;
  }

  /** A value, or a negated errno. */
  #value(call: HostCall): number {
    return this.#take(call)?.answer ?? -eio;
  }
}
