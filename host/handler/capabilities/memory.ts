// SPDX-License-Identifier: Apache-2.0
// The capability `memory`: guest-sdk/wit/memory.wit.
import { HostRequest, maxRequestBytes } from '../../call/host.ts';
import { lazily } from '../capability.ts';
import type { Capability, CapabilityFunction } from '../capability.ts';
import { errnoNumber } from '../../syscalls/errno.ts';
import { stringListOf } from '../../call/string-list.ts';
import { putRange } from './into-result.ts';
import {
  beginValue,
  errnoOf,
  putBytesResult,
  putErrnoResult,
  putError,
  putS64Result,
} from './results.ts';

const einval = errnoNumber('EINVAL');

const size: CapabilityFunction = {
  signature: 'ii:',
  link: (guest, host, of) => {
    const request = lazily(() => new HostRequest(of));
    return (argument: number, result: number): void => {
      const own = guest();
      const asked = request();
      asked.argument = argument >>> 0;
      host.call(asked);
      const { wide } = asked;
      putS64Result(own, result, wide < 0n ? Number(-wide) : 0, wide);
    };
  },
};

const read: CapabilityFunction = {
  signature: 'iIii:',
  link: (guest, host, of) => {
    const request = lazily(() => new HostRequest(of));
    return (argument: number, offset: bigint, length: number, result: number): void => {
      const own = guest();
      const asked = request();
      asked.argument = argument >>> 0;
      asked.offset = BigInt.asUintN(64, offset);
      asked.max = Math.min(length >>> 0, maxRequestBytes);
      const reply = host.call(asked);
      putBytesResult(own, result, errnoOf(reply), asked.result, asked.length);
    };
  },
};

/** record string-list: the list, and a bool behind it. */
const listRecord = { size: 12, alignment: 4 } as const;

const readStrings: CapabilityFunction = {
  signature: 'ii:',
  link: (guest, host, of) => {
    const request = lazily(() => new HostRequest(of));
    return (argument: number, result: number): void => {
      const own = guest();
      const asked = request();
      asked.argument = argument >>> 0;
      const errno = host.call(asked);
      if (errno !== 0) {
        putError(own, result, errno, listRecord);
        return;
      }
      const { items, isTruncated } = stringListOf(asked.result.subarray(0, asked.length));
      const list = own.allocateItems(items.length, 8, 4);
      items.forEach((item, index) => {
        putRange(own, list + index * 8, own.putBytes(item, 0, item.length), item.length);
      });
      const record = beginValue(own, result, listRecord);
      putRange(own, record, list, items.length);
      own.setU8(record + 8, isTruncated ? 1 : 0);
    };
  },
};

const write: CapabilityFunction = {
  signature: 'iIiii:',
  link: (guest, host, of) => {
    const request = lazily(() => new HostRequest(of));
    return (
      argument: number,
      offset: bigint,
      pointer: number,
      length: number,
      result: number,
    ): void => {
      const own = guest();
      const bytes = length >>> 0;
      const start = own.checked(pointer, bytes, 1);
      const asked = request();
      asked.argument = argument >>> 0;
      asked.offset = BigInt.asUintN(64, offset);
      asked.bytes = own.bytes.subarray(start, start + bytes);
      putErrnoResult(own, result, bytes > maxRequestBytes ? einval : host.call(asked));
    };
  },
};

export const memory: Capability = {
  name: 'memory',
  functions: new Map([
    ['size', size],
    ['read', read],
    ['read-strings', readStrings],
    ['write', write],
  ]),
};
