// SPDX-License-Identifier: Apache-2.0
// Runs compilers and linkers of the system, with hardly any file but those to be compiled.

import { existsSync, realpathSync } from 'node:fs';
import { dirname, join } from 'node:path';

import { systemCodeOf } from '../../host/errors.ts';
import { runProgram } from '../../host/program.ts';
import type { Program, ProgramEnd } from '../../host/program.ts';
import { BuildError } from './build-error.ts';
import { type ProgramOutput, maxOutputBytes, programsNamed, wasmLd } from './system-programs.ts';

/** Folders of the system that compilers consist of, or compile with. */
const systemFiles = [
  '/bin',
  '/etc/alternatives',
  '/etc/ld.so.cache',
  '/gnu/store',
  '/lib',
  '/lib64',
  '/nix/store',
  '/usr/bin',
  '/usr/include',
  '/usr/lib',
  '/usr/lib64',
  '/usr/libexec',
  '/usr/local/bin',
  '/usr/local/lib',
  '/usr/share',
];

/** Where a program is, and what came with it. */
function foldersOf(program: string): readonly string[] {
  const folder = dirname(realpathSync(program));
  return [folder, ...['../lib', '../lib64', '../libexec'].map((name) => join(folder, name))];
}

export interface Compilation {
  /** All of the author's files that may be read. */
  readonly root: string;
  /** Gets what is compiled. */
  readonly scratch: string;
  /** Programs that the compiler starts, and files that ours compile with. */
  readonly others: readonly string[];
}

const longestMs = 2 ** 32 - 1;

/**
 * Runs a compiler to its end. It may take as long as it likes: it is the author's own. What it is to
 * compile may name any file and any variable of the environment, so it has hardly any.
 */
export async function runCompiler(
  program: string,
  parameters: readonly string[],
  { root, scratch, others }: Compilation,
): Promise<ProgramOutput> {
  const { PATH, HOME } = process.env;
  const readable = [
    ...systemFiles,
    ...[program, ...programsNamed(wasmLd.name)].flatMap(foldersOf),
    ...others,
  ]
    .filter((path) => existsSync(path))
    .map((path) => realpathSync(path));
  const compiler: Program = {
    command: [program, ...parameters],
    environment: { PATH, HOME, TMPDIR: scratch },
    folder: process.cwd(),
    limitMs: longestMs,
    maxOutputBytes,
  };
  const files = {
    readable: [root, ...readable],
    writable: ['/dev/null', realpathSync(scratch)],
  };
  try {
    return outputOf(await runProgram({ ...compiler, files }));
  } catch (thrown) {
    const why = whyUnrestricted(thrown);
    if (why === undefined) throw thrown;
    const output = outputOf(await runProgram(compiler));
    const warning = `a source may make any file of yours a part of its component: ${why}`;
    return { ...output, stderr: `${output.stderr}\n${warning}\n` };
  }
}

function outputOf({ code, why, stdout, stderr }: ProgramEnd): ProgramOutput {
  return { hasSucceeded: code === 0, stdout, stderr: why === '' ? stderr : `${stderr}${why}` };
}

/** @returns undefined: something else is wrong */
function whyUnrestricted(thrown: unknown): string | undefined {
  const code = systemCodeOf(thrown);
  if (code === 'AGENT_ADDON_MISSING') return 'the native addon is missing';
  return code === 'EOPNOTSUPP' ? 'this kernel has no Landlock' : undefined;
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
