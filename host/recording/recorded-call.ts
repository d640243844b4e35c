// SPDX-License-Identifier: Apache-2.0
// A call that was answered, as it can be asked about again: what came in, what the handlers asked of
// the host, and what they answered.
import { deserialize, serialize } from 'node:v8';

import type { ChainDecision, Action } from '../call/action.ts';
import type { HostAnswer, HostCall } from '../call/host-call.ts';
import { argumentCount, arches, inbox } from '../native.ts';
import type { ReceivedCall } from '../call/received-call.ts';
import type { Syscall } from '../syscalls/syscalls.ts';

/** A call of a container that is recorded. */
export interface TapedCall {
  /** Of the listener. */
  readonly token: number;
  /** Of the container. */
  readonly place: number;
  readonly syscall: string;
  /** As `encodeCall` writes it. */
  readonly bytes: Uint8Array<ArrayBuffer>;
  /** Its cost; see tape-room.ts. */
  readonly cost: number;
  /** Among the calls of all workers, by 32 bits that begin anew. */
  readonly order: number;
}

/** Memory behind a pointer that was followed. */
export type RecordedPointer =
  | { readonly index: number; readonly kind: 'null' }
  | { readonly index: number; readonly kind: 'fault'; readonly errno: number }
  | { readonly index: number; readonly kind: 'bytes'; readonly bytes: Uint8Array };

/** Outcome of a handler, or of the whole chain. */
export type RecordedOutcome<T> =
  | { readonly kind: 'action'; readonly action: T }
  | { readonly kind: 'failed'; readonly code: string; readonly reason: string }
  /** The failure policy has answered: a handler was quarantined. */
  | { readonly kind: 'left-alone' };

export interface RecordedHostCall {
  readonly call: HostCall;
  readonly answer: HostAnswer;
}

/** A handler that was asked. */
export interface RecordedAsk {
  /** Its place in the chain. */
  readonly handler: number;
  readonly calls: readonly RecordedHostCall[];
  readonly outcome: RecordedOutcome<Action>;
}

/** The call as it arrived. */
export interface RecordedInput {
  readonly arch: string;
  readonly number: number;
  readonly syscall: string;
  readonly family: string;
  /** Names of the arguments, where they are known. */
  readonly names: readonly string[];
  readonly registers: readonly bigint[];
  /** Those that were followed. */
  readonly pointers: readonly RecordedPointer[];
}

export interface RecordedCall extends RecordedInput {
  /** Milliseconds since 1970. */
  readonly at: number;
  readonly asks: readonly RecordedAsk[];
  readonly decision: RecordedOutcome<ChainDecision>;
}

/** As it crosses threads: it takes the memory of its bytes, and nobody's heap, until it is read. */
export function encodeCall(call: RecordedCall): Uint8Array<ArrayBuffer> {
  return serialize(call);
}

/** @param bytes made by this very process */
export function decodeCall(bytes: Uint8Array): RecordedCall {
  const call: RecordedCall = deserialize(bytes);
  return call;
}

/** Behind the last field of an inbox. */
const dataStart: number = inbox.terms + 4;
/** Bytes that the pointers of one call can have. */
export const maxPointerBytes: number = inbox.size - dataStart;

function pointerOf(call: ReceivedCall, index: number): readonly RecordedPointer[] {
  const length = call.pointerLength(index);
  if (length === inbox.notRead) return [];
  if (length === inbox.null) return [{ index, kind: 'null' }];
  if (length < 0) return [{ index, kind: 'fault', errno: -length }];
  const start = call.pointerOffset(index);
  return [{ index, kind: 'bytes', bytes: call.bytes.slice(start, start + length) }];
}

export function inputOf(call: ReceivedCall, syscall: Syscall): RecordedInput {
  const indexes = Array.from({ length: argumentCount }, (_, index) => index);
  return {
    arch: arches[call.arch] ?? 'unknown',
    number: call.number,
    syscall: syscall.name,
    family: syscall.family,
    names: syscall.arguments.map(({ name }) => name),
    registers: indexes.map((index) => call.register(index)),
    pointers: indexes.flatMap((index) => pointerOf(call, index)),
  };
}

/** Writes what came in into an inbox, as the addon did. */
export function restoreInput(call: ReceivedCall, input: RecordedInput): void {
  const view = new DataView(call.bytes.buffer);
  call.bytes.fill(0);
  view.setUint32(inbox.token, 1, true);
  view.setUint32(inbox.tid, 1, true);
  view.setUint32(inbox.arch, archIndex(input), true);
  view.setUint32(inbox.number, input.number, true);
  for (let index = 0; index < argumentCount; index += 1) {
    view.setBigUint64(inbox.registers + index * 8, input.registers[index] ?? 0n, true);
    view.setInt32(inbox.pointers + index * 8, inbox.notRead, true);
  }
  let used = dataStart;
  for (const pointer of input.pointers) {
    const place = inbox.pointers + pointer.index * 8;
    switch (pointer.kind) {
      case 'null':
        view.setInt32(place, inbox.null, true);
        break;
      case 'fault':
        view.setInt32(place, -pointer.errno, true);
        break;
      case 'bytes':
        view.setInt32(place, pointer.bytes.length, true);
        view.setUint32(place + 4, used, true);
        call.bytes.set(pointer.bytes, used);
        used += pointer.bytes.length;
    }
  }
}

/** In `arches`; past its end: none of them. */
export function archIndex({ arch }: RecordedInput): number {
  const index = arches.findIndex((name) => name === arch);
  return index < 0 ? arches.length : index;
}
