// SPDX-License-Identifier: Apache-2.0
// Finds running processes, and waits for the end of those that are not our children.
import { readdirSync, readFileSync } from 'node:fs';
import { setTimeout as delay } from 'node:timers/promises';

/** Nothing tells us the end of somebody else's child, so we look again after this. */
const lookAgainMs = 10;

/** Every process with a text in its arguments or its environment, which its children inherit. */
function pidsMentioning(text: string): readonly number[] {
  return readdirSync('/proc')
    .filter((name) => /^\d+$/u.test(name))
    .filter((pid) => has(`/proc/${pid}/cmdline`, text) || has(`/proc/${pid}/environ`, text))
    .map(Number);
}

/** Resolves once no process mentions the text; the deadline of the test ends a longer wait. */
export async function endOfMentioning(text: string): Promise<void> {
  while (pidsMentioning(text).length > 0) await delay(lookAgainMs);
}

function has(file: string, text: string): boolean {
  try {
    return readFileSync(file, 'utf8').includes(text);
  } catch {
    // the process has ended
    return false;
  }
}
