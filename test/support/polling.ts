// SPDX-License-Identifier: Apache-2.0
// Waiting for what the kernel or another process does, by looking again and again.
import { setTimeout as pause } from 'node:timers/promises';

import { patient } from './patience.ts';

const intervalMs = 10;
/** Only a test that fails waits so long, so that a machine that is busy makes none fail. */
const patienceMs = patient(60_000);

/**
 * What `look` returns once that is not undefined.
 * @throws Error after the limit, which says what was waited for
 * @example await until('the folder to be empty', () => readdirSync(folder).length === 0 || undefined)
 */
export async function until<T>(
  what: string,
  look: () => T | undefined | Promise<T | undefined>,
  limitMs: number = patienceMs,
): Promise<T> {
  const end = performance.now() + limitMs;
  for (;;) {
    const seen = await look();
    if (seen !== undefined) return seen;
    if (performance.now() > end) throw new Error(`waited ${limitMs} ms in vain for ${what}`);
    await pause(intervalMs);
  }
}
