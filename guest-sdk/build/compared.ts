// SPDX-License-Identifier: Apache-2.0
// Decisions in sources of handlers by the text of a path: `..`, `//`, links and other folders to start
// from get around them.

import { placesIn } from './source-search.ts';
import type { HandlerSources, Wanted } from './source-search.ts';

/** Parameters that are paths of the caller, in all languages. */
const parameters = ['path', 'newPath', 'new_path', 'target'] as const;

const methods =
  'startsWith|starts_with|endsWith|ends_with|includes|contains|indexOf|equals|match|search';
const functions =
  'strn?cmp|strstr|memcmp|memmem|sca_starts_with|sca_bytes_equal|startsWith|equals?|compare|test';

/** Names that hold its text as well: what is made of one of the names, and not by the host. */
function namesOf(text: string): readonly string[] {
  const names: string[] = [...parameters];
  const assigned = /(?:^|[\s(])(?:[\w:<>*&]+\s+)+(\w+)(?:\s*:[^=;]+)?\s*=(?!=)([^;]*)/gmu;
  for (const [, name = '', value = ''] of text.matchAll(assigned)) {
    const isOfPath = new RegExp(`(?<![.\\w])(?:${names.join('|')})(?![\\w(:])`, 'u').test(value);
    if (isOfPath && !/filesystem|resolve|=>|\?/u.test(value)) names.push(name);
  }
  return names;
}

function comparing(text: string): Wanted {
  const name = `(?<![.\\w])(?:${namesOf(text).join('|')})(?!\\w)`;
  const made = `${name}(?:\\.\\w+(?:\\(\\))?)*`;
  const patterns = [
    `${made}\\s*\\.\\s*(?:${methods})\\(`,
    `(?<!\\w)(?:${functions})\\([^;]*${name}`,
    // not its length, and not whether there is one
    `${made}(?<!length|len\\(\\)|size)\\s*[=!]==?(?!=|\\s*(?:null|undefined|NULL|None|\\d))`,
    `[=!]==?(?!=)\\s*${name}(?!\\.(?:length|len|size))`,
  ];
  const whole = new RegExp(patterns.join('|'), 'u');
  return (line) => whole.test(line);
}

/** Places in the sources of a handler that no comment excuses: `handler.ts:7`. */
export function comparedPlaces(sources: HandlerSources): readonly string[] {
  return placesIn(sources, comparing);
}

/**
 * A warning for each place.
 * @param families see continueWarnings
 */
export function compareWarnings(
  families: readonly string[],
  places: readonly string[],
): readonly string[] {
  return places.map(
    (place) =>
      `${place}: warning: compares the text of a path in a handler of ${families.join(', ')}: "..", "//", links and another working directory get around that: compare what filesystem.resolve finds, list the calls in "advisory" of bundle.json, or say in a comment why the text is enough ("// sound: ...")`,
  );
}
