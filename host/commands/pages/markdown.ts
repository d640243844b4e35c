// SPDX-License-Identifier: Apache-2.0
// Tables of Markdown, as the formatter leaves them.

/** A bar would end the cell. */
export function cell(text: string): string {
  return text.replaceAll('|', String.raw`\|`);
}

/** @param rows the first one has the titles */
export function table(rows: readonly (readonly string[])[]): string {
  const [head = []] = rows;
  const widths = head.map((_, column) =>
    Math.max(...rows.map((row) => (row[column] ?? '').length)),
  );
  const line = (row: readonly string[], filler: string): string =>
    `| ${widths.map((width, column) => (row[column] ?? '').padEnd(width, filler)).join(' | ')} |\n`;
  const [titles = '', ...others] = rows.map((row) => line(row, ' '));
  return [titles, line([], '-'), ...others].join('');
}
