// SPDX-License-Identifier: Apache-2.0
// Requests and replies as values, for recordings, replays and trials.
import { mountRange, operationNumber } from '../native.ts';
import type { HostRequest } from './host.ts';
import { hostFunctions } from './host-functions.ts';
import type { HostFunction, HostKind, OperationName, RequestField } from './host-functions.ts';

export type HostValue = string | number | bigint | boolean | Uint8Array | null | readonly string[];

/** An operation on files; strings are copies. */
export type Operated = {
  readonly kind: 'operate';
  readonly operation: OperationName;
  readonly path: Uint8Array | null;
  readonly secondPath: Uint8Array | null;
  readonly name: Uint8Array | null;
  readonly value: Uint8Array | null;
  readonly flags: number;
  readonly mode: number;
  readonly first: number;
  readonly second: number;
  readonly low: number;
  readonly high: number;
  readonly descriptor: number;
  readonly isStrict: boolean;
  readonly isLent: boolean;
  /** Folders that the operation is confined to; in no recording. */
  readonly within?: readonly string[];
};

export type Mounted = {
  readonly kind: 'mount';
  readonly source: Uint8Array | null;
  readonly target: Uint8Array | null;
  readonly type: Uint8Array | null;
  readonly flags: bigint;
  readonly data: Uint8Array | null;
};

/** A call of any other function: fields by their names in the table. */
export type PlainCall = {
  readonly kind: Exclude<HostKind, 'operate' | 'mount' | 'facts'>;
  readonly [field: string]: HostValue;
};

/** A request, with copies of its bytes. */
export type HostCall = Mounted | Operated | PlainCall;

/** The reply, with copies of its output. */
export interface HostAnswer {
  /** As `ReplyForm` of the function says. */
  readonly answer: number;
  readonly bytes?: Uint8Array;
  readonly descriptor?: number;
  /** A size, a time, or a sum. */
  readonly wide?: bigint;
  /** The message of the error that the call, and the handler with it, failed with. */
  readonly failure?: string;
}

export type FieldForm = 'whole' | 'count' | 'wide' | 'flag' | 'bytes' | 'text' | 'level';

/** Forms of the fields that plain calls have. */
export const fieldForms: Readonly<Record<RequestField, FieldForm>> = {
  fd: 'whole',
  descriptor: 'whole',
  isCloseOnExec: 'flag',
  argument: 'whole',
  offset: 'wide',
  bytes: 'bytes',
  max: 'count',
  capability: 'whole',
  where: 'whole',
  key: 'bytes',
  value: 'bytes',
  amount: 'wide',
  level: 'level',
  message: 'text',
};

export function isRequestField(field: string): field is RequestField {
  return Object.hasOwn(fieldForms, field);
}

/** @returns the table's row of a call; undefined: no function makes such calls */
export function functionOf(call: HostCall): HostFunction | undefined {
  const fields: Readonly<Record<string, HostValue>> = call;
  return hostFunctions.find(
    ({ kind, when }) =>
      kind === call.kind && Object.entries(when).every(([name, value]) => fields[name] === value),
  );
}

function textAt(memory: Uint8Array, numbers: Int32Array, at: number): Uint8Array | null {
  const length = numbers[at + 1] ?? -1;
  const offset = (numbers[at] ?? 0) >>> 0;
  return length < 0 ? null : memory.slice(offset, offset + length);
}

function mountCall({ memory, numbers }: HostRequest): Mounted {
  const text = (at: number): Uint8Array | null => textAt(memory, numbers, at);
  const half = (at: number): bigint => BigInt.asUintN(32, BigInt(numbers[at] ?? 0));
  return {
    kind: 'mount',
    source: text(mountRange.source),
    target: text(mountRange.target),
    type: text(mountRange.type),
    flags: half(mountRange.flagsLow) | (half(mountRange.flagsHigh) << 32n),
    data: text(mountRange.data),
  };
}

function operateCall(done: OperationName, { memory, numbers }: HostRequest): Operated {
  const text = (at: number): Uint8Array | null => textAt(memory, numbers, at);
  const number = (at: number): number => (numbers[at] ?? 0) >>> 0;
  return {
    kind: 'operate',
    operation: done,
    path: text(operationNumber.path),
    secondPath: text(operationNumber.secondPath),
    name: text(operationNumber.name),
    value: text(operationNumber.value),
    flags: number(operationNumber.flags),
    mode: number(operationNumber.mode),
    first: number(operationNumber.first),
    second: number(operationNumber.second),
    low: number(operationNumber.low),
    high: number(operationNumber.high),
    descriptor: numbers[operationNumber.descriptor] ?? -1,
    isStrict: number(operationNumber.isStrict) === 1,
    isLent: numbers[operationNumber.isLent] === 1,
  };
}

function plainCall(kind: PlainCall['kind'], request: HostRequest): PlainCall {
  const { takes, when } = request.of;
  const fields = Object.values(takes).map((field) => {
    const value = isRequestField(field) ? request[field] : null;
    return [field, value instanceof Uint8Array ? value.slice() : value] as const;
  });
  return { kind, ...when, ...Object.fromEntries(fields) };
}

/** @returns undefined for `facts`, which are not recorded */
export function callOf(request: HostRequest): HostCall | undefined {
  const { kind, operation: done } = request.of;
  if (kind === 'facts') return undefined;
  if (kind === 'mount') return mountCall(request);
  return kind === 'operate' ? operateCall(done ?? 'stat', request) : plainCall(kind, request);
}

/** Whether a reply says that the function has given its output. */
function isDone({ reply }: HostFunction, answer: number): boolean {
  switch (reply) {
    case 'errno':
      return answer === 0;
    case 'value':
      return answer >= 0;
    case 'found':
      return answer === 1;
    case 'certain':
      return true;
  }
}

export function answerOf(request: HostRequest, answer: number): HostAnswer {
  const { of, numbers, result, length, wide } = request;
  if (of.gives === 'wide') return { answer, wide };
  if (!isDone(of, answer)) return { answer };
  switch (of.gives) {
    case 'bytes':
      return { answer, bytes: result.slice(0, length) };
    case 'descriptor':
      return { answer, descriptor: numbers[operationNumber.descriptor] ?? -1 };
    case 'nothing':
      return { answer };
  }
}

/** Cut or filled up with zeros to the size that the function always gives. */
function sized(bytes: Uint8Array, { size }: HostFunction): Uint8Array {
  if (size === undefined || bytes.length === size) return bytes;
  const exact = new Uint8Array(size);
  exact.set(bytes.subarray(0, size));
  return exact;
}

const none = new Uint8Array(0);

/** Puts an answer where the host puts its output. @returns the reply */
export function giveBack(request: HostRequest, given: HostAnswer): number {
  const { of, numbers } = request;
  const { answer, bytes = none, descriptor = -1, wide = 0n } = given;
  request.wide = wide;
  request.result = sized(of.kind === 'read' ? bytes.subarray(0, request.max) : bytes, of);
  request.length = request.result.length;
  if (of.operation !== undefined) {
    numbers[operationNumber.resultLength] = bytes.length;
    numbers[operationNumber.descriptor] = descriptor;
  }
  return of.kind === 'read' && answer >= 0 ? request.length : answer;
}
