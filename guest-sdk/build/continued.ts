// SPDX-License-Identifier: Apache-2.0
// Answers in sources of handlers that let a call continue whose pointers they were given: another
// thread may change what these say before the kernel reads it again.

import { extname } from 'node:path';

import { canPerform } from '../../host/syscalls/family-table.ts';
import { placesIn } from './source-search.ts';
import type { HandlerSources } from './source-search.ts';

/** By the extension of a language's sources; what is written in another way is not found. */
const continueIn: Readonly<Record<string, RegExp>> = {
  '.ts': /\bAction\s*\.\s*continue\s*\(/u,
  '.mts': /\bproceed\s*\(\s*\)|\btag\s*:\s*(['"])continue\1/u,
  '.mjs': /\bproceed\s*\(\s*\)|\btag\s*:\s*(['"])continue\1/u,
  '.c': /\bsca_continue\s*\(|\bSCA_(?:ACTION|ANSWER)_KIND_CONTINUE\b/u,
  '.rs': /\b(?:Action|Answer)::Continue\b/u,
};

/** Places in the sources of a handler that no comment excuses: `handler.ts:7`. */
export function continuedPlaces(sources: HandlerSources): readonly string[] {
  const pattern = continueIn[extname(sources.sourceFile)];
  return pattern === undefined ? [] : placesIn(sources, () => (line) => pattern.test(line));
}

/**
 * A warning for each place.
 * @param families that the handler has looked at, and whose answers are more than advice
 */
export function continueWarnings(
  families: readonly string[],
  places: readonly string[],
): readonly string[] {
  const instead = families.some((family) => canPerform(family)) ? 'answer perform, or ' : '';
  return places.map(
    (place) =>
      `${place}: warning: continue lets the kernel read again what this handler of ${families.join(', ')} has looked at, and another thread may have changed it: ${instead}list the calls in "advisory" of bundle.json, or say in a comment why nothing is rejected by it ("// sound: ...")`,
  );
}
