// SPDX-License-Identifier: Apache-2.0
// Who children are that work on what a stranger has written: another user each, whom nobody else is.
// A process may send signals to all that are of its own user, and what a signal has ended would count
// as what the stranger's work has done.
import { nativeIfThere } from '../native.ts';

/** Who they are where nothing draws users, or where a user namespace does not have the drawn one. */
export const nobody = 65534;

export function drawUser(): number {
  return nativeIfThere()?.drawUser() ?? nobody;
}
