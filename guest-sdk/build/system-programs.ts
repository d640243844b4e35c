// SPDX-License-Identifier: Apache-2.0
// Programs of the system that handlers are compiled with: where they are, whether they are new
// enough, and what to install if they are not.

import { type ExecFileException, execFile } from 'node:child_process';
import { accessSync, constants, readdirSync, statSync } from 'node:fs';
import { delimiter, isAbsolute, join } from 'node:path';

import { printable } from '../../host/bundles/oci/json.ts';
import { type Version, isBefore, versionIn } from '../../host/text/version.ts';
import { BuildError } from './build-error.ts';

/** Output of a program. */
export interface ProgramOutput {
  readonly hasSucceeded: boolean;
  readonly stdout: string;
  readonly stderr: string;
}

export const maxOutputBytes: number = 16 * 2 ** 20;
const usualLimitMs = 30_000;

/**
 * Asks a compiler what it has. It has nothing to read, and is killed if it does not end.
 *
 * @param directory where it is run
 */
export async function askProgram(
  program: string,
  parameters: readonly string[],
  directory: string,
  limitMs: number = usualLimitMs,
): Promise<ProgramOutput> {
  const options = {
    maxBuffer: maxOutputBytes,
    cwd: directory,
    timeout: limitMs,
    killSignal: 'SIGKILL',
  } as const;
  return new Promise((resolve) => {
    const child = execFile(program, parameters, options, (error, stdout, stderr) => {
      resolve({ hasSucceeded: error === null, stdout, stderr: stderr || reasonOf(error, limitMs) });
    });
    child.stdin?.end();
  });
}

function reasonOf(error: ExecFileException | null, limitMs: number): string {
  // one that prints too much is killed, too, and has a code
  const isLate = error?.killed === true && typeof error.code !== 'string';
  return isLate ? `it has not ended within ${limitMs / 1000} s` : (error?.message ?? '');
}

export interface WantedProgram {
  /** `clang`: `clang-19` will do, too, as Debian calls it. */
  readonly name: string;
  /** The oldest version that handlers can be built with. */
  readonly least: Version;
  /** How to get it, in words for the author. */
  readonly advice: string;
  /** The same where only older ones are found. */
  readonly newer: string;
}

export const clang: WantedProgram = {
  name: 'clang',
  // the oldest that has been tried; the attribute export_name is of 10
  least: [11],
  advice: 'on Debian, apt-get install clang lld',
  newer: `on Debian, apt-get install clang-N lld-N; apt-cache search '^clang-[0-9]+$' lists versions`,
};

export const wasmLd: WantedProgram = {
  name: 'wasm-ld',
  // older ones do not read the objects of clang 17 and newer ("Invalid symbol type")
  least: [13],
  advice: 'on Debian, apt-get install lld',
  newer: `on Debian, apt-get install lld-N; apt-cache search '^lld-[0-9]+$' lists versions`,
};

export function isProgram(path: string): boolean {
  try {
    accessSync(path, constants.X_OK);
    return statSync(path).isFile();
  } catch {
    return false;
  }
}

/** Without relative folders: a program is asked and run with different working directories. */
function searchPath(): readonly string[] {
  return (process.env['PATH'] ?? '').split(delimiter).filter((folder) => isAbsolute(folder));
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

/** Those whose version is a part of the name, the newest first. */
function versionedPrograms(name: string): readonly string[] {
  return searchPath()
    .flatMap((folder) =>
      filesIn(folder).flatMap((file) => {
        const version = file.startsWith(`${name}-`) ? file.slice(name.length + 1) : '';
        const isVersion = /^\d+(?:\.\d+)*$/u.test(version) && isProgram(join(folder, file));
        return isVersion
          ? [{ path: join(folder, file), version: version.split('.').map(Number) }]
          : [];
      }),
    )
    .toSorted((left, right) => {
      if (isBefore(left.version, right.version)) return 1;
      return isBefore(right.version, left.version) ? -1 : 0;
    })
    .map(({ path }) => path);
}

/** All that may be the program, the preferred one first. */
export function candidates({ name }: WantedProgram): readonly string[] {
  return [...programsNamed(name), ...versionedPrograms(name)];
}

/** Why this program will not do; undefined: it will. */
export async function faultOf(
  path: string,
  { least, advice, newer }: WantedProgram,
): Promise<string | undefined> {
  // rustup's rustc obeys a file of the working directory
  const { hasSucceeded, stdout, stderr } = await askProgram(path, ['--version'], '/');
  const version = versionIn(stdout);
  if (!hasSucceeded || version === undefined) {
    const said = hasSucceeded && stdout !== '' ? stdout : stderr;
    const [line = ''] = said.trim().split('\n', 1);
    return `${path} does not tell its version ("${printable(line)}"): ${advice}`;
  }
  if (!isBefore(version, least)) return undefined;
  const [found, needed] = [version.join('.'), least.join('.')];
  return `${path} is version ${found}, and ${needed} or newer is needed: ${newer}`;
}

/** The first that is new enough. Throws BuildError with the advice. */
export async function findProgram(wanted: WantedProgram): Promise<string> {
  const faults: string[] = [];
  for (const path of candidates(wanted)) {
    const fault = await faultOf(path, wanted);
    if (fault === undefined) return path;
    faults.push(fault);
  }
  throw new BuildError(faults[0] ?? `${wanted.name} is not in PATH: ${wanted.advice}`);
}
