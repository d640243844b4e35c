// SPDX-License-Identifier: Apache-2.0
// Number of calls that are through, shown from time to time at a terminal.
import { isatty } from 'node:tty';

const stderrFd = 2;
const intervalMs = 1000;

/** @returns is told how many there are */
export function callProgress(): (calls: number) => void {
  if (!isatty(stderrFd)) return () => undefined;
  let shownAt = performance.now();
  return (calls) => {
    if (performance.now() - shownAt < intervalMs) return;
    shownAt = performance.now();
    process.stderr.write(`\r${calls} calls`);
  };
}
