// SPDX-License-Identifier: Apache-2.0
// Keeps the main thread for so long.

export function busyFor(ms: number): void {
  const end = performance.now() + ms;
  while (performance.now() < end);
}
