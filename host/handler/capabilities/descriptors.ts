// SPDX-License-Identifier: Apache-2.0
// The capability `descriptors`: guest-sdk/wit/descriptors.wit.
import { operation, operationNumber } from '../../native.ts';
import type { Capability } from '../capability.ts';
import { errnoNumber } from '../../syscalls/errno.ts';
import { OperationRequest } from '../operation-request.ts';
import { errnoOf, putErrnoResult, putStatusResult, putU32Result } from './results.ts';

const ebadf = errnoNumber('EBADF');

export const descriptors: Capability = {
  name: 'descriptors',
  needsGrant: true,
  functions: new Map([
    [
      'take',
      {
        signature: 'ii:',
        link:
          (guest, host) =>
          (fd: number, result: number): void => {
            const memory = guest();
            const index = fd < 0 ? -ebadf : host.takeFd(fd);
            putU32Result(memory, result, errnoOf(index), index);
          },
      },
    ],
    [
      'install',
      {
        signature: 'iii:',
        link:
          (guest, host) =>
          (descriptor: number, isCloseOnExec: number, result: number): void => {
            const memory = guest();
            // the addon has none below 0, which is an index from 2^31 on
            const fd = descriptor < 0 ? -ebadf : host.installFd(descriptor, isCloseOnExec !== 0);
            putU32Result(memory, result, errnoOf(fd), fd);
          },
      },
    ],
    [
      'replace',
      {
        signature: 'iiii:',
        link:
          (guest, host) =>
          (descriptor: number, fd: number, isCloseOnExec: number, result: number): void => {
            const memory = guest();
            const done =
              descriptor < 0 || fd < 0
                ? -ebadf
                : host.replaceFd(descriptor, fd, isCloseOnExec !== 0);
            putErrnoResult(memory, result, errnoOf(done));
          },
      },
    ],
    [
      'stat',
      {
        signature: 'ii:',
        link: (guest, host) => {
          const request = new OperationRequest();
          return (descriptor: number, result: number): void => {
            const memory = guest();
            request.begin(operation.stat);
            request.numbers[operationNumber.descriptor] = descriptor;
            const room = host.resultRoom();
            const errno =
              descriptor < 0
                ? ebadf
                : host.operate(operation.stat, memory.bytes, request.numbers, room);
            putStatusResult(memory, result, errno, room);
          };
        },
      },
    ],
  ]),
};
