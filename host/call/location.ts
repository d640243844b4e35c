// SPDX-License-Identifier: Apache-2.0
// What look-ups give: where a path leads, as the addon tells it.
import { locationNumbers, operation, statNumbers } from '../native.ts';
import type { HostFunction } from './host-functions.ts';

const statusBytes = statNumbers.length * 8;
const headBytes = statusBytes + locationNumbers.length * 8;

function placeOf(name: (typeof locationNumbers)[number]): number {
  return statusBytes + locationNumbers.indexOf(name) * 8;
}

const place = {
  mount: placeOf('mount'),
  isThere: placeOf('isThere'),
  isMountPoint: placeOf('isMountPoint'),
  pathLength: placeOf('pathLength'),
} as const;

export function isLookUp({ operationCode }: HostFunction): boolean {
  return operationCode >= operation.locateName && operationCode <= operation.locateOpened;
}

export class Location {
  /** The numbers of the status, and others behind it. */
  readonly bytes: Uint8Array;
  readonly #numbers: DataView;

  /** @param bytes of a look-up; those that are missing are 0 */
  constructor(bytes: Uint8Array) {
    this.bytes = bytes.length < headBytes ? new Uint8Array(headBytes) : bytes;
    this.#numbers = new DataView(this.bytes.buffer, this.bytes.byteOffset, headBytes);
  }

  get path(): Uint8Array {
    const length = this.#numbers.getUint32(place.pathLength, true);
    return this.bytes.subarray(headBytes, headBytes + length);
  }

  get exists(): boolean {
    return this.#numbers.getUint32(place.isThere, true) === 1;
  }

  get isMountPoint(): boolean {
    return this.#numbers.getUint32(place.isMountPoint, true) === 1;
  }

  get mount(): bigint {
    return this.#numbers.getBigInt64(place.mount, true);
  }

  get status(): Uint8Array {
    return this.bytes.subarray(0, statusBytes);
  }
}

export interface LocationParts {
  readonly path: Uint8Array;
  readonly exists: boolean;
  readonly isMountPoint: boolean;
  readonly mount: bigint;
  /** Absent: all are 0. */
  readonly status?: Uint8Array;
}

/** The bytes that a look-up would have given. */
export function locationBytes(parts: LocationParts): Uint8Array {
  const { path, exists, isMountPoint, mount, status } = parts;
  const bytes = new Uint8Array(headBytes + path.length);
  if (status !== undefined) bytes.set(status.subarray(0, statusBytes));
  bytes.set(path, headBytes);
  const numbers = new DataView(bytes.buffer);
  numbers.setBigInt64(place.mount, mount, true);
  numbers.setBigInt64(place.isThere, exists ? 1n : 0n, true);
  numbers.setBigInt64(place.isMountPoint, isMountPoint ? 1n : 0n, true);
  numbers.setBigInt64(place.pathLength, BigInt(path.length), true);
  return bytes;
}
