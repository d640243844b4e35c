// SPDX-License-Identifier: Apache-2.0
// The parts of a usage text: synopses, paragraphs, headings and options.

export interface UsageItem {
  readonly kind: 'item';
  /** Such as `-config FILE`. */
  readonly term: string;
  readonly text: string;
  /** A table below the text, line by line. */
  readonly table: readonly string[];
}

export type UsagePart =
  | UsageItem
  | { readonly kind: 'heading' | 'paragraph' | 'synopsis'; readonly text: string };

/** Column at which the texts of options begin. */
const column = 22;
/** Options that explain themselves, and have no text in the help. */
const plain: ReadonlyMap<string, string> = new Map([
  ['-help', 'print this help'],
  ['-help, -version', 'print this help, or the version'],
]);
const synopsis = /^(?:Usage: {1}| {7})(?<text>\S.*)$/u;

interface OpenItem {
  term: string;
  readonly lines: string[];
  readonly table: string[];
}

class UsageReader {
  readonly #parts: UsagePart[] = [];
  #paragraph: string[] = [];
  #item: OpenItem | undefined;

  read(text: string): readonly UsagePart[] {
    for (const line of text.split('\n')) this.#line(line);
    this.#close();
    return this.#parts;
  }

  #line(line: string): void {
    const isBeginning = this.#parts.every(({ kind }) => kind === 'synopsis');
    const found = isBeginning ? synopsis.exec(line)?.groups?.['text'] : undefined;
    if (found !== undefined) this.#parts.push({ kind: 'synopsis', text: found });
    else if (line === '') this.#close();
    else if (line.startsWith(' '.repeat(column))) this.#continue(line);
    else if (line.startsWith('  ')) this.#begin(line);
    else this.#say(line);
  }

  #say(line: string): void {
    if (this.#item !== undefined) this.#close();
    if (!line.endsWith(':') || this.#paragraph.length > 0) this.#paragraph.push(line);
    else this.#parts.push({ kind: 'heading', text: line.slice(0, -1) });
  }

  #begin(line: string): void {
    const hasText = line[column - 1] === ' ' && line.length > column;
    const term = (hasText ? line.slice(0, column) : line).trim();
    if (this.#item?.term.endsWith(',') === true) this.#item.term += ` ${term}`;
    else {
      this.#close();
      this.#item = { term, lines: [], table: [] };
    }
    if (hasText) this.#item?.lines.push(line.slice(column));
  }

  #continue(line: string): void {
    const rest = line.slice(column);
    if (rest.startsWith(' ')) this.#item?.table.push(rest);
    else this.#item?.lines.push(rest);
  }

  #close(): void {
    if (this.#paragraph.length > 0) {
      this.#parts.push({ kind: 'paragraph', text: this.#paragraph.join(' ') });
    }
    if (this.#item !== undefined) {
      const { term, lines, table } = this.#item;
      const text = lines.length === 0 ? (plain.get(term) ?? '') : lines.join(' ');
      this.#parts.push({ kind: 'item', term, text, table });
    }
    this.#paragraph = [];
    this.#item = undefined;
  }
}

/** @param text as `-help` prints it */
export function usageParts(text: string): readonly UsagePart[] {
  return new UsageReader().read(text);
}
