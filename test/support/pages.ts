// SPDX-License-Identifier: Apache-2.0
// Pages of the documentation: code blocks, tables, words and links. Tests hold them against what there is.
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';

import { projectRoot } from './command.ts';

const folders = ['deploy', 'guest-sdk', 'handlers-wasm'];

/** All pages that readers get, by their paths in the project. */
export function pagePaths(): readonly string[] {
  const beside = readdirSync(projectRoot).filter((name) => name.endsWith('.md'));
  const below = folders.flatMap((folder) =>
    readdirSync(join(projectRoot, folder), { recursive: true, encoding: 'utf8' })
      .filter((path) => path.endsWith('.md') && !/(?:^|\/)(?:node_modules|dist)\//u.test(path))
      .map((path) => join(folder, path)),
  );
  return [...beside, ...below].toSorted();
}

export interface Link {
  /** Relative to the page; empty: the page itself. */
  readonly path: string;
  /** Empty: the beginning. */
  readonly anchor: string;
}

/** Anchor that GitHub makes of a heading. */
function slug(heading: string): string {
  return heading
    .toLowerCase()
    .replaceAll(/\[([^\]]*)\]\([^)]*\)/gu, '$1')
    .replaceAll(/[^\p{L}\p{N}\s_-]/gu, '')
    .trim()
    .replaceAll(/\s/gu, '-');
}

/** Code blocks of a language, in their order. */
export function blocksIn(text: string, language: string): readonly string[] {
  const fence = new RegExp(`^ *\`\`\`${language}\n(?<code>.*?)^ *\`\`\`$`, 'gmsu');
  return [...text.matchAll(fence)].map(({ groups }) => groups?.['code'] ?? '');
}

export class Page {
  readonly path: string;
  readonly text: string;

  /** @param path in the project */
  constructor(path: string) {
    this.path = path;
    this.text = readFileSync(join(projectRoot, path), 'utf8');
  }

  /** Code blocks of a language, in their order. */
  blocks(language: string): readonly string[] {
    return blocksIn(this.text, language);
  }

  /** The first code block of a language that has a text in it. */
  blockWith(language: string, text: string): string {
    const found = this.blocks(language).find((block) => block.includes(text));
    if (found !== undefined) return found;
    throw new Error(`${this.path} has no ${language} block with ${text}`);
  }

  /** The text without code blocks. */
  get prose(): string {
    return this.text.replaceAll(/^ *```.*?^ *```$/gmsu, '');
  }

  /** Texts between backquotes. */
  get words(): readonly string[] {
    return wordsIn(this.prose);
  }

  /** The words in the first column of tables. */
  get listed(): readonly string[] {
    return this.prose
      .split('\n')
      .filter((line) => line.startsWith('| `'))
      .flatMap((line) => wordsIn(line.split(/(?<!\\)\|/u)[1] ?? ''));
  }

  /** Text below a heading, up to the next one of its level or above. */
  section(heading: string): string {
    const lines = this.text.split('\n');
    const start = lines.findIndex((line) => /^#+ /u.test(line) && line.endsWith(`# ${heading}`));
    if (start < 0) throw new Error(`${this.path} has no section "${heading}"`);
    const level = (lines[start] ?? '').indexOf(' ');
    const rest = lines.slice(start + 1);
    const end = rest.findIndex((line) => new RegExp(`^#{1,${level}} `, 'u').test(line));
    return rest.slice(0, end < 0 ? rest.length : end).join('\n');
  }

  get anchors(): ReadonlySet<string> {
    const anchors = new Set<string>();
    for (const [, heading = ''] of this.prose.matchAll(/^#+ (.*)$/gmu)) {
      const base = slug(heading);
      let anchor = base;
      for (let count = 1; anchors.has(anchor); count += 1) anchor = `${base}-${count}`;
      anchors.add(anchor);
    }
    return anchors;
  }

  /** Those that do not leave the project. */
  get links(): readonly Link[] {
    return [...this.prose.matchAll(/\]\((?<target>[^)\s]+)\)/gu)].flatMap(({ groups }) => {
      const target = groups?.['target'] ?? '';
      if (/^[a-z]+:/u.test(target)) return [];
      const [path = '', anchor = ''] = target.split('#');
      return [{ path, anchor }];
    });
  }
}

/** Texts between backquotes. */
function wordsIn(text: string): readonly string[] {
  return [...text.matchAll(/`(?<word>[^`]+)`/gu)].map(({ groups }) => groups?.['word'] ?? '');
}
