// SPDX-License-Identifier: Apache-2.0
// Compiles the tests in C++ together with the sources of the addon that they test, under the
// address and undefined-behaviour sanitizers.
import { execFile, execFileSync } from 'node:child_process';
import { createHash, randomUUID } from 'node:crypto';
import type { Hash } from 'node:crypto';
import { existsSync, mkdirSync, readFileSync, readdirSync, renameSync, rmSync } from 'node:fs';
import { availableParallelism } from 'node:os';
import { basename, dirname, join, relative } from 'node:path';
import { promisify } from 'node:util';

import { runCommand } from './command.ts';
import { patient } from './patience.ts';

const root = join(import.meta.dirname, '../..');
const nativeFolder = join(root, 'native');
const testFolder = join(root, 'test/native');
const outputFolder = join(root, 'build/native-tests');

const compiler = (): string => process.env['CXX'] ?? 'g++';

/**
 * The warnings and the language are those of binding.gyp. Of debug information, reports of the
 * sanitizers need lines alone: all of it makes each program ten times as large.
 */
const flags = [
  '-std=c++23 -fno-exceptions -fno-rtti -O1 -g1 -fvisibility=hidden -pthread',
  '-Wall -Wextra -Wconversion -Wshadow -Werror',
  '-fsanitize=address,undefined -fno-sanitize-recover=undefined -fno-omit-frame-pointer',
].flatMap((line) => line.split(' '));

/** Some of many rounds use a processor for ten seconds. */
export const caseMs: number = patient(90_000);

export interface NativeCase {
  readonly title: string;
  readonly program: string;
}

/** Of all sources but those that have a program of their own, or need Node. */
function nativeSources(): readonly string[] {
  return nativeFolders()
    .filter((folder) => folder !== 'addon')
    .flatMap((folder) =>
      namesIn(join(nativeFolder, folder), '.cc').map((name) => `${folder}/${name}`),
    )
    .filter((source) => source !== 'helper/main.cc');
}

function nativeFolders(): readonly string[] {
  return readdirSync(nativeFolder, { withFileTypes: true })
    .filter((entry) => entry.isDirectory())
    .map(({ name }) => name)
    .toSorted();
}

function namesIn(folder: string, ending: string): readonly string[] {
  return readdirSync(folder)
    .filter((name) => name.endsWith(ending))
    .toSorted();
}

/** Of what all objects have in common: a changed header builds them all anew. */
function hashOfHeaders(): string {
  const hash = createHash('sha256').update([compiler(), ...flags].join(' '));
  const folders = [...nativeFolders().map((name) => join(nativeFolder, name)), testFolder];
  for (const folder of folders) {
    for (const name of namesIn(folder, '.h')) {
      hash.update(name).update(readFileSync(join(folder, name)));
    }
  }
  return hash.digest('hex');
}

function shortened(hash: Hash): string {
  return hash.digest('hex').slice(0, 16);
}

/** Where the object of a source is, by all that it is made of. */
function objectOf(source: string, headers: string): string {
  const hash = createHash('sha256').update(headers).update(readFileSync(source));
  return join(outputFolder, `${basename(source, '.cc')}-${shortened(hash)}.o`);
}

/** Runs a tool; its result appears at once and whole. */
async function make(file: string, command: string, args: readonly string[]): Promise<void> {
  if (existsSync(file)) return;
  const unfinished = `${file}.${randomUUID()}`;
  await promisify(execFile)(
    command,
    args.map((word) => (word === result ? unfinished : word)),
  );
  renameSync(unfinished, file);
}

/** Removes objects and programs of earlier sources, so that the folder does not grow. */
function keepOnly(files: readonly string[]): void {
  const kept = new Set(files.map((file) => relative(outputFolder, file).split('/')[0]));
  for (const name of readdirSync(outputFolder)) {
    if (!kept.has(name)) rmSync(join(outputFolder, name), { recursive: true, force: true });
  }
}

/** Stands for the name of the result among the arguments of `make`. */
const result = '<result>';

/** Runs work for each item, as many at a time as there are cores. */
async function forEach<Item>(
  items: readonly Item[],
  work: (item: Item) => Promise<void>,
): Promise<void> {
  const waiting = [...items];
  const take = async (): Promise<void> => {
    for (let item = waiting.pop(); item !== undefined; item = waiting.pop()) {
      await work(item);
    }
  };
  await Promise.all(Array.from({ length: availableParallelism() }, take));
}

async function compileAll(sources: readonly string[], headers: string): Promise<readonly string[]> {
  const objects = new Map(sources.map((source) => [objectOf(source, headers), source]));
  const includes = [`-I${nativeFolder}`, `-I${testFolder}`];
  await forEach([...objects], async ([object, source]) =>
    make(object, compiler(), [...flags, ...includes, '-c', source, '-o', result]),
  );
  return [...objects.keys()];
}

interface Library {
  readonly file: string;
  readonly objects: readonly string[];
}

/** All of the addon that needs no Node: each test is linked with the objects that it uses. */
async function nativeLibrary(headers: string): Promise<Library> {
  const sources = nativeSources().map((source) => join(nativeFolder, source));
  const objects = await compileAll(sources, headers);
  const hash = shortened(createHash('sha256').update(objects.join('\n')));
  const file = join(outputFolder, `native-${hash}.a`);
  // thin: the objects stay where they are
  await make(file, 'ar', ['rcsT', result, ...objects]);
  return { file, objects };
}

function allTests(): readonly string[] {
  return namesIn(testFolder, '.cc').map((name) => basename(name, '.cc'));
}

/** Compiles tests in C++, all or those of these names, unless that was done for these very sources. */
export async function nativePrograms(tests?: readonly string[]): Promise<readonly string[]> {
  mkdirSync(outputFolder, { recursive: true });
  const names = tests ?? allTests();
  const headers = hashOfHeaders();
  const library = await nativeLibrary(headers);
  const objects = await compileAll(
    names.map((name) => join(testFolder, `${name}.cc`)),
    headers,
  );
  const programs = objects.map((object, index) => {
    const hash = shortened(createHash('sha256').update(`${object}\n${library.file}`));
    return { object, file: join(outputFolder, hash, names[index] ?? '') };
  });
  for (const { file } of programs) mkdirSync(dirname(file), { recursive: true });
  await forEach(programs, async ({ object, file }) =>
    make(file, compiler(), [...flags, object, library.file, '-o', result]),
  );
  const files = programs.map(({ file }) => file);
  if (tests === undefined) keepOnly([...library.objects, library.file, ...objects, ...files]);
  return files;
}

/** Compiles them, and lists their cases. */
export async function nativeCases(tests?: readonly string[]): Promise<readonly NativeCase[]> {
  const programs = await nativePrograms(tests);
  return programs.flatMap((program) => {
    const titles = execFileSync(program, { encoding: 'utf8' }).trim().split('\n');
    return titles.map((title) => ({ title, program }));
  });
}

/** Runs one case in a process of its own. @returns what it complained of; empty when it passed */
export async function runNativeCase({ title, program }: NativeCase): Promise<string> {
  const { code, signal, stdout, stderr } = await runCommand([program, title], {
    environment: { LD_PRELOAD: '' },
    deadlineMs: caseMs,
  });
  const output = `${stdout}${stderr}`.trim();
  if (code === 0) return output;
  return `${output}\nended with ${signal ?? `status ${code}`}`.trim();
}
