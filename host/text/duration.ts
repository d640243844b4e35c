// SPDX-License-Identifier: Apache-2.0
// Durations as Go writes them: "250ms", "1.5s", "1m30s".

const unitsMs: ReadonlyMap<string, number> = new Map([
  ['ns', 1e-6],
  ['us', 1e-3],
  ['µs', 1e-3],
  ['μs', 1e-3],
  ['ms', 1],
  ['s', 1000],
  ['m', 60_000],
  ['h', 3_600_000],
]);

const part = String.raw`(\d+(?:\.\d*)?|\.\d+)(ns|us|µs|μs|ms|s|m|h)`;
const whole = new RegExp(`^[+-]?(?:${part})+$`, 'u');
const parts = new RegExp(part, 'gu');

/** Nobody writes a longer one, and each part of it is looked at. */
const maxLetters = 128;

/** Of milliseconds: `250ms`, `1.5s`. */
export function durationText(ms: number): string {
  return ms < 1000 ? `${ms}ms` : `${ms / 1000}s`;
}

/** In milliseconds; undefined: the text is no duration. See ParseDuration of Go's package time. */
export function parseDuration(text: string): number | undefined {
  if (/^[+-]?0$/u.test(text)) return 0;
  if (text.length > maxLetters || !whole.test(text)) return undefined;
  const sum = [...text.matchAll(parts)].reduce(
    (total, [, amount = '', unit = '']) => total + Number(amount) * (unitsMs.get(unit) ?? 0),
    0,
  );
  return text.startsWith('-') ? -sum : sum;
}
