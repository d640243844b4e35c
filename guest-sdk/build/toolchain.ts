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

/**
 * Runs a compiler to its end. It may take as long as it likes: it is the author's own.
 *
 * @param directory where it is run; ours, if there is none
 */
export async function runProgram(
  program: string,
  parameters: readonly string[],
  directory?: string,
): Promise<ProgramOutput> {
  const options = { maxBuffer: mostOutputBytes, cwd: directory };
  return new Promise((resolve) => {
    execFile(program, parameters, options, (error, stdout, stderr) => {
      const reason = error !== null && stderr === '' ? error.message : stderr;
      resolve({ hasSucceeded: error === null, stdout, stderr: reason });
    });
  });
}

/**
 * A source's path as a compiler's parameter. What begins with `-` would be an option, and with `@` a
 * file of options, also to the programs to which clang hands on the last part alone. Throws
 * BuildError.
 */
export function sourceParameter(path: string): string {
  if (!/^[-@]|\/[-@][^/]*$/u.test(path)) return path;
  throw new BuildError(`${path} is not compiled: a source's path cannot begin with "-" or "@"`);
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

export function isProgram(path: string): boolean {
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
