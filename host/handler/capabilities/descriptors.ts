// SPDX-License-Identifier: Apache-2.0
// The capability `descriptors`: guest-sdk/wit/descriptors.wit.
import { HostRequest } from '../../call/host.ts';
import { operationNumber } from '../../native.ts';
import { lazily } from '../capability.ts';
import type { Capability, CapabilityFunction } from '../capability.ts';
import { errnoNumber } from '../../syscalls/errno.ts';
import { OperationRequest } from '../operation-request.ts';
import { errnoOf, putErrnoResult, putStatusResult, putU32Result } from './results.ts';

/** Of a number from 2^31 on, which nothing has. */
const ebadf = errnoNumber('EBADF');

const take: CapabilityFunction = {
  signature: 'ii:',
  link: (guest, host, of) => {
    const request = lazily(() => new HostRequest(of));
    return (fd: number, result: number): void => {
      const memory = guest();
      const asked = request();
      asked.fd = fd;
      const index = fd < 0 ? -ebadf : host.call(asked);
      putU32Result(memory, result, errnoOf(index), index);
    };
  },
};

const install: CapabilityFunction = {
  signature: 'iii:',
  link: (guest, host, of) => {
    const request = lazily(() => new HostRequest(of));
    return (descriptor: number, isCloseOnExec: number, result: number): void => {
      const memory = guest();
      const asked = request();
      asked.descriptor = descriptor;
      asked.isCloseOnExec = isCloseOnExec !== 0;
      const fd = descriptor < 0 ? -ebadf : host.call(asked);
      putU32Result(memory, result, errnoOf(fd), fd);
    };
  },
};

const replace: CapabilityFunction = {
  signature: 'iiii:',
  link: (guest, host, of) => {
    const request = lazily(() => new HostRequest(of));
    return (descriptor: number, fd: number, isCloseOnExec: number, result: number): void => {
      const memory = guest();
      const asked = request();
      asked.descriptor = descriptor;
      asked.fd = fd;
      asked.isCloseOnExec = isCloseOnExec !== 0;
      const done = descriptor < 0 || fd < 0 ? -ebadf : host.call(asked);
      putErrnoResult(memory, result, errnoOf(done));
    };
  },
};

const stat: CapabilityFunction = {
  signature: 'ii:',
  link: (guest, host, of) => {
    const request = lazily(() => new OperationRequest(of));
    return (descriptor: number, result: number): void => {
      const memory = guest();
      const asked = request();
      asked.begin();
      asked.memory = memory.bytes;
      asked.numbers[operationNumber.descriptor] = descriptor;
      const errno = descriptor < 0 ? ebadf : host.call(asked);
      putStatusResult(memory, result, errno, asked.result);
    };
  },
};

export const descriptors: Capability = {
  name: 'descriptors',
  functions: new Map([
    ['take', take],
    ['install', install],
    ['replace', replace],
    ['stat', stat],
  ]),
};
