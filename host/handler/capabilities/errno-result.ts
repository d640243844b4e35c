// SPDX-License-Identifier: Apache-2.0
// Writes result<_, errno> for a guest.
import { gone } from '../capability.ts';
import { ordinalsByNumber } from '../errno.ts';
import type { Guest } from '../guest.ts';

const ordinals = ordinalsByNumber();
/** What a handler hears when its notification is gone: nobody will hear its answer. */
const interrupted = 4;

/** @param errno 0, a positive errno of the kernel, or `gone` */
export function putErrnoResult(guest: Guest, pointer: number, errno: number): void {
  const offset = guest.checked(pointer, 2, 1);
  guest.setU8(offset, errno === 0 ? 0 : 1);
  guest.setU8(offset + 1, ordinals[errno === gone ? interrupted : errno] ?? 0);
}
