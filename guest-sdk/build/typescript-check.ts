// SPDX-License-Identifier: Apache-2.0
// Type-checks a handler in TypeScript with the compiler's own program: a bundler only removes types.

import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { dirname, join, relative, resolve } from 'node:path';

import { BuildError } from './build-error.ts';
import { exportPlace } from './export-place.ts';
import { linesOf } from './compiled-handler.ts';
import { optionalFolder } from './optional-package.ts';
import { shortPath } from './short-path.ts';
import { signatures } from './signature.ts';
import { runCompiler } from './toolchain.ts';

export interface TypedSources {
  /** The handler's file. */
  readonly file: string;
  /** Its folder, as messages shall name it. */
  readonly displayDirectory: string;
  /** All of the author's files that may be read. */
  readonly root: string;
  /** The folder of the SDK for TypeScript. */
  readonly sdk: string;
}

const compilerPackage = 'typescript';
/** Since when it knows all options of the SDK's tsconfig.json. */
const oldestVersion = [5, 7] as const;
/** The system's may lie anywhere, and Node does not start where it cannot be read. */
const nodeOptions = ['--openssl-config=/dev/null'];
const checkFile = 'check.ts';

/** One line for each function that a handler may export: what it has of that name, it may have. */
function checkText(file: string): string {
  const lines = [...signatures().keys()].map(
    (name) => `null! as Exported<'${name}'> satisfies Handler['${name}'];`,
  );
  const source = JSON.stringify(file);
  return `${lines.join('\n')}
import type { Handler } from '@seccompagent/guest-sdk/typescript';
import type * as handler from ${source};
type Exported<Name extends string> =
  typeof handler extends { readonly [name in Name]: infer Own } ? Own : undefined;
`;
}

/** What an author's tsconfig.json may say besides is the editor's: a component is the same everywhere. */
function configText(sdk: string): string {
  return JSON.stringify({
    extends: join(sdk, 'tsconfig.json'),
    compilerOptions: {
      // declarations of packages are their authors'
      skipLibCheck: true,
    },
    include: [],
    files: [checkFile],
  });
}

interface Compiler {
  /** A program for Node. */
  readonly program: string;
  /** Folders that it consists of. */
  readonly folders: readonly string[];
}

/** Throws BuildError. */
async function findCompiler(): Promise<Compiler> {
  const folder = optionalFolder(compilerPackage);
  const manifest: unknown = JSON.parse(await readFile(join(folder, 'package.json'), 'utf8'));
  const version =
    typeof manifest === 'object' && manifest !== null && 'version' in manifest
      ? String(manifest.version)
      : '';
  const [major = 0, minor = 0] = version.split('.').map(Number);
  const [oldestMajor, oldestMinor] = oldestVersion;
  if (major < oldestMajor || (major === oldestMajor && minor < oldestMinor)) {
    throw new BuildError(
      `building needs TypeScript ${oldestVersion.join('.')} or newer, and ${folder} is ${version}: ` +
        `run "npm install ${compilerPackage}" in the same folder as seccompagent`,
    );
  }
  const program = join(folder, 'bin/tsc');
  if (major < 7) return { program, folders: [folder] };
  const native = `@typescript/typescript-${process.platform}-${process.arch}`;
  return { program, folders: [folder, optionalFolder(native, folder)] };
}

const placed = /^(?<path>[^\s(].*?)\((?<line>\d+),(?<column>\d+)\): (?<text>.*)$/u;
/** Of what is declared, or imported, and not used. */
const unused = /(?<=: )error(?= TS(?:6133|6192|6196|6198|6199): )/u;

/** As other compilers write it: `handler.mts:3:10: error TS2551: …`. */
async function describeLine(
  line: string,
  { file, displayDirectory }: TypedSources,
  scratch: string,
): Promise<string> {
  const { groups } = placed.exec(line) ?? {};
  if (groups === undefined) return line;
  const { path = '', line: row = '', column = '', text = '' } = groups;
  const named = resolve(path);
  const isCheck = named === join(scratch, checkFile);
  const name = [...signatures().keys()][Number(row) - 1] ?? '';
  const place = isCheck
    ? await exportPlace(await readFile(file, 'utf8'), name)
    : `${row}:${column}`;
  const inFolder = relative(dirname(file), isCheck ? file : named);
  const shown = inFolder.startsWith('..') ? shortPath(named) : join(displayDirectory, inFolder);
  return `${shown}:${place}: ${text}`;
}

/** Lines that go on are indented. */
function messagesOf(output: string): readonly string[] {
  return linesOf(output.replaceAll(/\n(?= )/gu, '\0')).map((line) => line.replaceAll('\0', '\n'));
}

async function describe(
  output: string,
  sources: TypedSources,
  scratch: string,
): Promise<readonly string[]> {
  return Promise.all(
    messagesOf(output).map(async (message) => {
      const [first = '', ...more] = message.split('\n');
      return [await describeLine(first, sources, scratch), ...more].join('\n');
    }),
  );
}

/** @returns warnings. Throws BuildError with the compiler's messages. */
export async function checkTypes(sources: TypedSources): Promise<readonly string[]> {
  const { program, folders } = await findCompiler();
  const scratch = await mkdtemp(join(tmpdir(), 'handler-types-'));
  try {
    await writeFile(join(scratch, 'tsconfig.json'), configText(sources.sdk));
    await writeFile(join(scratch, checkFile), checkText(sources.file));
    const parameters = [...nodeOptions, program, '--project', scratch, '--pretty', 'false'];
    const { hasSucceeded, stdout, stderr } = await runCompiler(process.execPath, parameters, {
      root: sources.root,
      scratch,
      others: [...folders, sources.sdk],
    });
    if (hasSucceeded) return [];
    const messages = await describe(stdout.trim() === '' ? stderr : stdout, sources, scratch);
    const errors = messages.filter((message) => !unused.test(message));
    if (errors.length > 0) throw new BuildError(errors.join('\n'));
    return messages.map((message) => message.replace(unused, 'warning'));
  } finally {
    await rm(scratch, { recursive: true });
  }
}
