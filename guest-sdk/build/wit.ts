// SPDX-License-Identifier: Apache-2.0
// The contract in ../wit as one document, and the world of one handler in it.

import { readFile, readdir } from 'node:fs/promises';
import { join } from 'node:path';

import { packageRoot } from '../../host/package-root.ts';
import { BuildError } from './build-error.ts';
import type { Signature } from './signature.ts';

/** The name of every handler's world. It is no interface's name, and no part of the component. */
export const WORLD = 'handler';

export interface Contract {
  /** `seccompagent:handler@0.1.0` */
  readonly packageName: string;
  /** The names of the interfaces, sorted. */
  readonly interfaces: readonly string[];
  /** The interfaces' text, without their package lines. */
  readonly text: string;
}

const packageLine = /^package (.+);$/m;

export async function readContract(): Promise<Contract> {
  const directory = join(packageRoot(), 'guest-sdk/wit');
  const files = (await readdir(directory)).filter((file) => file.endsWith('.wit')).toSorted();
  const texts = await Promise.all(files.map((file) => readFile(join(directory, file), 'utf8')));
  const packages = new Set(texts.map((text) => packageLine.exec(text)?.[1] ?? 'none'));
  const [packageName, ...others] = packages;
  if (packageName === undefined || others.length > 0) {
    throw new BuildError(`the files of ${directory} name the packages ${[...packages].join(', ')}`);
  }
  return {
    packageName,
    interfaces: files.map((file) => file.slice(0, -'.wit'.length)),
    text: texts.map((text) => text.replace(packageLine, '').trim()).join('\n\n'),
  };
}

/** The name of an interface, as core modules import it: `seccompagent:handler/log@0.1.0`. */
export function interfaceModule(contract: Contract, name: string): string {
  const [packagePath, version] = contract.packageName.split('@');
  return `${packagePath}/${name}@${version}`;
}

export interface World {
  readonly exports: readonly Signature[];
  /** Names of the interfaces that the handler uses. */
  readonly imports: readonly string[];
}

/** The contract and, in it, this world: a document to embed into a core module. */
export function witDocument(contract: Contract, world: World): string {
  const answers = world.exports.filter((signature) => signature.name !== 'configure');
  return `package ${contract.packageName};

${contract.text}

world ${WORLD} {
  use types.{${usedTypes(answers).join(', ')}};
${world.imports.map((name) => `  import ${name};\n`).join('')}
  export configure: func(settings: list<tuple<string, string>>) -> result<_, string>;
${answers.map((signature) => `  export ${witFunction(signature)}\n`).join('')}}
`;
}

/** Names are escaped, since some are words of WIT: `%flags: u32`. */
function witFunction(signature: Signature): string {
  const parameters = signature.parameters.map(({ name, form }) => `%${name}: ${form.wit}`);
  return `%${signature.name}: func(${parameters.join(', ')}) -> action;`;
}

/** Types of WIT itself. */
const ownWords: ReadonlySet<string> = new Set(
  'bool u8 u16 u32 s32 u64 s64 string list option result tuple'.split(' '),
);

function usedTypes(answers: readonly Signature[]): readonly string[] {
  const written = answers.flatMap(({ parameters }) => parameters.map(({ form }) => form.wit));
  return ['action', ...declaredTypes(written)];
}

/** Types that are declared in the contract, of types that are written in WIT; each once, sorted. */
export function declaredTypes(written: readonly string[]): readonly string[] {
  const words = written.flatMap((text) => text.split(/[<>, ]+/u));
  return [...new Set(words)].filter((word) => word !== '' && !ownWords.has(word)).toSorted();
}
