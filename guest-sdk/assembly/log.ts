// SPDX-License-Identifier: Apache-2.0
// Capability `log`: lines in the agent's log, marked with the handler and the container.

import * as host from './abi/log';
import { stringPointer } from './abi/values';

/** A line for whoever looks for a mistake. More than 4096 characters are cut. */
export function debug(message: string): void {
  host.log(0, stringPointer(message), message.length);
}

/** A line of what happens. More than 4096 characters are cut. */
export function info(message: string): void {
  host.log(1, stringPointer(message), message.length);
}

/** A line of what somebody should look at. More than 4096 characters are cut. */
export function warn(message: string): void {
  host.log(2, stringPointer(message), message.length);
}

/** A line of what has gone wrong. More than 4096 characters are cut. */
export function error(message: string): void {
  host.log(3, stringPointer(message), message.length);
}
