// SPDX-License-Identifier: Apache-2.0
// What `seccompagent new` leaves is what editors want: their language servers find no error there, find
// one that is put there, and know the names of the SDK.
import { readFileSync, readdirSync, rmSync, symlinkSync } from 'node:fs';
import { join } from 'node:path';

import { expect, test } from 'vitest';

import { buildProject } from '../../guest-sdk/build/project.ts';
import { requireLanguage } from '../../guest-sdk/build/language.ts';
import { writeScaffold } from '../../guest-sdk/build/scaffold.ts';
import { families } from '../../host/syscalls/syscall-table.ts';
import { projectRoot } from '../support/command.ts';
import { naming } from '../support/failures.ts';
import { LanguageServer, TsServer } from '../support/language-server.ts';
import type { EditorServer, Position } from '../support/language-server.ts';
import { TemporaryFolder } from '../support/temporary-folder.ts';

type Start = (folder: string) => Promise<EditorServer>;

const tsserver: Start = async (folder) =>
  new TsServer(
    [process.execPath, join(projectRoot, 'guest-sdk/node_modules/typescript/lib/tsserver.js')],
    folder,
  );

function speaking(...command: readonly [string, ...string[]]): Start {
  return async (folder) => LanguageServer.start(command, folder);
}

const tsc = join(projectRoot, 'node_modules/typescript/bin/tsc');
const typescript7 = speaking(process.execPath, tsc, '--lsp', '--stdio');

interface Editor {
  readonly start: Start;
  /** A word of the scaffold, and one that there is not. */
  readonly mistake: readonly [right: string, wrong: string];
  /** What is typed before the editor is asked how it goes on, and what it must know. */
  readonly typed: string;
  readonly known: readonly string[];
}

const assemblyScript = {
  mistake: ['Action.next', 'Action.nxet'],
  typed: '  log.',
  known: ['debug', 'info', 'warn', 'error'],
} as const;
const typeScript = {
  mistake: ['log.log', 'log.lgo'],
  typed: '  log.',
  known: ['log'],
} as const;

const editors: readonly (readonly [language: string, server: string, editor: Editor])[] = [
  ['as', 'tsserver', { start: tsserver, ...assemblyScript }],
  ['as', 'TypeScript 7', { start: typescript7, ...assemblyScript }],
  ['typescript', 'tsserver', { start: tsserver, ...typeScript }],
  ['typescript', 'TypeScript 7', { start: typescript7, ...typeScript }],
  [
    'c',
    'clangd',
    {
      start: speaking('clangd'),
      mistake: ['sca_next', 'sca_nxet'],
      typed: '  sca_log_',
      known: ['sca_log_log', 'SCA_LOG_LEVEL_INFO'],
    },
  ],
  [
    'rust',
    'rust-analyzer',
    {
      // there may be one of rustup, which does not work without its toolchain's
      start: speaking('/usr/bin/rust-analyzer'),
      mistake: ['Action::Next', 'Action::Nxet'],
      typed: '    log::',
      known: ['log', 'Level'],
    },
  ],
];

function positionAfter(text: string, typed: string): Position {
  const lines = text.slice(0, text.indexOf(typed) + typed.length).split('\n');
  return { line: lines.length - 1, character: lines.at(-1)?.length ?? 0 };
}

async function scaffoldIn(parent: string, language: string): Promise<string> {
  return writeScaffold({ name: 'hello', parent, language, syscalls: [...families(), 'getpid'] });
}

test.for(editors)(
  'editors: a new handler has no error and every name is known: %s, %s',
  async ([language, , { start, mistake, typed, known }]) => {
    using parent = new TemporaryFolder();
    const folder = await scaffoldIn(parent.path, language);
    const file = join(folder, requireLanguage(folder).sourceFile);
    const text = readFileSync(file, 'utf8');
    {
      using server = await start(folder);
      await server.open(file, text);
      expect(await server.diagnostics(file)).toEqual([]);
      const offered = await server.completions(file, positionAfter(text, typed));
      expect(offered.map((name) => name.replace(/\(.*$/u, ''))).toEqual(
        expect.arrayContaining([...known]),
      );
    }
    using server = await start(folder);
    await server.open(file, text.replace(...mistake));
    expect(await server.diagnostics(file)).not.toEqual([]);
  },
);

test('editors: a build links again what is on another machine elsewhere', async () => {
  using parent = new TemporaryFolder();
  const folder = await scaffoldIn(parent.path, 'c');
  rmSync(join(folder, '.seccompagent'), { recursive: true });
  await buildProject({ directory: folder });
  expect(readFileSync(join(folder, '.seccompagent/sdk/c/seccompagent.h'), 'utf8')).not.toBe('');
});

test('editors: a build makes no links where nothing names them, and none elsewhere', async () => {
  using parent = new TemporaryFolder();
  using elsewhere = new TemporaryFolder();
  const folder = await scaffoldIn(parent.path, 'c');
  const links = join(folder, '.seccompagent');
  rmSync(links, { recursive: true });
  symlinkSync(elsewhere.path, links);
  await expect(buildProject({ directory: folder })).rejects.toThrow(
    expect.objectContaining({ name: 'BuildError', message: naming('.seccompagent') }),
  );
  expect(readdirSync(elsewhere.path)).toEqual([]);
  rmSync(links);
  rmSync(join(folder, 'compile_flags.txt'));
  await buildProject({ directory: folder });
  expect(readdirSync(folder)).not.toContain('.seccompagent');
});
