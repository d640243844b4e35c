// SPDX-License-Identifier: Apache-2.0
// A terminal of which the whole screen is ours for a while.
import { emitKeypressEvents } from 'node:readline';
import type { Key } from 'node:readline';

import { escaped } from '../terminal-text.ts';

export interface ScreenLine {
  readonly text: string;
  /** In reverse. */
  readonly isTitle?: boolean;
}

export interface ScreenSize {
  readonly rows: number;
  readonly columns: number;
}

export interface ScreenParts {
  readonly input: NodeJS.ReadStream;
  readonly output: NodeJS.WriteStream;
  /** A name as node:readline has it. */
  readonly onKey: (name: string) => void;
  readonly onResize: () => void;
}

// the other screen, without cursor, and lines that are too long end at the edge
const enter = '\u001b[?1049h\u001b[?25l\u001b[?7l';
const leave = '\u001b[?7h\u001b[?25h\u001b[?1049l';
const toStart = '\u001b[H';
const clearRestOfLine = '\u001b[K';
const clearBelow = '\u001b[J';
const reverse = '\u001b[7m';
const plain = '\u001b[0m';

export class Screen implements Disposable {
  readonly #parts: ScreenParts;
  #isOurs = true;

  constructor(parts: ScreenParts) {
    this.#parts = parts;
    const { input, output } = parts;
    // however the process ends, as far as it can do something then
    process.once('exit', this.#restore);
    if (input.isTTY) {
      emitKeypressEvents(input);
      input.setRawMode(true);
      input.on('keypress', this.#hear).resume();
    }
    output.on('resize', parts.onResize);
    output.write(enter);
  }

  get size(): ScreenSize {
    const { rows, columns } = this.#parts.output;
    return { rows, columns };
  }

  /** @param lines those that do not fit are not shown */
  draw(lines: readonly ScreenLine[]): void {
    const shown = lines.slice(0, this.size.rows).map(({ text, isTitle = false }) => {
      const line = escaped(text);
      return isTitle ? `${reverse}${line}${clearRestOfLine}${plain}` : `${line}${clearRestOfLine}`;
    });
    this.#parts.output.write(`${toStart}${shown.join('\r\n')}${clearBelow}`);
  }

  [Symbol.dispose](): void {
    this.#restore();
  }

  readonly #hear = (_text: string | undefined, { name, sequence, ctrl }: Key): void => {
    // no signal comes of it while we read keys one by one
    const key = ctrl === true && name === 'c' ? 'q' : name;
    this.#parts.onKey(key ?? sequence ?? '');
  };

  readonly #restore = (): void => {
    if (!this.#isOurs) return;
    this.#isOurs = false;
    const { input, output, onResize } = this.#parts;
    process.off('exit', this.#restore);
    output.off('resize', onResize);
    output.write(leave);
    if (!input.isTTY) return;
    input.off('keypress', this.#hear).pause();
    input.setRawMode(false);
  };
}
