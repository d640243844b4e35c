// SPDX-License-Identifier: Apache-2.0
// Compiles the C and assembly programs of the tests and benchmarks when they are first asked for.

import { spawnSync } from 'node:child_process';
import { createHash, randomUUID } from 'node:crypto';
import { existsSync, mkdirSync, readFileSync, readdirSync, renameSync, rmSync } from 'node:fs';
import { extname, join } from 'node:path';

const projectFolder = join(import.meta.dirname, '..', '..');
const sourceFolders = ['test/support', 'test/bench'] as const;
const outputFolder = join(projectFolder, 'build', 'test-programs');
const compiler = process.env['CC'] ?? 'gcc';
const warnings = ['-O2', '-Wall', '-Wextra', '-Werror'] as const;

type Step = readonly [command: string, ...args: string[]];

/**
 * The path of a program, built from `test/support/NAME.c`, `test/support/NAME.s` (32-bit x86
 * without a libc) or `test/bench/NAME.c`. Of `NAME.so` the source is `NAME.c`, too, and of
 * `NAME.static`, which runs where no libraries are.
 *
 * The result lies in a folder named after a hash of the source and the way it is built, so a
 * changed source is built anew, and processes that build the same thing at once agree.
 *
 * @example spawnSync(compiled('trap'), ['--', 'getpid'])
 */
export function compiled(name: string): string {
  const source = findSource(name);
  const hash = createHash('sha256')
    .update(readFileSync(source))
    .update(headers())
    .update(JSON.stringify(steps(source, name, name)))
    .digest('hex')
    .slice(0, 16);
  const folder = join(outputFolder, hash);
  const program = join(folder, name);
  if (existsSync(program)) return program;

  mkdirSync(folder, { recursive: true });
  const unfinished = `${program}.${randomUUID()}`;
  try {
    for (const step of steps(source, name, unfinished)) run(step, source);
    renameSync(unfinished, program);
  } finally {
    rmSync(unfinished, { force: true });
    rmSync(objectFile(unfinished), { force: true });
  }
  return program;
}

/** Whichever of them a program includes. */
function headers(): Buffer {
  const files = sourceFolders.flatMap((folder) => {
    const path = join(projectFolder, folder);
    return readdirSync(path)
      .filter((name) => name.endsWith('.h'))
      .toSorted()
      .map((name) => readFileSync(join(path, name)));
  });
  return Buffer.concat(files);
}

function findSource(name: string): string {
  const candidates = sourceFolders.flatMap((folder) =>
    ['c', 's'].map((ending) =>
      join(projectFolder, folder, `${name.replace(/\.(?:so|static)$/u, '')}.${ending}`),
    ),
  );
  const source = candidates.find((candidate) => existsSync(candidate));
  if (source === undefined) {
    throw new Error(`cannot compile ${name}: there is none of ${candidates.join(', ')}`);
  }
  return source;
}

/** The sources in C, which {@link fault} tells of. */
export function programSources(): readonly string[] {
  return sourceFolders.flatMap((folder) =>
    readdirSync(join(projectFolder, folder))
      .filter((name) => name.endsWith('.c'))
      .map((name) => join(folder, name)),
  );
}

/** What the compiler has to say of a source; '' is nothing. */
export function fault(source: string): string {
  const path = join(projectFolder, source);
  const { error, stderr } = spawnSync(compiler, [...warnings, '-fsyntax-only', path], {
    encoding: 'utf8',
  });
  return error?.message ?? stderr;
}

function objectFile(output: string): string {
  return `${output}.o`;
}

function steps(source: string, name: string, output: string): readonly Step[] {
  if (source.endsWith('.s')) {
    const object = objectFile(output);
    return [
      ['as', '--32', '--fatal-warnings', '-o', object, source],
      ['ld', '-m', 'elf_i386', '-o', output, object],
    ];
  }
  const kinds: Readonly<Record<string, readonly string[]>> = {
    '.so': ['-shared', '-fPIC'],
    '.static': ['-static', '-pthread'],
  };
  const kind = kinds[extname(name)] ?? ['-pthread'];
  return [[compiler, ...warnings, ...kind, '-o', output, source]];
}

function run([command, ...args]: Step, source: string): void {
  const { error, status, signal, stdout, stderr } = spawnSync(command, args, { encoding: 'utf8' });
  if (status === 0) return;
  const reason = error?.message ?? `${command} ended with ${signal ?? `status ${status}`}`;
  throw new Error(`cannot compile ${source}: ${reason}\n${stdout ?? ''}${stderr ?? ''}`.trimEnd());
}
