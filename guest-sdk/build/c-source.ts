// SPDX-License-Identifier: Apache-2.0
// Words and lines of C source.
import { snakeCase } from './contract.ts';

/** Words that no field and no parameter may be called. */
const keywords = ['continue', 'default', 'register', 'short', 'signed', 'switch', 'union'];

export function word(name: string): string {
  const snake = snakeCase(name);
  return keywords.includes(snake) ? `${snake}_` : snake;
}

const lineLength = 100;

/** A list on one line, or each of its items on its own. */
export function listed(before: string, items: readonly string[], after: string): readonly string[] {
  const line = `${before}${items.join(', ')}${after}`;
  if (line.length <= lineLength) return [line];
  const indent = ' '.repeat(before.length - before.trimStart().length + 4);
  const lines = items.map((item, index) =>
    index === items.length - 1 ? `${indent}${item}${after}` : `${indent}${item},`,
  );
  return [before, ...lines];
}

/** The lines of a macro. */
export function continued(lines: readonly string[]): readonly string[] {
  return lines.map((line, index) => (index === lines.length - 1 ? line : `${line} \\`));
}

export function orVoid(parameters: readonly string[]): readonly string[] {
  return parameters.length === 0 ? ['void'] : parameters;
}

/** Lines of a header, as they are written. */
export class CLines {
  readonly all: string[] = [];

  write(...lines: readonly string[]): void {
    this.all.push(...lines);
  }

  document(lines: readonly string[], indent = ''): void {
    if (lines.length === 1) this.write(`${indent}/** ${lines[0] ?? ''} */`);
    else if (lines.length > 1) {
      this.write(`${indent}/**`, ...lines.map((line) => `${indent} * ${line}`.trimEnd()));
      this.write(`${indent} */`);
    }
  }
}
