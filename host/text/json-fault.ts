// SPDX-License-Identifier: Apache-2.0
// Place where a text stops being JSON (RFC 8259): JSON.parse tells it for some faults only.

const whitespace = /[\t\n\r ]*/uy;
const token =
  /[{}[\],:]|"[ !#-[\]-\u{10FFFF}]*(?:\\(?:["\\/bfnrt]|u[\dA-Fa-f]{4})[ !#-[\]-\u{10FFFF}]*)*"|-?(?:0|[1-9]\d*)(?:\.\d+)?(?:[Ee][+-]?\d+)?|true|false|null/uy;

type Wanted = 'value' | 'value or ]' | 'key' | 'key or }' | ':' | ', or end';

/** Tokens that may follow, by brackets that are open. */
class Places {
  readonly #open: string[] = [];
  #wanted: Wanted = 'value';
  #isOver = false;

  get isOver(): boolean {
    return this.#isOver;
  }

  /** @returns whether it may stand here */
  take(found: string): boolean {
    switch (found) {
      case '{':
      case '[':
        if (!this.#wanted.startsWith('value')) return false;
        this.#open.push(found);
        this.#wanted = found === '{' ? 'key or }' : 'value or ]';
        return true;
      case '}':
      case ']':
        return this.#close(found);
      case ',':
        if (this.#wanted !== ', or end') return false;
        this.#wanted = this.#open.at(-1) === '{' ? 'key' : 'value';
        return true;
      case ':':
        if (this.#wanted !== ':') return false;
        this.#wanted = 'value';
        return true;
      default:
        return this.#scalar(found);
    }
  }

  #close(found: string): boolean {
    const isMatch = this.#open.at(-1) === (found === '}' ? '{' : '[');
    if (!isMatch || !(this.#wanted === ', or end' || this.#wanted.endsWith(found))) return false;
    this.#open.pop();
    this.#end();
    return true;
  }

  #scalar(found: string): boolean {
    if (this.#wanted.startsWith('key')) {
      this.#wanted = ':';
      return found.startsWith('"');
    }
    if (!this.#wanted.startsWith('value')) return false;
    this.#end();
    return true;
  }

  #end(): void {
    this.#wanted = ', or end';
    this.#isOver = this.#open.length === 0;
  }
}

function endOf(pattern: RegExp, text: string, from: number): number | undefined {
  pattern.lastIndex = from;
  return pattern.test(text) ? pattern.lastIndex : undefined;
}

/**
 * @returns the offset of the first thing that may not stand where it is, the text's length if it ends too
 *   early, undefined if it is JSON
 */
export function jsonFaultAt(text: string): number | undefined {
  const places = new Places();
  let at = endOf(whitespace, text, 0) ?? 0;
  while (!places.isOver) {
    const end = endOf(token, text, at);
    if (end === undefined || !places.take(text.slice(at, end))) return at;
    at = endOf(whitespace, text, end) ?? end;
  }
  return at < text.length ? at : undefined;
}

/** For messages: both count from 1. */
export function jsonPlaceAt(
  text: string,
  offset: number,
): { readonly line: number; readonly column: number } {
  const lines = text.slice(0, offset).split('\n');
  return { line: lines.length, column: (lines.at(-1)?.length ?? 0) + 1 };
}
