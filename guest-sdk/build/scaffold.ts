// SPDX-License-Identifier: Apache-2.0
// Writes a new bundle with one handler, which builds and passes its test as it is.

import { constants } from 'node:fs';
import { mkdir, readdir, writeFile } from 'node:fs/promises';
import { join, resolve } from 'node:path';

import { guessAt } from '../../host/text/did-you-mean.ts';
import { systemCodeOf } from '../../host/errors.ts';
import { families, familyMembers, syscallTable } from '../../host/syscalls/syscall-table.ts';
import { syscallNumbers } from '../../host/syscalls/syscall-numbers.ts';
import { OpenFolder } from '../../host/files/open-folder.ts';
import { askable } from '../../host/bundles/askable-calls.ts';
import { BuildError } from './build-error.ts';
import { folderName } from './bundle.ts';
import { linkForEditors, linksFolder } from './editor.ts';
import { type Answer, readBindingContract } from './contract.ts';
import { languageNamed, languages } from './language.ts';
import { type ScaffoldAnswer, isLookedUp } from './scaffold-answer.ts';
import { scaffoldCases } from './scaffold-cases.ts';
import { shortPath } from './short-path.ts';

export interface Scaffold {
  /** Of the bundle and its folder. */
  readonly name: string;
  /** The folder that gets the bundle's. */
  readonly parent: string;
  /** As `-language` has it. */
  readonly language: string;
  /** Names of system calls or families. */
  readonly syscalls: readonly string[];
}

/** Writes the files. @returns the folder. Throws BuildError: nothing was written then. */
export async function writeScaffold(scaffold: Scaffold): Promise<string> {
  const { name, parent, syscalls } = scaffold;
  if (!folderName.test(name)) {
    throw new BuildError(
      `"${name}" is not a valid bundle name: use lower-case letters and digits, in words joined by "-"`,
    );
  }
  const language = languageNamed(scaffold.language);
  if (language === undefined) {
    const known = languages.map(({ name: own, title }) => `${own} (${title})`).join(', ');
    throw new BuildError(`unknown language "${scaffold.language}". Languages: ${known}`);
  }
  const asked = askedFamilies(syscalls);
  const contract = await readBindingContract();
  const answers = answersFor(asked, contract.answers);
  const folder = resolve(parent, name);
  const files: ReadonlyMap<string, string> = new Map([
    [language.sourceFile, language.scaffold(contract, answers)],
    ['bundle.json', manifestText(name, asked, answers)],
    ['handler.test.yaml', scaffoldCases(answers)],
    ['README.md', readmeText(name, language.sourceFile, answers)],
    [language.editor.file, language.editor.text],
    ['.gitignore', `*.wasm\n${linksFolder}\n`],
  ]);
  using place = new OpenFolder(parent);
  const path = join(place.path, name);
  await makeFolder(path);
  using made = openMade(path, shortPath(folder));
  await requireEmpty(made.path, shortPath(folder));
  for (const [file, text] of files) await writeFile(join(made.path, file), text, { flag: 'wx' });
  await linkForEditors(made, language.editor);
  return folder;
}

/** Families, and system calls that are not decoded; each once. */
function askedFamilies(syscalls: readonly string[]): readonly string[] {
  if (syscalls.length === 0) throw new BuildError('name at least one system call');
  const found = syscalls.map((syscall) => {
    const family = syscallTable.find((row) => row.name === syscall)?.family;
    if (family !== undefined) return family;
    const isKnown = syscallNumbers.some(([name]) => name === syscall);
    if (isKnown || families().includes(syscall)) return syscall;
    throw new BuildError(`unknown system call "${syscall}"${guessAt(syscall, askable())}`);
  });
  return [...new Set(found)];
}

function answersFor(asked: readonly string[], known: readonly Answer[]): readonly ScaffoldAnswer[] {
  const typed = known.filter(({ name }) => asked.includes(name));
  const others = asked.filter((name) => !typed.some((answer) => answer.name === name));
  const any = known.filter(({ name }) => name === 'any' && others.length > 0);
  return [
    ...typed.map((answer) => ({ ...answer, calls: familyMembers(answer.name) })),
    ...any.map((answer) => ({ ...answer, calls: others })),
  ];
}

async function requireEmpty(folder: string, shown: string): Promise<void> {
  const entries = await readdir(folder);
  if (entries.length > 0) throw new BuildError(`${shown} exists and is not empty`);
}

/** If it is not there yet. */
async function makeFolder(path: string): Promise<void> {
  await mkdir(path).catch((thrown: unknown) => {
    if (systemCodeOf(thrown) !== 'EEXIST') throw thrown;
  });
}

function openMade(path: string, shown: string): OpenFolder {
  try {
    return new OpenFolder(path, constants.O_NOFOLLOW);
  } catch (cause) {
    throw new BuildError(`${shown} is in the way`, { cause });
  }
}

const grantsText = `  "grants": {
    "filesystem": {
      "reason": "finds what paths lead to",
      "operations": ["resolve", "resolve-new", "is-below", "is-above"]
    }
  },
`;

function manifestText(
  name: string,
  asked: readonly string[],
  answers: readonly ScaffoldAnswer[],
): string {
  const calls = answers.flatMap((answer) => answer.calls).join(', ');
  const list = asked.map((family) => `"${family}"`).join(', ');
  const grants = answers.some((answer) => isLookedUp(answer)) ? grantsText : '';
  return `{
  "$schema": "./${linksFolder}/schema/bundle.schema.json",
  "name": "${name}",
  "version": "0.1.0",
  "description": "Writes ${calls} into the log",
${grants}  "handlers": [
    {
      "component": "${name}.wasm",
      "syscalls": [${list}]
    }
  ]
}
`;
}

function readmeText(name: string, sourceFile: string, answers: readonly ScaffoldAnswer[]): string {
  const calls = answers.flatMap((answer) => answer.calls);
  const found = answers.filter((answer) => isLookedUp(answer)).map((answer) => answer.name);
  const isAny = found.length > 0;
  const done = `The host does ${found.join(', ')}, on just what the path leads to; `;
  return `# ${name}

Writes each call of ${calls.join(', ')} to the agent's log. ${isAny ? `${done}all else is passed on.` : 'It is passed on.'}

- **Answers:** ${answers.map((answer) => `\`${answer.name}\` (${answer.calls.join(', ')})`).join(', ')}, in \`${sourceFile}\`.
- **Settings:** none.
- **Grants:** ${isAny ? '`filesystem`: the host finds what paths lead to' : 'none'}.

\`\`\`sh
seccompagent test    # the cases of handler.test.yaml, without root or kernel
seccompagent build   # ${name}.wasm, and its digest in bundle.json
seccompagent inspect .
seccompagent run -log info -bundle . -- COMMAND
\`\`\`
`;
}
