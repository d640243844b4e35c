// SPDX-License-Identifier: Apache-2.0
// The languages that handlers are written in: adding one is adding a row, and its compiler.

import { existsSync } from 'node:fs';
import { join } from 'node:path';

import { compileAssemblyScript } from './assemblyscript.ts';
import { BuildError } from './build-error.ts';
import { compileC } from './c.ts';
import type { CompiledHandler, HandlerSources } from './compiled-handler.ts';
import type { BindingContract } from './contract.ts';
import { type HandlerComponent, componentOf } from './handler-component.ts';
import type { EditorSetup } from './editor.ts';
import { assemblyScriptEditor, cEditor, rustEditor, typeScriptEditor } from './editor-setups.ts';
import { compileRust } from './rust.ts';
import { buildJavaScript } from './javascript.ts';
import type { ScaffoldAnswer } from './scaffold-answer.ts';
import { scaffoldAssemblyScript } from './scaffold-as.ts';
import { scaffoldC } from './scaffold-c.ts';
import { scaffoldRust } from './scaffold-rust.ts';
import { scaffoldTypeScript } from './scaffold-typescript.ts';
import { shortPath } from './short-path.ts';

export interface Language {
  /** As `-language` has it. */
  readonly name: string;
  readonly title: string;
  /** The file that makes a folder one of a handler in this language. */
  readonly sourceFile: string;
  /** Throws BuildError. */
  readonly build: (sources: HandlerSources) => Promise<HandlerComponent>;
  /** What an editor needs to know it. */
  readonly editor: EditorSetup;
  /** The source of a new handler. */
  readonly scaffold: (contract: BindingContract, answers: readonly ScaffoldAnswer[]) => string;
}

function byCore(
  sourceFile: string,
  compile: (sources: HandlerSources) => Promise<CompiledHandler>,
): Pick<Language, 'sourceFile' | 'build'> {
  return {
    sourceFile,
    build: async (sources) =>
      componentOf(await compile(sources), join(sources.displayDirectory, sourceFile)),
  };
}

function byQuickJs(
  sourceFile: string,
  isTyped: boolean,
): Pick<Language, 'sourceFile' | 'build' | 'editor' | 'scaffold'> {
  return {
    sourceFile,
    editor: typeScriptEditor,
    build: async (from) => buildJavaScript({ ...from, sourceFile, isTyped }),
    scaffold: scaffoldTypeScript,
  };
}

export const languages: readonly Language[] = [
  {
    name: 'as',
    title: 'AssemblyScript',
    ...byCore('handler.ts', compileAssemblyScript),
    editor: assemblyScriptEditor,
    scaffold: scaffoldAssemblyScript,
  },
  { name: 'typescript', title: 'TypeScript', ...byQuickJs('handler.mts', true) },
  {
    name: 'rust',
    title: 'Rust',
    ...byCore('handler.rs', compileRust),
    editor: rustEditor,
    scaffold: scaffoldRust,
  },
  {
    name: 'c',
    title: 'C',
    ...byCore('handler.c', compileC),
    editor: cEditor,
    scaffold: scaffoldC,
  },
];

/** By its name or its title, whatever the case; `ts` is TypeScript. */
export function languageNamed(text: string): Language | undefined {
  const name = text.toLowerCase() === 'ts' ? 'typescript' : text.toLowerCase();
  return languages.find((known) => [known.name, known.title.toLowerCase()].includes(name));
}

/** It needs no scaffold of its own. */
const javaScript: Language = {
  name: 'javascript',
  title: 'JavaScript',
  ...byQuickJs('handler.mjs', false),
};

/** All that handlers are built from. */
const sources: readonly Language[] = [...languages, javaScript];

/** The language of a handler's folder. Throws BuildError: there are several. */
export function findLanguage(directory: string): Language | undefined {
  const [first, second] = sources.filter(({ sourceFile }) =>
    existsSync(join(directory, sourceFile)),
  );
  if (first === undefined || second === undefined) return first;
  throw new BuildError(
    `${shortPath(directory)} has ${first.sourceFile} and ${second.sourceFile}: remove one`,
  );
}

/** Throws BuildError: there is none. */
export function requireLanguage(directory: string): Language {
  const found = findLanguage(directory);
  if (found !== undefined) return found;
  const files = sources.map(({ sourceFile }) => sourceFile).join(', ');
  throw new BuildError(`${shortPath(directory)} has none of ${files}`);
}
