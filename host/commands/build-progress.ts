// SPDX-License-Identifier: Apache-2.0
// Progress of a build, for people at a terminal. Written at once: while a compiler works
// in this process nothing else does.
import { isatty } from 'node:tty';

const stderrFd = 2;

export function showBuilding(what: string): void {
  if (isatty(stderrFd)) process.stderr.write(`${what} …\n`);
}
