// SPDX-License-Identifier: Apache-2.0
// The capability `log`: guest-sdk/wit/log.wit.
import { HostRequest } from '../../call/host.ts';
import type { GuestLogLevel } from '../../call/host.ts';
import { lazily } from '../capability.ts';
import type { Capability } from '../capability.ts';

const levels: readonly GuestLogLevel[] = ['debug', 'info', 'warn', 'error'];
const maxCharacters = 4096;

export const log: Capability = {
  name: 'log',
  functions: new Map([
    [
      'log',
      {
        signature: 'iii:',
        link: (guest, host, of) => {
          const request = lazily(() => new HostRequest(of));
          return (level: number, pointer: number, length: number): void => {
            const memory = guest();
            const asked = request();
            asked.level = levels[level] ?? memory.trap('unknown log level');
            asked.message = memory.text(pointer, length, maxCharacters);
            host.call(asked);
          };
        },
      },
    ],
  ]),
};
