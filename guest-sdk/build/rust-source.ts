// SPDX-License-Identifier: Apache-2.0
// Words and lines of Rust source.
import { snakeCase } from './contract.ts';

const keywords = ['continue', 'match', 'move', 'mut', 'ref', 'type', 'use', 'where'];

export const sdk = '$crate::';

export function word(name: string): string {
  const snake = snakeCase(name);
  return keywords.includes(snake) ? `r#${snake}` : snake;
}

const lineLength = 100;

/** A list on one line, or each of its items on its own. */
export function listed(before: string, items: readonly string[], after: string): readonly string[] {
  const line = `${before}${items.join(', ')}${after}`;
  if (line.length <= lineLength) return [line];
  const indent = ' '.repeat(before.length - before.trimStart().length);
  return [before, ...items.map((item) => `${indent}    ${item},`), `${indent}${after}`];
}

/** Lines of a module, as they are written. */
export class RustLines {
  readonly all: string[] = [];

  write(...lines: readonly string[]): void {
    this.all.push(...lines);
  }

  document(lines: readonly string[], indent: string): void {
    this.write(...lines.map((line) => `${indent}/// ${line}`.trimEnd()));
  }
}
