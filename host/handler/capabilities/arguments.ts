// SPDX-License-Identifier: Apache-2.0
// The interface `arguments`: guest-sdk/wit/arguments.wit. It needs no grant: it tells no more than a
// typed export gets.
import type { DecodedValue } from '../../call/received-call.ts';
import type { Capability } from '../capability.ts';
import { errnoNumber, ordinalsByNumber } from '../../syscalls/errno.ts';
import type { Guest } from '../guest.ts';
import { intoResult, putRange, putText } from './into-result.ts';

/** record argument: a string, then a variant aligned to 8 whose payload is 8 bytes further. */
const recordSize = 24;
const variantOffset = 8;
const payloadOffset = 16;

const ordinals = ordinalsByNumber();

function putValue(guest: Guest, record: number, value: DecodedValue): void {
  const tag = record + variantOffset;
  const payload = record + payloadOffset;
  switch (value.kind) {
    case 'integer':
      guest.setU8(tag, 0);
      guest.setS64(payload, value.value);
      return;
    case 'bytes': {
      const pointer = guest.putBytes(value.bytes, 0, value.bytes.length);
      guest.setU8(tag, 1);
      guest.setU32(payload, pointer);
      guest.setU32(payload + 4, value.bytes.length);
      return;
    }
    case 'null':
      guest.setU8(tag, 2);
      return;
    case 'fault':
      guest.setU8(tag, 3);
      guest.setU8(payload, ordinals[errnoNumber(value.errno)] ?? 0);
      return;
    case 'unread':
      guest.setU8(tag, 4);
  }
}

const all = intoResult((memory, result, { facts }) => {
  const decoded = facts?.decodedArguments() ?? [];
  const list = memory.allocateItems(decoded.length, recordSize, 8);
  decoded.forEach(({ name, value }, index) => {
    const record = list + index * recordSize;
    putText(memory, record, name);
    putValue(memory, record, value);
  });
  putRange(memory, result, list, decoded.length);
});

export const callArguments: Capability = {
  name: 'arguments',
  functions: new Map([['all', all]]),
};
