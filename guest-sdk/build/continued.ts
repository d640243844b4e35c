// SPDX-License-Identifier: Apache-2.0
// Answers in sources of handlers that let a call continue whose pointers they were given: another
// thread may change what these say before the kernel reads it again.

import { readdirSync } from 'node:fs';
import { extname, join } from 'node:path';

import type { BundleHandler } from '../../host/bundles/bundle.ts';
import { racedAnswers } from '../../host/bundles/advisory-calls.ts';
import { canPerform } from '../../host/syscalls/family-table.ts';
import { readOwnFile } from './own-files.ts';

/** By the extension of a language's sources; what is written in another way is not found. */
const continueIn: Readonly<Record<string, RegExp>> = {
  '.ts': /\bAction\s*\.\s*continue\s*\(/u,
  '.mts': /\bproceed\s*\(\s*\)|\btag\s*:\s*(['"])continue\1/u,
  '.mjs': /\bproceed\s*\(\s*\)|\btag\s*:\s*(['"])continue\1/u,
  '.c': /\bsca_continue\s*\(|\bSCA_(?:ACTION|ANSWER)_KIND_CONTINUE\b/u,
  '.rs': /\b(?:Action|Answer)::Continue\b/u,
};

const comment = /^\s*(?:\/\/|\/?\*)/u;
/** A comment that says why the answer rejects nothing by what a pointer says. */
const excuse = /(?:\/\/|\*).*\bsound:\s*\S/u;

/** In the line itself, or in the comment above it. */
function isExcused(lines: readonly string[], index: number): boolean {
  if (excuse.test(lines[index] ?? '')) return true;
  for (let above = index - 1; comment.test(lines[above] ?? ''); above -= 1) {
    if (excuse.test(lines[above] ?? '')) return true;
  }
  return false;
}

/** Numbers of lines, from 1. */
function continuesIn(text: string, pattern: RegExp): readonly number[] {
  const lines = text.split('\n');
  return lines.flatMap((line, index) => {
    const isFound = !comment.test(line) && pattern.test(line.replace(/\/\/.*$/u, ''));
    return isFound && !isExcused(lines, index) ? [index + 1] : [];
  });
}

/**
 * Places in the sources of a handler's folder that no comment excuses: `handler.ts:7`.
 * @param directory without links in its path
 * @param displayDirectory as messages name it
 * @param sourceFile the file that makes it a handler's: `handler.ts`
 */
export function continuedPlaces(
  directory: string,
  displayDirectory: string,
  sourceFile: string,
): readonly string[] {
  const extension = extname(sourceFile);
  const pattern = continueIn[extension];
  if (pattern === undefined) return [];
  return readdirSync(directory)
    .filter((name) => extname(name) === extension && !/\.test\.\w+$/u.test(name))
    .toSorted()
    .flatMap((name) => {
      const text = readOwnFile(join(directory, name), [directory]).toString();
      return continuesIn(text, pattern).map((line) => `${join(displayDirectory, name)}:${line}`);
    });
}

/**
 * A warning for each place, unless bundle.json calls all answers advice that may be raced.
 * @param handlers those of the component
 */
export function continueWarnings(
  handlers: readonly Pick<BundleHandler, 'component' | 'syscalls' | 'advisory'>[],
  places: readonly string[],
): readonly string[] {
  const raced = new Set(
    handlers.flatMap(({ component, syscalls, advisory = [] }) =>
      racedAnswers(component, syscalls).filter((family) => !advisory.includes(family)),
    ),
  );
  if (raced.size === 0) return [];
  const families = [...raced];
  const instead = families.some((family) => canPerform(family)) ? 'answer perform, or ' : '';
  return places.map(
    (place) =>
      `${place}: warning: continue lets the kernel read again what this handler of ${families.join(', ')} has looked at, and another thread may have changed it: ${instead}list the calls in "advisory" of bundle.json, or say in a comment why nothing is rejected by it ("// sound: ...")`,
  );
}
