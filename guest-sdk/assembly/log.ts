// SPDX-License-Identifier: Apache-2.0
// Capability `log`: lines in the agent's log, marked with the handler and the container.

import * as host from './abi/log';
import { stringPointer } from './abi/values';

export function debug(message: string): void {
  host.log(0, stringPointer(message), message.length);
}

export function info(message: string): void {
  host.log(1, stringPointer(message), message.length);
}

export function warn(message: string): void {
  host.log(2, stringPointer(message), message.length);
}

export function error(message: string): void {
  host.log(3, stringPointer(message), message.length);
}
