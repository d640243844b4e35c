// SPDX-License-Identifier: Apache-2.0
// Users of children that work on a stranger's input: each child has one of its own. A process may send
// signals to all that are of its own user, and the end of a child by a signal would count as an effect
// of the stranger's input.
import { nativeIfThere } from '../native.ts';

/** Their user where nothing draws users, or where a user namespace does not have the drawn one. */
export const nobody = 65534;

export function drawUser(): number {
  return nativeIfThere()?.drawUser() ?? nobody;
}
