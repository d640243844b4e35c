// SPDX-License-Identifier: Apache-2.0
// Tests `seccompagent new`: from nothing to a handler that answers, in each language.
import { existsSync, mkdirSync, readFileSync, symlinkSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';

import { expect, test } from 'vitest';

import { languages } from '../../guest-sdk/build/language.ts';
import { runCommand, seccompagent } from '../support/command.ts';
import { withCommand } from '../support/command-folder.ts';
import { failed, naming } from '../support/failures.ts';
import { recordsOf } from '../support/log-records.ts';
import { TemporaryFolder } from '../support/temporary-folder.ts';

/** A minute is what an author waits at most; compilers need a part of it on a busy machine. */

test.for(languages.map(({ name }) => name))(
  'new: from an empty directory to a running handler in under a minute: %s',
  async (language) => {
    using folder = new TemporaryFolder();
    const environment = withCommand(folder);
    const cwd = folder.at('empty');
    mkdirSync(cwd);
    const made = folder.at('x');
    const typed =
      `seccompagent new hello --language ${language} --syscalls mkdir && cd hello && ` +
      'seccompagent test && seccompagent build && ' +
      `seccompagent run -log info -bundle . -- mkdir ${made}`;
    const { code, stdout, stderr } = await runCommand(['sh', '-c', typed], {
      cwd,
      environment,
    });
    expect(code).toBe(0);
    // of `test`
    expect(stdout).toMatch(/^2 .* 0 /mu);
    expect(recordsOf(stderr)).toContainEqual(
      expect.objectContaining({ event: 'handler-log', handler: 'hello', msg: naming(made) }),
    );
    expect(existsSync(made)).toBe(true);
    expect(JSON.parse(readFileSync(join(cwd, 'hello/bundle.json'), 'utf8'))).toMatchObject({
      handlers: [{ digest: expect.stringMatching(/^sha256:[0-9a-f]{64}$/u), syscalls: ['mkdir'] }],
    });
  },
);

interface Tested {
  readonly cases: readonly { readonly hasPassed: boolean }[];
}

/** A call of each family, and one that is not decoded. */
const allCalls =
  'mkdir,mknod,open,chmod,fchmod,chown,fchown,truncate,utimensat,rename,link,symlink,unlink,setxattr,getxattr,' +
  'listxattr,removexattr,mount,umount2,fsopen,stat,access,readlink,chdir,chroot,sysinfo,execve,swapon,swapoff,getpid';

test.for(languages.map(({ name }) => name))(
  'new: a handler of all families builds and passes its test: %s',
  async (language) => {
    using folder = new TemporaryFolder();
    const cwd = folder.path;
    const created = await runCommand(
      [seccompagent, 'new', 'all', '-language', language, '-syscalls', allCalls],
      { cwd },
    );
    expect(created).toMatchObject({ code: 0, stderr: '' });
    const { code, stdout, stderr } = await runCommand([seccompagent, 'test', '-json', 'all'], {
      cwd,
    });
    expect({ code, stderr }).toEqual({ code: 0, stderr: '' });
    const { cases }: Tested = JSON.parse(stdout);
    expect(cases.map(({ hasPassed }) => hasPassed)).toEqual(Array.from({ length: 77 }, () => true));
  },
);

test('new: existing files are not overwritten', async () => {
  using folder = new TemporaryFolder();
  mkdirSync(folder.at('hello'));
  writeFileSync(folder.at('hello/handler.ts'), 'mine');
  const refused = await runCommand([seccompagent, 'new', 'hello', '-syscalls', 'mkdir'], {
    cwd: folder.path,
  });
  expect(refused).toEqual(failed('AGENT_SCAFFOLD', 'hello'));
  expect(readFileSync(folder.at('hello/handler.ts'), 'utf8')).toBe('mine');
  expect(existsSync(folder.at('hello/bundle.json'))).toBe(false);
});

test.for<readonly [string, (place: string, folder: TemporaryFolder) => void]>([
  ['a file', (place) => writeFileSync(place, 'mine')],
  // of somebody else's making, perhaps
  [
    'a link to an empty folder',
    (place, folder) => {
      mkdirSync(folder.at('empty'));
      symlinkSync(folder.at('empty'), place);
    },
  ],
])('new: %s in its place is said', async ([, put]) => {
  using folder = new TemporaryFolder();
  put(folder.at('hello'), folder);
  const refused = await runCommand([seccompagent, 'new', 'hello', '-syscalls', 'mkdir'], {
    cwd: folder.path,
  });
  expect(refused).toEqual(failed('AGENT_SCAFFOLD', 'hello'));
});

test.for([
  ['Hello', 'mkdir', 'as', ['"Hello"']],
  ['../hello', 'mkdir', 'as', ['"../hello"']],
  ['hello', 'mkdirr', 'as', ['"mkdirr"', '"mkdir"']],
  ['hello', 'mkdir', 'cobol', ['"cobol"', 'as (AssemblyScript)']],
] as const)('new: %s of %s in %s is refused: %s', async ([name, syscalls, language, named]) => {
  using folder = new TemporaryFolder();
  const refused = await runCommand(
    [seccompagent, 'new', name, '-syscalls', syscalls, '-language', language],
    { cwd: folder.path },
  );
  expect(refused).toEqual(failed('AGENT_SCAFFOLD', ...named));
  expect(existsSync(folder.at(name))).toBe(false);
});

test.for([
  [[]],
  [['hello']],
  [['a', 'b', '-syscalls', 'mkdir']],
  [['hello', '-syscalls', ',']],
] as const)('new %j: the message and where help is, exit code 2', async ([words]) => {
  using folder = new TemporaryFolder();
  const { code, stderr } = await runCommand([seccompagent, 'new', ...words], {
    cwd: folder.path,
  });
  expect(code).toBe(2);
  expect(stderr).toMatch(/^seccompagent: .+\n.*seccompagent new -help\n$/u);
});
