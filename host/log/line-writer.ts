// SPDX-License-Identifier: Apache-2.0
// Writes records of the log as lines that are whole or marked as cut: what is at the end of a line, where
// an event stands, is never what a container or a handler has chosen. Lines that nobody takes are lost,
// and counted: their number is told before the next line, and a second later at the latest.
import { cut } from '../terminal-text.ts';
import { logEvents } from './log-events.ts';

/** Readers of containers' logs take longer lines for several. */
const maxLineBytes = 16_000;
const maxFieldLength = 1024;
const cutMark = Buffer.from('…\n');
/** After a loss it is tried again so often. */
const pauseMs = 1000;

type LineOf = (record: string) => string;

function lossRecord(count: number): string {
  const event = 'log-lines-lost';
  const [level, msg] = logEvents[event];
  return JSON.stringify({ level, time: new Date().toISOString(), count, event, msg });
}

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
  #lost = 0;
  #timer: NodeJS.Timeout | undefined;

  /** @param write writes at once what it can. @returns how many bytes that were */
  constructor(write: (bytes: Buffer) => number) {
    this.#write = write;
  }

  /**
   * @param record JSON
   * @param lineOf makes a line of a record
   */
  record(record: string, lineOf: LineOf): void {
    if (this.#tellLost(lineOf) && this.#line(this.#bytesOf(record, lineOf))) return;
    this.#lost += 1;
    this.#tellLater(lineOf);
  }

  #bytesOf(record: string, lineOf: LineOf): Buffer {
    const whole = Buffer.from(lineOf(record));
    if (whole.length <= maxLineBytes) return whole;
    const short = Buffer.from(lineOf(shortened(record)));
    const end = maxLineBytes - cutMark.length;
    const isShort = short.length <= maxLineBytes;
    return isShort ? short : Buffer.concat([short.subarray(0, end), cutMark]);
  }

  /** @returns whether there is nothing more to be told */
  #tellLost(lineOf: LineOf): boolean {
    if (this.#lost > 0 && this.#line(Buffer.from(lineOf(lossRecord(this.#lost))))) {
      // of one that is cut nobody can read the number
      if (!this.#isLineOpen) this.#lost = 0;
    }
    return this.#lost === 0;
  }

  #tellLater(lineOf: LineOf): void {
    if (this.#timer !== undefined) return;
    this.#timer = setTimeout(() => {
      this.#timer = undefined;
      if (!this.#tellLost(lineOf)) this.#tellLater(lineOf);
    }, pauseMs).unref();
  }

  /** @returns whether it is on its way, if only in part */
  #line(line: Buffer): boolean {
    const bytes = this.#isLineOpen ? Buffer.concat([cutMark, line]) : line;
    try {
      this.#isLineOpen = this.#write(bytes) < bytes.length;
      return true;
    } catch {
      // whoever read the log is gone or slow: containers must not wait for it
      return false;
    }
  }
}
