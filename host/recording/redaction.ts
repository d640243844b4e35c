// SPDX-License-Identifier: Apache-2.0
// What is in no recording: options of mounts, which hold passwords, values of extended attributes, what
// handlers remember, and the memory of callers. How long they were stays.
import type { HostAnswer, HostCall } from '../call/host-call.ts';
import type { ArgumentKind } from '../syscalls/kinds/kind.ts';
import type { Syscalls } from '../syscalls/syscalls.ts';
import { archIndex } from './recorded-call.ts';
import type { RecordedCall, RecordedHostCall, RecordedPointer } from './recorded-call.ts';

const filler = 0x2a;

function filled(bytes: Uint8Array): Uint8Array {
  return new Uint8Array(bytes.length).fill(filler);
}

function filledOrNull(bytes: Uint8Array | null): Uint8Array | null {
  return bytes === null ? null : filled(bytes);
}

/** Of what is behind an argument, from where on it is secret; undefined: it is not. */
export function secretFrom(kind: ArgumentKind | undefined): number | undefined {
  return kind?.type === 'pointer' ? kind.secretFrom : undefined;
}

function redactedPointer(
  pointer: RecordedPointer,
  kind: ArgumentKind | undefined,
): RecordedPointer {
  const from = secretFrom(kind);
  if (from === undefined || pointer.kind !== 'bytes') return pointer;
  return { ...pointer, bytes: pointer.bytes.slice().fill(filler, from) };
}

export function redactedHostCall(call: HostCall): HostCall {
  switch (call.kind) {
    case 'mount':
      return { ...call, data: filledOrNull(call.data) };
    case 'operate':
      return call.operation === 'setXattr' ? { ...call, value: filledOrNull(call.value) } : call;
    case 'write':
      return { ...call, bytes: filled(call.bytes) };
    case 'state-set':
      return { ...call, value: filled(call.value) };
    case 'take':
    case 'install':
    case 'replace':
    case 'size':
    case 'read':
    case 'credentials':
    case 'process':
    case 'capability':
    case 'kill':
    case 'freeze':
    case 'resources':
    case 'state-get':
    case 'state-remove':
    case 'state-add':
    case 'clock':
    case 'log':
      return call;
  }
}

function redactedAnswer(call: HostCall, answer: HostAnswer): HostAnswer {
  const isSecret =
    call.kind === 'read' ||
    call.kind === 'state-get' ||
    (call.kind === 'operate' && call.operation === 'getXattr');
  if (!isSecret || answer.bytes === undefined) return answer;
  return { ...answer, bytes: filled(answer.bytes) };
}

function redactedBoth({ call, answer }: RecordedHostCall): RecordedHostCall {
  return { call: redactedHostCall(call), answer: redactedAnswer(call, answer) };
}

/** The call as it may be written into a file. */
export function redacted(call: RecordedCall, syscalls: Syscalls): RecordedCall {
  const known = syscalls.find(archIndex(call), call.number);
  return {
    ...call,
    pointers: call.pointers.map((pointer) =>
      redactedPointer(pointer, known?.arguments[pointer.index]?.kind),
    ),
    asks: call.asks.map((ask) => ({ ...ask, calls: ask.calls.map(redactedBoth) })),
  };
}
