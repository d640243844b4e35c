// SPDX-License-Identifier: Apache-2.0
// Redaction of recordings: options of mounts, which hold passwords, values of extended attributes, the
// state of handlers, and the memory of callers. Their lengths stay.
import { functionOf } from '../call/host-call.ts';
import type { HostAnswer, HostCall, HostValue } from '../call/host-call.ts';
import type { ArgumentKind } from '../syscalls/kinds/kind.ts';
import type { Syscalls } from '../syscalls/syscalls.ts';
import { archIndex } from './recorded-call.ts';
import type { RecordedCall, RecordedHostCall, RecordedPointer } from './recorded-call.ts';

const filler = 0x2a;

function filled(bytes: Uint8Array): Uint8Array {
  return new Uint8Array(bytes.length).fill(filler);
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
  const secret = functionOf(call)?.secret;
  if (secret === undefined) return call;
  const fields: Readonly<Record<string, HostValue>> = call;
  const value = fields[secret];
  return value instanceof Uint8Array ? { ...call, [secret]: filled(value) } : call;
}

function redactedAnswer(call: HostCall, answer: HostAnswer): HostAnswer {
  const isSecret = functionOf(call)?.isAnswerSecret === true;
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
