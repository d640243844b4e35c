// SPDX-License-Identifier: Apache-2.0
// The capability `log`: guest-sdk/wit/log.wit.
import type { Capability } from '../capability.ts';
import type { GuestLogLevel } from '../../call/call-host.ts';

const levels: readonly GuestLogLevel[] = ['debug', 'info', 'warn', 'error'];
const mostCharacters = 4096;

export const log: Capability = {
  name: 'log',
  needsGrant: false,
  functions: new Map([
    [
      'log',
      {
        signature: 'iii:',
        link:
          (guest, host) =>
          (level: number, pointer: number, length: number): void => {
            const memory = guest();
            const name = levels[level] ?? memory.trap('unknown log level');
            host.log(name, memory.text(pointer, length, mostCharacters));
          },
      },
    ],
  ]),
};
