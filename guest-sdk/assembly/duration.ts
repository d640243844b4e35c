// SPDX-License-Identifier: Apache-2.0
// Durations as Go writes them: "250ms", "1.5s", "1m30s".

const NANOSECONDS_PER_MILLISECOND: f64 = 1000000;
/** Of nanoseconds, so that sums have room. */
const MOST: f64 = 4000000000000000000;

const PLUS: i32 = 43;
const POINT: i32 = 46;
const ZERO: i32 = 48;
const NINE: i32 = 57;

/** In nanoseconds; 0: there is no such unit. */
function unitOf(name: string): f64 {
  if (name == 'ns') return 1;
  if (name == 'us' || name == '\u00b5s' || name == '\u03bcs') return 1000;
  if (name == 'ms') return 1000000;
  if (name == 's') return 1000000000;
  if (name == 'm') return 60000000000;
  if (name == 'h') return 3600000000000;
  return 0;
}

function isDigit(code: i32): bool {
  return code >= ZERO && code <= NINE;
}

/** Whole milliseconds, at least so many; -1: the text is no duration from 0 on. */
export function parseMilliseconds(text: string): i64 {
  let at = text.length > 0 && text.charCodeAt(0) == PLUS ? 1 : 0;
  if (text.length == at) return -1;
  if (text.length == at + 1 && text.charCodeAt(at) == ZERO) return 0;
  let sum: f64 = 0;
  while (at < text.length) {
    let amount: f64 = 0;
    let place: f64 = 1;
    let digits = 0;
    let isBehindPoint = false;
    for (; at < text.length; at++) {
      const code = text.charCodeAt(at);
      if (code == POINT && !isBehindPoint) isBehindPoint = true;
      else if (!isDigit(code)) break;
      else {
        digits++;
        amount = amount * 10 + <f64>(code - ZERO);
        if (isBehindPoint) place *= 10;
      }
    }
    const start = at;
    while (at < text.length && text.charCodeAt(at) != POINT && !isDigit(text.charCodeAt(at))) at++;
    const unit = unitOf(text.substring(start, at));
    if (digits == 0 || unit == 0) return -1;
    sum += Math.floor((amount * unit) / place);
    if (!(sum < MOST)) sum = MOST;
  }
  return <i64>Math.ceil(sum / NANOSECONDS_PER_MILLISECOND);
}
