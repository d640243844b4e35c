// SPDX-License-Identifier: Apache-2.0
// Functions that do one operation on the caller's files.
import { operationNumber } from '../../native.ts';
import type { OperationPart } from '../../syscalls/family-table.ts';
import { lazily } from '../capability.ts';
import type { CapabilityFunction } from '../capability.ts';
import type { Guest } from '../guest.ts';
import { OperationRequest } from '../operation-request.ts';
import { putLocatedResult } from './located.ts';
import { putBytesResult, putErrnoResult, putStatusResult, putU32Result } from './results.ts';

/** Parts of an operation that handlers give. */
type GivenPart = Exclude<OperationPart, 'length'>;

/** Core types of an operation's parts. */
const letters: Readonly<Record<GivenPart, string>> = {
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
  part: GivenPart,
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

/** The form of the result: nothing, a descriptor, bytes, or a file's status. */
type Gives = 'nothing' | 'descriptor' | 'bytes' | 'status' | 'located';

function putResult(
  guest: Guest,
  pointer: number,
  gives: Gives,
  { request, errno }: { readonly request: OperationRequest; readonly errno: number },
): void {
  switch (gives) {
    case 'nothing':
      putErrnoResult(guest, pointer, errno);
      break;
    case 'descriptor':
      putU32Result(guest, pointer, errno, request.numbers[operationNumber.descriptor] ?? 0);
      break;
    case 'bytes':
      putBytesResult(guest, pointer, errno, request.result, request.length);
      break;
    case 'status':
      putStatusResult(guest, pointer, errno, request.result);
      break;
    case 'located':
      putLocatedResult(guest, pointer, errno, request.result);
  }
}

export function operate(parts: readonly GivenPart[], gives: Gives = 'nothing'): CapabilityFunction {
  return {
    signature: `${parts.map((part) => letters[part]).join('')}i:`,
    link: (guest, host, of) => {
      const request = lazily(() => new OperationRequest(of));
      return (...values: CoreValue[]): void => {
        const memory = guest();
        const asked = request();
        asked.begin();
        for (const part of parts) setPart(memory, asked, part, values);
        asked.memory = memory.bytes;
        const errno = asked.check() || host.call(asked);
        putResult(memory, Number(values.shift()), gives, { request: asked, errno });
      };
    },
  };
}
