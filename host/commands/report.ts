// SPDX-License-Identifier: Apache-2.0
// Results of a command, as it prints them.
import { shownJson, shownLines } from '../terminal-text.ts';

/**
 * Most of it comes from others: nothing of it moves the cursor of a terminal.
 * @param facts for programs
 * @param lines for people; only made for them
 */
export function report(
  values: ReadonlyMap<string, unknown>,
  facts: unknown,
  lines: () => readonly string[],
): void {
  const text = values.get('json') === true ? shownJson(facts) : shownLines(lines());
  process.stdout.write(`${text}\n`);
}
