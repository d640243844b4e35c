// SPDX-License-Identifier: Apache-2.0
// Searches the sources of a handler line by line; a comment may say why what is found is right.

import { readdirSync } from 'node:fs';
import { extname, join } from 'node:path';

import { readOwnFile } from './own-files.ts';

const comment = /^\s*(?:\/\/|\/?\*)/u;
/** A comment that says why the handler relies on nothing that another thread may change. */
const excuse = /(?:\/\/|\*).*\bsound:\s*\S/u;

/** In the line itself, or in the comment above it. */
function isExcused(lines: readonly string[], index: number): boolean {
  if (excuse.test(lines[index] ?? '')) return true;
  for (let above = index - 1; comment.test(lines[above] ?? ''); above -= 1) {
    if (excuse.test(lines[above] ?? '')) return true;
  }
  return false;
}

/** Whether a line, without its comment, is one that is searched for. */
export type Wanted = (line: string) => boolean;

/** Numbers of lines, from 1. */
function linesIn(text: string, isWanted: Wanted): readonly number[] {
  const lines = text.split('\n');
  return lines.flatMap((line, index) => {
    const isFound = !comment.test(line) && isWanted(line.replace(/\/\/.*$/u, ''));
    return isFound && !isExcused(lines, index) ? [index + 1] : [];
  });
}

export interface HandlerSources {
  /** Without links in its path. */
  readonly directory: string;
  /** As messages name it. */
  readonly displayDirectory: string;
  /** The file that makes it a handler's: `handler.ts`. */
  readonly sourceFile: string;
}

/**
 * Places in the sources of a handler's folder that no comment excuses: `handler.ts:7`.
 * @param searched what is wanted in a file, of its text
 */
export function placesIn(
  { directory, displayDirectory, sourceFile }: HandlerSources,
  searched: (text: string) => Wanted,
): readonly string[] {
  const extension = extname(sourceFile);
  return readdirSync(directory)
    .filter((name) => extname(name) === extension && !/\.test\.\w+$/u.test(name))
    .toSorted()
    .flatMap((name) => {
      const text = readOwnFile(join(directory, name), [directory]).toString();
      const lines = linesIn(text, searched(text));
      return lines.map((line) => `${join(displayDirectory, name)}:${line}`);
    });
}
