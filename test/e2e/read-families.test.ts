// SPDX-License-Identifier: Apache-2.0
// Tests handlers of calls that the kernel alone does (stat, access, readlink, chdir, chroot), and of the
// arguments of programs, under `seccompagent run`.
import { mkdirSync, symlinkSync, writeFileSync } from 'node:fs';

import { beforeAll, afterAll, expect, test } from 'vitest';

import { runCommand, seccompagent } from '../support/command.ts';
import type { CommandResult } from '../support/command.ts';
import { recordsOf } from '../support/log-records.ts';
import { TemporaryFolder } from '../support/temporary-folder.ts';

/** Refuses what is named `refused` with an errno that no kernel gives, and tells of programs. */
const handler = `import { Action, Errno, Path, log, memory } from '@seccompagent/guest-sdk';

function judged(path: Path | null): Action {
  if (path == null || !path.toString().endsWith('/refused')) return Action.continue();
  return Action.fail(Errno.EXFULL);
}

export function stat(path: Path | null, flags: u32): Action {
  return judged(path);
}
export function access(path: Path, mode: u32, flags: u32): Action {
  return judged(path);
}
export function readlink(path: Path, size: u32): Action {
  return judged(path);
}
export function chdir(path: Path | null): Action {
  return path == null ? Action.fail(Errno.EXFULL) : judged(path);
}
export function chroot(path: Path): Action {
  return path.toString().endsWith('/performed') ? Action.perform() : judged(path);
}

function told(argument: u32): string {
  const list = memory.readStrings(argument);
  if (!list.isOk) return 'errno';
  let text = '';
  for (let i = 0; i < list.value.items.length; i++) {
    text += '[' + String.UTF8.decode(list.value.items[i].buffer) + ']';
  }
  return text + (list.value.isTruncated ? ' and more' : '');
}

export function execve(path: Path, flags: u32): Action {
  log.info(told(1) + ' in ' + told(2));
  return Action.continue();
}
`;

const families = ['stat', 'access', 'readlink', 'chdir', 'chroot', 'execve'];
const folder = new TemporaryFolder();

function writeBundle(): void {
  mkdirSync(folder.at('judge'));
  writeFileSync(folder.at('judge/handler.ts'), handler);
  const manifest = {
    name: 'judge',
    version: '0.1.0',
    description: 'refuses looks at files',
    grants: { memory: { reason: 'reads arguments of programs', operations: ['read-strings'] } },
    handlers: [{ component: 'judge.wasm', syscalls: families }],
  };
  writeFileSync(folder.at('judge/bundle.json'), JSON.stringify(manifest));
}

beforeAll(async () => {
  writeBundle();
  const built = await runCommand([seccompagent, 'build', folder.at('judge')], { cwd: folder.path });
  if (built.code !== 0) throw new Error(built.stderr);
  mkdirSync(folder.at('refused'));
  mkdirSync(folder.at('performed'));
  mkdirSync(folder.at('plain'));
  symlinkSync('plain', folder.at('link'));
});
afterAll(() => {
  folder[Symbol.dispose]();
});

async function run(...command: readonly string[]): Promise<CommandResult> {
  const words = ['run', '-log', 'info', '-bundle', folder.at('judge'), '--'];
  return runCommand([seccompagent, ...words, ...command], { cwd: folder.path });
}

const marker = 'Invalid exchange|Exchange full';

test.for([
  ['stat', ['stat', '-c', '%n']],
  ['readlink', ['readlink', '-v']],
  ['chdir', ['env', '-C']],
  ['chroot', ['chroot']],
] as const)('K21: read families: %s is refused by its path', async ([, command]) => {
  const [program, ...options] = command;
  const path = folder.at('refused');
  const refused = await run(program, ...options, path, ...(program === 'env' ? ['true'] : []));
  expect(refused.code).not.toBe(0);
  expect(refused.stderr).toMatch(new RegExp(`refused.*(?:${marker})`, 'u'));
});

test('K21: read families: access is refused, and others go on', async () => {
  const python = ['import os, sys', 'for path in sys.argv[1:]: print(os.access(path, os.R_OK))'];
  const paths = [folder.at('plain'), folder.at('refused')];
  const { stdout } = await run('/usr/bin/python3', '-c', python.join('\n'), ...paths);
  expect(stdout).toBe('True\nFalse\n');
  const { stdout: target } = await run('readlink', folder.at('link'));
  expect(target).toBe('plain\n');
});

test('K21: read families: fchdir is a chdir without a path', async () => {
  const python = `import os
try: os.fchdir(os.open('/', os.O_RDONLY))
except OSError as error: print(error.errno)`;
  const { stdout } = await run('/usr/bin/python3', '-c', python);
  expect(stdout).toBe('54\n');
});

test('read families: the host changes no root for a caller, and says so', async () => {
  const { code, stderr } = await run('chroot', folder.at('performed'), '/bin/true');
  expect(code).not.toBe(0);
  expect(recordsOf(stderr)).toContainEqual(
    expect.objectContaining({
      event: 'call-failed',
      code: 'AGENT_HANDLER_FAILED',
      syscall: 'chroot',
      error: expect.stringMatching(/chroot.*continue/u),
    }),
  );
});

/** What the handler has told of a program. */
function toldOf({ stderr }: CommandResult, program: string): readonly string[] {
  return recordsOf(stderr)
    .filter(({ event }) => event === 'handler-log')
    .map(({ msg }) => msg)
    .filter((message) => message.includes(program));
}

test('read families: a handler of execve reads arguments and environment', async () => {
  const done = await run('env', '-i', 'A=1', 'B=two', '/bin/echo', 'one', '', 'three');
  expect(done.stdout).toBe('one  three\n');
  expect(toldOf(done, '[/bin/echo][one][][three] in [A=1][B=two]')).not.toEqual([]);
});

test('M7: read families: more arguments than are read are said to be missing', async () => {
  const many = Array.from({ length: 2000 }, () => 'x');
  const done = await run('env', '-i', '/bin/echo', ...many);
  expect(done.code).toBe(0);
  expect(toldOf(done, ' and more')).not.toEqual([]);
});
