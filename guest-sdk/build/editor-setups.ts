// SPDX-License-Identifier: Apache-2.0
// Files of language servers, in a bundle's folder: tsserver, clangd and rust-analyzer.

import { existsSync } from 'node:fs';
import { join } from 'node:path';

import { compilerOptions } from './c.ts';
import { type EditorSetup, linksFolder } from './editor.ts';
import { optionalFolder } from './optional-package.ts';
import { findCompiler, target } from './rust.ts';

const sdk = `${linksFolder}/sdk`;

function jsonText(value: object): string {
  return `${JSON.stringify(value, undefined, 2)}\n`;
}

export const assemblyScriptEditor: EditorSetup = {
  file: 'tsconfig.json',
  text: jsonText({
    extends: `./${linksFolder}/assemblyscript/std/assembly.json`,
    compilerOptions: {
      noEmit: true,
      // those of the compiler are not for every version of TypeScript
      skipLibCheck: true,
      paths: { '@seccompagent/guest-sdk': [`./${sdk}/assembly/index.ts`] },
    },
    include: ['*.ts'],
    exclude: ['handler.cases.ts'],
  }),
  links: async () => new Map([['assemblyscript', optionalFolder('assemblyscript')]]),
};

export const typeScriptEditor: EditorSetup = {
  file: 'tsconfig.json',
  text: jsonText({
    extends: `./${sdk}/typescript/tsconfig.json`,
    include: ['*.mts', '*.mjs'],
    exclude: ['handler.cases.*'],
  }),
  links: async () => new Map(),
};

export const cEditor: EditorSetup = {
  file: 'compile_flags.txt',
  text: `${[...compilerOptions, '-isystem', `${sdk}/c`].join('\n')}\n`,
  links: async () => new Map(),
};

/** The standard library as crates of ours: how a sysroot is found differs among installations. */
const crates = [
  ['core', `${linksFolder}/library/core/src/lib.rs`],
  ['alloc', `${linksFolder}/library/alloc/src/lib.rs`],
  ['seccompagent', `${sdk}/rust/seccompagent.rs`],
  ['handler', 'handler.rs'],
] as const;

export const rustEditor: EditorSetup = {
  file: 'rust-project.json',
  text: jsonText({
    crates: crates.map(([name, file], index) => ({
      display_name: name,
      root_module: file,
      edition: '2021',
      deps: crates.slice(0, index).map(([dependency], crate) => ({ crate, name: dependency })),
      target,
      is_workspace_member: name === 'handler',
    })),
  }),
  links: async () => {
    const { sysroot } = await findCompiler();
    const library = join(sysroot, 'lib/rustlib/src/rust/library');
    return new Map(existsSync(library) ? [['library', library]] : []);
  },
};
