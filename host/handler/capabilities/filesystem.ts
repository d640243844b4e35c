// SPDX-License-Identifier: Apache-2.0
// The capability `filesystem`: guest-sdk/wit/filesystem.wit.
import type { Capability } from '../capability.ts';
import { putErrnoResult } from './errno-result.ts';

export const filesystem: Capability = {
  name: 'filesystem',
  needsGrant: true,
  functions: new Map([
    [
      'mkdir',
      {
        signature: 'iiii:',
        link:
          (guest, host) =>
          (pointer: number, length: number, mode: number, result: number): void => {
            const memory = guest();
            memory.requireCall();
            const path = memory.checked(pointer, length >>> 0, 1);
            const errno = host.mkdir(memory.bytes, path, length >>> 0, mode >>> 0);
            putErrnoResult(memory, result, errno);
          },
      },
    ],
  ]),
};
