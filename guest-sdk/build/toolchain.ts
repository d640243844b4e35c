// SPDX-License-Identifier: Apache-2.0
// Compilers and linkers of the system: where they are, and which package brings those that are not.

import { execFile } from 'node:child_process';
import { accessSync, constants, readdirSync, statSync } from 'node:fs';
import { delimiter, join } from 'node:path';

import { BuildError } from './build-error.ts';

/** What a program said. */
export interface ProgramOutput {
  readonly hasSucceeded: boolean;
  readonly stdout: string;
  readonly stderr: string;
}

const mostOutputBytes = 16 * 2 ** 20;

/** Runs a compiler to its end. It may take as long as it likes: it is the author's own. */
export async function runProgram(
  program: string,
  parameters: readonly string[],
): Promise<ProgramOutput> {
  return new Promise((resolve) => {
    execFile(program, parameters, { maxBuffer: mostOutputBytes }, (error, stdout, stderr) => {
      const reason = error !== null && stderr === '' ? error.message : stderr;
      resolve({ hasSucceeded: error === null, stdout, stderr: reason });
    });
  });
}

export interface WantedProgram {
  /** `clang`: also `clang-19` will do, as Debian calls it. */
  readonly name: string;
  /** What brings it, in words for the author. */
  readonly advice: string;
}

function searchPath(): readonly string[] {
  return (process.env['PATH'] ?? '').split(delimiter).filter((folder) => folder !== '');
}

function isProgram(path: string): boolean {
  try {
    accessSync(path, constants.X_OK);
    return statSync(path).isFile();
  } catch {
    return false;
  }
}

/** All programs of this very name, in the order of PATH. */
export function programsNamed(name: string): readonly string[] {
  return searchPath()
    .map((folder) => join(folder, name))
    .filter((path) => isProgram(path));
}

function filesIn(folder: string): readonly string[] {
  try {
    return readdirSync(folder);
  } catch {
    return [];
  }
}

/** The newest of those whose version is a part of the name. */
function newestVersioned(name: string): string | undefined {
  const found = searchPath().flatMap((folder) =>
    filesIn(folder).flatMap((file) => {
      const version = file.startsWith(`${name}-`) ? file.slice(name.length + 1) : '';
      const isVersion = /^\d+$/u.test(version) && isProgram(join(folder, file));
      return isVersion ? [{ path: join(folder, file), version: Number(version) }] : [];
    }),
  );
  return found.toSorted((left, right) => right.version - left.version)[0]?.path;
}

/** Throws BuildError with the advice. */
export function findProgram({ name, advice }: WantedProgram): string {
  const found = programsNamed(name)[0] ?? newestVersioned(name);
  if (found !== undefined) return found;
  throw new BuildError(`${name} is not in PATH: ${advice}`);
}

export const linker: WantedProgram = {
  name: 'wasm-ld',
  advice: 'on Debian, apt-get install lld',
};
