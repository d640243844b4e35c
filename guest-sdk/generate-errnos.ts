// SPDX-License-Identifier: Apache-2.0
// Writes the errnos of the kernel's headers into the WIT, the host and the SDK: `npm run generate`.

import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';

/** Where linux-libc-dev keeps errno-base.h and errno.h. */
export const defaultErrnoFolder = '/usr/include/asm-generic';

interface Errno {
  readonly name: string;
  readonly number: number;
  readonly description: string;
  readonly aliases: readonly string[];
}

/** C libraries define ENOTSUP, the kernel does not: see errno(3). */
const libraryAliases: ReadonlyMap<string, string> = new Map([['ENOTSUP', 'EOPNOTSUPP']]);

/** The three files that hold errnos, with their blocks renewed by the headers in `errnoFolder`. */
export function errnoSources(
  errnoFolder: string,
): readonly { readonly path: string; readonly contents: string }[] {
  const errnos = parseErrnos(errnoFolder);
  const root = join(import.meta.dirname, '..');
  return [
    renewed(join(root, 'guest-sdk/wit/types.wit'), { errnos: witCases(errnos) }),
    renewed(join(root, 'host/syscalls/errno.ts'), {
      errnos: errnos.map(({ name, number }) => `['${name}', ${number}],`),
      aliases: errnos.flatMap(({ name, aliases }) =>
        aliases.map((alias) => `['${alias}', '${name}'],`),
      ),
    }),
    renewed(join(root, 'guest-sdk/assembly/errno.ts'), {
      errnos: enumMembers(errnos),
      names: joinedNames(errnos),
    }),
  ];
}

function parseErrnos(errnoFolder: string): readonly Errno[] {
  const numbered: Omit<Errno, 'aliases'>[] = [];
  const aliases = new Map(libraryAliases);
  for (const header of ['errno-base.h', 'errno.h']) {
    for (const line of readFileSync(join(errnoFolder, header), 'utf8').split('\n')) {
      if (!/^#define\s+E/.test(line)) continue;
      const [, name, value, comment] =
        /^#define\s+(E\w+)\s+(\w+)(?:\s+\/\* (.+) \*\/)?$/.exec(line) ?? [];
      if (name === undefined || value === undefined) {
        throw new Error(`cannot parse '${line}' of ${header}`);
      }
      if (value.startsWith('E')) aliases.set(name, value);
      else {
        const description = (comment ?? name).toLowerCase();
        numbered.push({ name, number: Number(value), description });
      }
    }
  }
  return numbered
    .toSorted((left, right) => left.number - right.number)
    .map((errno) => ({
      ...errno,
      aliases: [...aliases].filter(([, name]) => name === errno.name).map(([alias]) => alias),
    }));
}

function witCases(errnos: readonly Errno[]): readonly string[] {
  return errnos.flatMap(({ name, description }) => [
    `/// ${description}`,
    `${name.toLowerCase()},`,
  ]);
}

function enumMembers(errnos: readonly Errno[]): readonly string[] {
  return errnos.flatMap(({ name, description }, ordinal) => [
    `/** ${description} */`,
    `${name} = ${ordinal},`,
  ]);
}

/** A template literal over many lines, with a blank or a line break after the names of each errno. */
function joinedNames(errnos: readonly Errno[]): readonly string[] {
  const lines: string[] = [];
  let line = 'const names = `';
  for (const { name, aliases } of errnos) {
    const word = [name, ...aliases].join('=');
    if (line.length + word.length >= 100) {
      lines.push(line.trimEnd());
      line = '';
    }
    line += `${word} `;
  }
  lines.push(line.trimEnd(), '`;');
  return lines;
}

/** The file at `path` with the lines between `// begin generated NAME` and `// end generated NAME` replaced. */
function renewed(
  path: string,
  blocks: Readonly<Record<string, readonly string[]>>,
): { readonly path: string; readonly contents: string } {
  let contents = readFileSync(path, 'utf8');
  for (const [block, lines] of Object.entries(blocks)) {
    const pattern = new RegExp(
      `^( *)(// begin generated ${block}\\b.*\\n)[^]*?^ *(?=// end generated ${block}$)`,
      'm',
    );
    if (!pattern.test(contents)) throw new Error(`no block '${block}' in ${path}`);
    contents = contents.replace(
      pattern,
      (_, indent: string, begin: string) => indent + begin + indented(lines, indent) + indent,
    );
  }
  return { path, contents };
}

/** `lines` behind `indent`, but for what is inside a template literal. */
function indented(lines: readonly string[], indent: string): string {
  let isInTemplate = false;
  let text = '';
  for (const line of lines) {
    text += `${isInTemplate ? '' : indent}${line}\n`;
    if (line.split('`').length % 2 === 0) isInTemplate = !isInTemplate;
  }
  return text;
}

if (import.meta.main) {
  for (const { path, contents } of errnoSources(process.argv[2] ?? defaultErrnoFolder)) {
    writeFileSync(path, contents);
  }
}
