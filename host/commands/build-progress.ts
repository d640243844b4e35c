// SPDX-License-Identifier: Apache-2.0
// What is being built, for people at a terminal who wait for it. Said at once: while a compiler works
// in this process nothing else does.
import { isatty } from 'node:tty';

const stderrFd = 2;

export function showBuilding(what: string): void {
  if (isatty(stderrFd)) process.stderr.write(`${what} …\n`);
}
