// SPDX-License-Identifier: Apache-2.0
// How deeply the values of a YAML text are in one another. The library that reads YAML calls itself for
// each value in another one: it takes gigabytes where there are thousands, or ends the process.
import { Lexer } from 'yaml';

const maxDepth = 128;

/** Begin a document and a scalar. */
const marks: readonly string[] = ['\u{2}', '\u{1f}', '\u{18}', '\u{feff}'];

/** Values that are open: those in brackets, and those whose lines begin further to the right. */
class Nesting {
  #column = 0;
  #brackets = 0;
  readonly #columns: number[] = [];

  get depth(): number {
    return this.#brackets + this.#columns.length;
  }

  take(token: string): void {
    if (marks.includes(token)) return;
    if (token === '[' || token === '{') this.#brackets += 1;
    else if (token === ']' || token === '}') this.#brackets = Math.max(0, this.#brackets - 1);
    else if (this.#brackets === 0 && /^\S/u.test(token)) this.#begin();
    const end = token.lastIndexOf('\n');
    this.#column = end < 0 ? this.#column + token.length : token.length - end - 1;
  }

  #begin(): void {
    while ((this.#columns.at(-1) ?? -1) >= this.#column) this.#columns.pop();
    this.#columns.push(this.#column);
  }
}

/** The offset of the first value that is too deep in others; undefined: there is none. */
export function tooDeepAt(text: string): number | undefined {
  const nesting = new Nesting();
  let offset = 0;
  for (const token of new Lexer().lex(text)) {
    nesting.take(token);
    if (nesting.depth > maxDepth) return offset;
    if (!marks.includes(token)) offset += token.length;
  }
  return undefined;
}
