// SPDX-License-Identifier: Apache-2.0
// A host for handlers on trial: it records what is asked of it and answers what was prepared.
import type { CallHost, GuestLogLevel } from '../call/call-host.ts';
import { errnoNumber } from '../syscalls/errno.ts';
import { giveBack, mountCall, operateCall } from '../call/host-call.ts';
import type { HostCall } from '../call/host-call.ts';
import { credentialsLayout, processLayout, resourceNumbers } from '../native.ts';
import type { DecodedArgument } from '../call/received-call.ts';

/** What an operation gives back. */
export interface PreparedResult {
  readonly bytes?: Uint8Array;
  readonly descriptor?: number;
}

/** An answer, and what it gives back where it is 0. */
export interface PreparedAnswer extends PreparedResult {
  readonly answer: number;
}

const keyText = (key: Uint8Array): string => new TextDecoder().decode(key);

/**
 * Records what is asked; operations give the prepared answers in turn, and 0 after them. What
 * handlers remember it remembers, with no limit but that of keys.
 */
export class RecordingHost implements CallHost {
  readonly calls: HostCall[] = [];
  readonly #answers: PreparedAnswer[] = [];
  readonly #results: PreparedResult[] = [];
  readonly #decoded: () => readonly DecodedArgument[];
  readonly #room = new Uint8Array(65_536);
  readonly #state: Map<string, Uint8Array> = new Map();
  containerId = 'c1';
  annotations: readonly (readonly [key: string, value: string])[] = [];
  /** What `memory` finds behind arguments. */
  memory: ReadonlyMap<number, Uint8Array> = new Map();
  resources: Uint8Array | number = new Uint8Array(resourceNumbers.length * 8);
  caller: Uint8Array | number = new Uint8Array(credentialsLayout.groups);
  callingProcess: Uint8Array | number = new Uint8Array(processLayout.size);

  constructor(decoded: () => readonly DecodedArgument[] = () => []) {
    this.#decoded = decoded;
  }

  /** 0, a positive errno, or `gone` of capability.ts; of descriptors and Linux capabilities a value. */
  prepare(...answers: readonly (number | PreparedAnswer)[]): void {
    this.#answers.push(
      ...answers.map((answer) => (typeof answer === 'number' ? { answer } : answer)),
    );
  }

  /** What was prepared and not asked for. */
  forgetAnswers(): void {
    this.#answers.length = 0;
  }

  /** For operations that give something back, in turn. */
  prepareResult(...results: readonly PreparedResult[]): void {
    this.#results.push(...results);
  }

  mount(memory: Uint8Array, ranges: Int32Array): number {
    return this.#record(mountCall(memory, ranges));
  }

  operate(
    which: number,
    memory: Uint8Array,
    numbers: Int32Array,
    result: Uint8Array,
    within?: Uint8Array,
  ): number {
    const given = this.#next(operateCall(which, memory, numbers, within));
    const isPrepared = given.bytes !== undefined || given.descriptor !== undefined;
    const gift = isPrepared || given.answer !== 0 ? given : this.#results.shift();
    giveBack(gift ?? {}, numbers, result);
    return given.answer;
  }

  resultRoom(): Uint8Array {
    return this.#room;
  }

  takeFd(fd: number): number {
    return this.#record({ kind: 'take', fd });
  }

  installFd(descriptor: number, isCloseOnExec: boolean): number {
    return this.#record({ kind: 'install', descriptor, isCloseOnExec });
  }

  replaceFd(descriptor: number, fd: number, isCloseOnExec: boolean): number {
    return this.#record({ kind: 'replace', descriptor, fd, isCloseOnExec });
  }

  argumentSize(argument: number): bigint {
    const bytes = this.memory.get(argument);
    return BigInt(bytes === undefined ? -errnoNumber('EINVAL') : bytes.length);
  }

  readArgument(argument: number, offset: bigint, into: Uint8Array): number {
    this.calls.push({ kind: 'read', argument, offset, most: into.length });
    const bytes = this.memory.get(argument);
    if (bytes === undefined) return -errnoNumber('EINVAL');
    const start = Number(offset);
    const found = bytes.subarray(start, start + into.length);
    into.set(found);
    return found.length;
  }

  writeArgument(argument: number, offset: bigint, bytes: Uint8Array): number {
    return this.#record({ kind: 'write', argument, offset, bytes: bytes.slice() });
  }

  credentials(): Uint8Array | number {
    return this.caller;
  }

  process(): Uint8Array | number {
    return this.callingProcess;
  }

  hasCapability(capability: number, where: number): number {
    return this.#record({ kind: 'capability', capability, where });
  }

  killContainer(): number {
    return this.#record({ kind: 'kill' });
  }

  freezeContainer(isFrozen: boolean): number {
    return this.#record({ kind: 'freeze', isFrozen });
  }

  containerResources(): Uint8Array | number {
    return this.resources;
  }

  stateGet(key: Uint8Array): Uint8Array | undefined {
    return this.#state.get(keyText(key));
  }

  stateSet(key: Uint8Array, value: Uint8Array, mostKeys = 64): number {
    if (this.#isFull(key, mostKeys)) return errnoNumber('ENOSPC');
    const errno = this.#answers.shift()?.answer ?? 0;
    if (errno === 0) this.#state.set(keyText(key), value.slice());
    return errno;
  }

  stateRemove(key: Uint8Array): boolean {
    return this.#state.delete(keyText(key));
  }

  stateAdd(key: Uint8Array, number: Uint8Array, mostKeys = 64): number {
    if (this.#isFull(key, mostKeys)) return errnoNumber('ENOSPC');
    const known = this.#state.get(keyText(key));
    const before = known === undefined ? 0n : s64Of(known).getBigInt64(0, true);
    const sum = before + s64Of(number).getBigInt64(0, true);
    s64Of(number).setBigInt64(0, sum, true);
    this.#state.set(keyText(key), number.slice());
    return 0;
  }

  monotonicNs(): bigint {
    return process.hrtime.bigint();
  }

  wallNs(): bigint {
    return BigInt(Date.now()) * 1_000_000n;
  }

  log(level: GuestLogLevel, message: string): void {
    this.calls.push({ kind: 'log', level, message });
  }

  decodedArguments(): readonly DecodedArgument[] {
    return this.#decoded();
  }

  #isFull(key: Uint8Array, mostKeys: number): boolean {
    return !this.#state.has(keyText(key)) && this.#state.size >= mostKeys;
  }

  #record(call: HostCall): number {
    return this.#next(call).answer;
  }

  #next(call: HostCall): PreparedAnswer {
    this.calls.push(call);
    return this.#answers.shift() ?? { answer: 0 };
  }
}

function s64Of(bytes: Uint8Array): DataView {
  return new DataView(bytes.buffer, bytes.byteOffset, 8);
}
