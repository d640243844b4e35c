// SPDX-License-Identifier: Apache-2.0
// Functions that have the addon do one operation on the caller's files.
import { operationNumber } from '../../native.ts';
import type { OperationPart } from '../../syscalls/family-table.ts';
import type { CapabilityFunction } from '../capability.ts';
import type { Guest } from '../guest.ts';
import { OperationRequest } from '../operation-request.ts';
import { putBytesResult, putErrnoResult, putStatusResult, putU32Result } from './results.ts';

/** Core types of an operation's parts. */
const letters: Readonly<Record<OperationPart, string>> = {
  path: 'ii',
  'second-path': 'ii',
  name: 'ii',
  value: 'ii',
  mode: 'i',
  first: 'i',
  second: 'i',
  device: 'ii',
  'at-flags': 'i',
  'xattr-flags': 'i',
  'own-flags': 'i',
  'open-flags': 'I',
  resolve: 'I',
};

type CoreValue = number | bigint;

/** Takes the core values of one part off the front. */
function setPart(
  guest: Guest,
  request: OperationRequest,
  part: OperationPart,
  values: CoreValue[],
): void {
  const take = (): number => Number(values.shift());
  switch (part) {
    case 'path':
    case 'second-path':
    case 'name':
    case 'value': {
      const pointer = take();
      const length = take() >>> 0;
      request.setText(part, guest.checked(pointer, length, 1), length);
      break;
    }
    case 'device':
      request.setDevice(take(), take());
      break;
    case 'open-flags':
    case 'resolve':
      request.setWide(part, BigInt(values.shift() ?? 0n));
      break;
    case 'mode':
    case 'first':
    case 'second':
    case 'at-flags':
    case 'xattr-flags':
    case 'own-flags':
      request.setNumber(part, take());
  }
}

/** What an operation gives a handler. */
type Gift = 'nothing' | 'descriptor' | 'bytes' | 'status';

interface Done {
  readonly errno: number;
  readonly request: OperationRequest;
  readonly room: Uint8Array;
}

function putGift(guest: Guest, pointer: number, gift: Gift, { errno, request, room }: Done): void {
  const { numbers } = request;
  switch (gift) {
    case 'nothing':
      putErrnoResult(guest, pointer, errno);
      break;
    case 'descriptor':
      putU32Result(guest, pointer, errno, numbers[operationNumber.descriptor] ?? 0);
      break;
    case 'bytes':
      putBytesResult(
        guest,
        pointer,
        errno,
        room.subarray(0, numbers[operationNumber.resultLength]),
      );
      break;
    case 'status':
      putStatusResult(guest, pointer, errno, room);
  }
}

/** With which power it is done. */
export type Power = 'of-caller' | 'lent';

export function operate(
  which: number,
  parts: readonly OperationPart[],
  gift: Gift = 'nothing',
  power: Power = 'of-caller',
): CapabilityFunction {
  return {
    signature: `${parts.map((part) => letters[part]).join('')}i:`,
    link: (guest, host) => {
      const request = new OperationRequest();
      return (...values: CoreValue[]): void => {
        const memory = guest();
        request.begin(which);
        if (power === 'lent') request.numbers[operationNumber.isLent] = 1;
        for (const part of parts) setPart(memory, request, part, values);
        const room = host.resultRoom();
        const errno = request.check() || host.operate(which, memory.bytes, request.numbers, room);
        putGift(memory, Number(values.shift()), gift, { errno, request, room });
      };
    },
  };
}
