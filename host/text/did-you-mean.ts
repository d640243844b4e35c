// SPDX-License-Identifier: Apache-2.0
// Known words that somebody may have meant.

/** Number of letters to be put in, taken out or replaced, or swapped with the next one. */
function distance(from: string, to: string): number {
  let before: readonly number[] = [];
  let row: readonly number[] = Array.from({ length: to.length + 1 }, (_unused, index) => index);
  for (let line = 0; line < from.length; line += 1) {
    const next = [line + 1];
    for (let column = 0; column < to.length; column += 1) {
      const replaced = (row[column] ?? 0) + (from[line] === to[column] ? 0 : 1);
      const isSwapped = from[line] === to[column - 1] && from[line - 1] === to[column];
      const swapped = isSwapped ? (before[column - 1] ?? 0) + 1 : Infinity;
      next.push(Math.min(replaced, swapped, (row[column + 1] ?? 0) + 1, (next[column] ?? 0) + 1));
    }
    before = row;
    row = next;
  }
  return row.at(-1) ?? 0;
}

/** Nobody mistypes a longer word, and comparing two takes the product of their lengths. */
const maxLetters = 64;
/** Of known words: a bundle's author may have made them, and those of several are compared. */
const maxCompared = 512;

/** @returns undefined where nothing is near */
export function nearest(word: string, known: readonly string[]): string | undefined {
  if (word.length > maxLetters) return undefined;
  const max = Math.max(1, Math.floor(word.length / 4));
  const near = known
    .slice(0, maxCompared)
    .filter((other) => Math.abs(other.length - word.length) <= max)
    .map((other) => ({ other, away: distance(word.toLowerCase(), other.toLowerCase()) }))
    .filter(({ away }) => away <= max)
    .toSorted((a, b) => a.away - b.away || a.other.localeCompare(b.other));
  return near[0]?.other;
}

/** The end of a message about an unknown word: the known word that is most like it, as a question. */
export function guessAt(word: string, known: readonly string[]): string {
  const near = nearest(word, known);
  return near === undefined ? '' : `. Did you mean "${near}"?`;
}

/** The same, and all known words behind a title such as `Commands`. */
export function choicesAt(word: string, known: readonly string[], title: string): string {
  const guess = guessAt(word, known);
  return `${guess === '' ? '.' : guess} ${title}: ${known.join(', ')}`;
}
