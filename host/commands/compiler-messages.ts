// SPDX-License-Identifier: Apache-2.0
// Messages of compilers: they have names of files and lines of sources, which may be a stranger's.
import { stripVTControlCharacters } from 'node:util';

import { shownLines } from '../terminal-text.ts';

/** Without colours, and without whatever else a terminal would obey. */
export function tellMessages(messages: readonly string[]): void {
  if (messages.length === 0) return;
  const lines = messages.flatMap((message) => stripVTControlCharacters(message).split('\n'));
  process.stderr.write(`${shownLines(lines)}\n`);
}
