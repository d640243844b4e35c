// SPDX-License-Identifier: Apache-2.0
// Prints tables for people.
import { type FigureKey, figureText, figureTitle } from './figures.ts';
import { type Round, spreadIn } from './rounds.ts';

export type Alignment = 'left' | 'right';

/** The first column is aligned to the left, the others as said. */
export function printTable(rows: readonly (readonly string[])[], others: Alignment): void {
  const widths: number[] = [];
  for (const row of rows) {
    row.forEach((cell, column) => {
      widths[column] = Math.max(widths[column] ?? 0, cell.length);
    });
  }
  for (const row of rows) {
    const cells = row.map((cell, column) => {
      const width = widths[column] ?? 0;
      return column === 0 || others === 'left' ? cell.padEnd(width) : cell.padStart(width);
    });
    console.log(cells.join('  ').trimEnd());
  }
}

/** The medians of each measurement, in columns. */
export function printMedians(
  names: readonly string[],
  columns: readonly FigureKey[],
  rounds: readonly Round[],
): void {
  const head = ['', ...columns.map((figure) => figureTitle(figure))];
  const rows = names.map((name) => [
    name,
    ...columns.map((figure) =>
      figureText(figure, spreadIn(rounds, { kind: 'value', of: name, figure })?.median),
    ),
  ]);
  printTable([head, ...rows], 'right');
}
