// SPDX-License-Identifier: Apache-2.0
// The quarantine of handlers, in memory that all threads share: the addon counts exceeded deadlines
// and ended workers, the host all other failures. C++ has it from here: `npm run generate`.
import { wordsOf } from './layout.ts';
import type { Places } from './layout.ts';

/** Of one handler. */
export const quarantineFields = {
  level: 'i32',
  backOffMs: 'i32',
  /** 1: one call tries the handler. */
  isTried: 'i32',
  unused: 'i32',
} as const;

/** In words of 32 bits. */
export const quarantineWord: Places<typeof quarantineFields> & { readonly words: number } = {
  ...wordsOf(quarantineFields, 4),
  words: Object.keys(quarantineFields).length,
};

/**
 * Added to the level by a failure; a good answer takes 1. A handler that fails at more than a fifth
 * of its calls is quarantined, too, however it spreads them.
 */
export const failureWeight = 4;
/** The level of a quarantined handler: five failures in a row, or one exceeded deadline. */
export const quarantineLevel: number = 5 * failureWeight;
export const firstBackOffMs = 1000;
export const maxBackOffMs = 60_000;
