// SPDX-License-Identifier: Apache-2.0
// Host of a handler on trial: records calls and gives prepared answers.
import type { Host, HostRequest } from '../call/host.ts';
import { errnoNumber } from '../syscalls/errno.ts';
import { callOf, giveBack } from '../call/host-call.ts';
import type { HostCall } from '../call/host-call.ts';
import { isLookUp } from '../call/location.ts';
import { credentialsLayout, operationNumber, processLayout, resourceNumbers } from '../native.ts';
import { stringListBytes } from '../call/string-list.ts';
import type { StringList } from '../call/string-list.ts';
import { locatedByText } from './located.ts';
import type { DecodedArgument } from '../call/received-call.ts';

/** The output of an operation. */
export interface PreparedResult {
  readonly bytes?: Uint8Array;
  readonly descriptor?: number;
}

/** A reply; its output is given where it is 0. */
export interface PreparedAnswer extends PreparedResult {
  readonly answer: number;
}

const einval = errnoNumber('EINVAL');
const enospc = errnoNumber('ENOSPC');
const maxKeys = 64;
const nsPerMs = 1_000_000n;

const keyText = (key: Uint8Array): string => new TextDecoder().decode(key);

function foldersOf(within: Uint8Array): readonly string[] {
  return new TextDecoder().decode(within).split('\0').slice(0, -1);
}

/** The call, with the folders that it was confined to. */
function confinedCallOf(request: HostRequest): HostCall | undefined {
  const call = callOf(request);
  const { within } = request;
  if (call?.kind !== 'operate' || within === undefined) return call;
  return { ...call, within: foldersOf(within) };
}

/**
 * Records calls; they get the prepared answers in turn, and 0 after them. Keeps the state of handlers,
 * with no limit but that of keys.
 */
export class RecordingHost implements Host {
  readonly calls: HostCall[] = [];
  readonly #answers: PreparedAnswer[] = [];
  readonly #results: PreparedResult[] = [];
  readonly #decoded: () => readonly DecodedArgument[];
  readonly #state: Map<string, Uint8Array> = new Map();
  containerId = 'c1';
  annotations: readonly (readonly [key: string, value: string])[] = [];
  /** Bytes behind arguments. */
  memory: ReadonlyMap<number, Uint8Array> = new Map();
  /** Lists of strings behind arguments. */
  strings: ReadonlyMap<number, StringList> = new Map();
  resources: Uint8Array | number = new Uint8Array(resourceNumbers.length * 8);
  caller: Uint8Array | number = new Uint8Array(credentialsLayout.groups);
  callingProcess: Uint8Array | number = new Uint8Array(processLayout.size);

  constructor(decoded: () => readonly DecodedArgument[] = () => []) {
    this.#decoded = decoded;
  }

  /** Prepares replies: each is as `ReplyForm` of the function says. */
  prepare(...answers: readonly (number | PreparedAnswer)[]): void {
    this.#answers.push(
      ...answers.map((answer) => (typeof answer === 'number' ? { answer } : answer)),
    );
  }

  /** Drops prepared answers that no call has got. */
  forgetAnswers(): void {
    this.#answers.length = 0;
  }

  /** For operations that give something back, in turn. */
  prepareResult(...results: readonly PreparedResult[]): void {
    this.#results.push(...results);
  }

  /** Sets a key of the handler's state. */
  remember(key: string, value: Uint8Array): void {
    this.#state.set(key, value.slice());
  }

  call(request: HostRequest): number {
    const kind: string = request.of.kind;
    switch (kind) {
      case 'facts':
        return this.#giveFacts(request);
      case 'clock':
        request.wide = this.#now(request.of.name);
        return 0;
      case 'credentials':
        return give(request, this.caller);
      case 'process':
        return give(request, this.callingProcess);
      case 'resources':
        return give(request, this.resources);
      case 'size':
        request.wide = BigInt(this.memory.get(request.argument)?.length ?? -einval);
        return 0;
      case 'read':
        return this.#read(request);
      case 'strings':
        return this.#readStrings(request);
      case 'log':
        this.#record(request);
        return 0;
      case 'state-get':
        return this.#stateGet(request);
      case 'state-set':
        return this.#stateSet(request);
      case 'state-remove':
        return this.#state.delete(keyText(request.key)) ? 1 : 0;
      case 'state-add':
        return this.#stateAdd(request);
      default:
        return this.#prepared(request);
    }
  }

  #giveFacts(request: HostRequest): number {
    const { containerId, annotations } = this;
    request.facts = { containerId, annotations, decodedArguments: this.#decoded };
    return 0;
  }

  #now(clock: string): bigint {
    return clock === 'monotonic' ? process.hrtime.bigint() : BigInt(Date.now()) * nsPerMs;
  }

  #read(request: HostRequest): number {
    this.#record(request);
    const bytes = this.memory.get(request.argument);
    if (bytes === undefined) return -einval;
    const start = Number(request.offset);
    return giveBack(request, { answer: 0, bytes: bytes.slice(start, start + request.max) });
  }

  #readStrings(request: HostRequest): number {
    this.#record(request);
    const list = this.strings.get(request.argument);
    if (list === undefined) return einval;
    return giveBack(request, { answer: 0, bytes: stringListBytes(list) });
  }

  #stateGet(request: HostRequest): number {
    const value = this.#state.get(keyText(request.key));
    return value === undefined ? 0 : giveBack(request, { answer: 1, bytes: value.slice() });
  }

  #stateSet(request: HostRequest): number {
    if (this.#isFull(request)) return enospc;
    const errno = this.#answers.shift()?.answer ?? 0;
    if (errno === 0) this.remember(keyText(request.key), request.value);
    return errno;
  }

  #stateAdd(request: HostRequest): number {
    request.wide = request.amount;
    if (this.#isFull(request)) return enospc;
    const key = keyText(request.key);
    const known = this.#state.get(key);
    const before = known === undefined ? 0n : s64Of(known).getBigInt64(0, true);
    const sum = BigInt64Array.of(before + request.amount);
    request.wide = sum[0] ?? 0n;
    this.#state.set(key, new Uint8Array(sum.buffer));
    return 0;
  }

  #isFull({ key, maxKeys: max = maxKeys }: HostRequest): boolean {
    return !this.#state.has(keyText(key)) && this.#state.size >= max;
  }

  #prepared(request: HostRequest): number {
    this.#record(request);
    const given = this.#answers.shift() ?? { answer: 0 };
    const isPrepared = given.bytes !== undefined || given.descriptor !== undefined;
    const isOperation = request.of.operation !== undefined;
    if (!isPrepared && given.answer === 0 && isLookUp(request.of)) {
      return giveBack(request, { answer: 0, bytes: locatedByText(pathOf(request)) });
    }
    const own = isPrepared || given.answer !== 0 || !isOperation ? given : this.#results.shift();
    return giveBack(request, { ...own, answer: given.answer });
  }

  #record(request: HostRequest): void {
    const call = confinedCallOf(request);
    if (call !== undefined) this.calls.push(call);
  }
}

function pathOf({ memory, numbers }: HostRequest): Uint8Array {
  const offset = (numbers[operationNumber.path] ?? 0) >>> 0;
  return memory.subarray(offset, offset + Math.max(numbers[operationNumber.path + 1] ?? 0, 0));
}

function give(request: HostRequest, given: Uint8Array | number): number {
  return typeof given === 'number' ? given : giveBack(request, { answer: 0, bytes: given });
}

function s64Of(bytes: Uint8Array): DataView {
  return new DataView(bytes.buffer, bytes.byteOffset, 8);
}
