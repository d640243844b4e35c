// SPDX-License-Identifier: Apache-2.0
// Writes records of the log as lines that are whole or marked as cut: what is at the end of a line, where
// an event stands, is never what a container or a handler has chosen.
import { cut } from '../terminal-text.ts';

/** Readers of containers' logs take longer lines for several. */
const maxLineBytes = 16_000;
const maxFieldLength = 1024;
const cutMark = Buffer.from('…\n');

/** A record whose fields are short enough for one line. */
function shortened(json: string): string {
  const record: unknown = JSON.parse(json);
  const fields = Object.entries(typeof record === 'object' && record !== null ? record : {});
  const short = fields.map(([key, value]): [string, unknown] => {
    const text = typeof value === 'string' ? value : JSON.stringify(value);
    return [key, text.length > maxFieldLength ? cut(text, maxFieldLength) : value];
  });
  return JSON.stringify(Object.fromEntries(short));
}

export class LineWriter {
  readonly #write: (bytes: Buffer) => number;
  /** The last line is on its way in part only: it is marked as cut, and the next one starts anew. */
  #isLineOpen = false;

  /** @param write writes at once what it can. @returns how many bytes that were */
  constructor(write: (bytes: Buffer) => number) {
    this.#write = write;
  }

  /**
   * @param record JSON
   * @param lineOf makes a line of a record
   */
  record(record: string, lineOf: (record: string) => string): void {
    const whole = Buffer.from(lineOf(record));
    if (whole.length <= maxLineBytes) {
      this.#line(whole);
      return;
    }
    const short = Buffer.from(lineOf(shortened(record)));
    const end = maxLineBytes - cutMark.length;
    const isShort = short.length <= maxLineBytes;
    this.#line(isShort ? short : Buffer.concat([short.subarray(0, end), cutMark]));
  }

  #line(line: Buffer): void {
    const bytes = this.#isLineOpen ? Buffer.concat([cutMark, line]) : line;
    try {
      this.#isLineOpen = this.#write(bytes) < bytes.length;
    } catch {
      // whoever read the log is gone or slow: containers must not wait for it
    }
  }
}
