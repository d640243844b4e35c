// SPDX-License-Identifier: Apache-2.0
// Tests `seccompagent inspect`, and what is the same for all commands of its kind.
import { cpSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';

import { expect, test } from 'vitest';

import { tools } from '../../host/commands/tool.ts';
import { projectRoot, runCommand, seccompagent } from '../support/command.ts';
import { TemporaryFolder } from '../support/temporary-folder.ts';

const bundles = join(projectRoot, 'dist/handlers-wasm');

test('inspect: a bundle is shown with what its handlers answer and want', async () => {
  const { code, stdout, stderr } = await runCommand([
    seccompagent,
    'inspect',
    join(bundles, 'demo-basic'),
  ]);
  expect({ code, stderr }).toEqual({ code: 0, stderr: '' });
  const lines = stdout.split('\n').map((line) => line.trim().replaceAll(/ +/gu, ' '));
  expect(lines[0]).toMatch(/^demo-basic \d/u);
  expect(lines).toContain('mkdir-suffix.wasm');
  expect(lines).toContain('answers mkdir (mkdir, mkdirat)');
  expect(lines).toContain('wants filesystem');
  expect(lines).toContain('settings suffix=-pid-{{.Pid1}}');
});

test('inspect: which calls a handler passes on, and which settings go together, are shown', async () => {
  const linesOf = async (name: string): Promise<readonly string[]> => {
    const { stdout } = await runCommand([seccompagent, 'inspect', join(bundles, name)]);
    return stdout.split('\n').map((line) => line.trim().replaceAll(/ +/gu, ' '));
  };
  expect(await linesOf('umount-guard')).toContain('refuse CLONE_NEWNS, pivot_root');
  expect(await linesOf('mknod-safe')).toContain('only mknod where mode & 0o170000 is 0o020000');
  const lines = await linesOf('kubernetes');
  expect(lines).toContain('with MOUNT_PROC or MOUNT_SYSFS or MOUNT_OTHER_FS_LIST');
  expect(lines).toContainEqual(
    expect.stringMatching(
      /^setting EXEC_DURATION \(duration, default none, needs EXEC_PATTERN\): /u,
    ),
  );
  expect(lines.some((line) => line.startsWith('only'))).toBe(false);
  const asked = [seccompagent, 'inspect', '-json', join(bundles, 'mknod-safe')] as const;
  expect(JSON.parse((await runCommand(asked)).stdout)).toMatchObject({
    handlers: [{ only: { mknod: { argument: 'mode', mask: '0o170000', values: ['0o020000'] } } }],
  });
});

test('inspect: a bundle is found by its name, and named for its bundle.json', async () => {
  const { code, stdout } = await runCommand([seccompagent, 'inspect', 'mkdir-suffix']);
  expect(code).toBe(0);
  expect(stdout).toMatch(/^mkdir-suffix \d/u);
  const unknown = await runCommand([seccompagent, 'inspect', 'mkdir-sufix']);
  expect(unknown.code).toBe(1);
  expect(unknown.stderr).toContain('"mkdir-suffix"?');
  const manifest = join(bundles, 'errno/bundle.json');
  const asked = await runCommand([seccompagent, 'inspect', manifest]);
  expect(asked.code).toBe(2);
  expect(asked.stderr).toContain(join(bundles, 'errno'));
});

test('inspect: a component is shown as JSON', async () => {
  const file = join(bundles, 'mkdir-suffix/mkdir-suffix.wasm');
  const { code, stdout } = await runCommand([seccompagent, 'inspect', '-json', file]);
  expect(code).toBe(0);
  expect(JSON.parse(stdout)).toMatchObject({
    component: 'mkdir-suffix.wasm',
    digest: expect.stringMatching(/^sha256:[0-9a-f]{64}$/u),
    answers: { mkdir: ['mkdir', 'mkdirat'] },
    wants: { granted: ['filesystem'], free: [] },
  });
});

/** A bundle with other words than its author's. */
function changedBundle(folder: TemporaryFolder, change: (text: string) => string): string {
  cpSync(join(bundles, 'mkdir-suffix'), folder.path, { recursive: true });
  const file = folder.at('bundle.json');
  writeFileSync(file, change(readFileSync(file, 'utf8')));
  return folder.path;
}

const onTerminal = /[\p{Cc}\p{Bidi_Control}]/u;

test.for([[], ['-json']])('M6: inspect %j: a bundle controls no terminal', async (words) => {
  using folder = new TemporaryFolder();
  const path = changedBundle(folder, (text) =>
    JSON.stringify({
      ...JSON.parse(text),
      settings: {
        SUFFIX: { type: 'string', default: '\u001B[2J\u009B2J\n', description: 'text' },
      },
      handlers: [{ component: 'mkdir-suffix.wasm', settings: { suffix: { from: 'SUFFIX' } } }],
    }),
  );
  const { code, stdout } = await runCommand([seccompagent, 'inspect', ...words, path]);
  expect(code).toBe(0);
  expect(stdout).toContain(String.raw`\u001b[2J\u009b2J`);
  expect(stdout.replaceAll('\n', '')).not.toMatch(onTerminal);
});

test('M6: inspect: it escapes terminal sequences in errors', async () => {
  using folder = new TemporaryFolder();
  const path = changedBundle(folder, (text) =>
    JSON.stringify({ ...JSON.parse(text), name: 'a\u001B]0;title\u0007' }),
  );
  const { code, stderr } = await runCommand([seccompagent, 'inspect', path]);
  expect(code).toBe(1);
  expect(stderr).toContain(String.raw`a\u001b]0;title\u0007`);
  expect(stderr.trimEnd()).not.toMatch(onTerminal);
});

test('inspect: a file that is no component is refused in one line', async () => {
  using folder = new TemporaryFolder();
  const file = folder.at('broken.wasm');
  writeFileSync(file, 'not Wasm');
  const { code, stdout, stderr } = await runCommand([seccompagent, 'inspect', file]);
  expect({ code, stdout }).toEqual({ code: 1, stdout: '' });
  expect(stderr).toBe(
    `seccompagent: ${file}: malformed component: not a WebAssembly file at byte 8\n`,
  );
});

test.for([[[]], [['a', 'b']], [['-unknown', 'a']], [['/no/such/file']]] as const)(
  'inspect %j: the message and where help is, exit code 2',
  async ([words]) => {
    const { code, stdout, stderr } = await runCommand([seccompagent, 'inspect', ...words]);
    expect({ code, stdout }).toEqual({ code: 2, stdout: '' });
    expect(stderr).toMatch(/^seccompagent: .+\nsee seccompagent inspect -help\n$/u);
  },
);

test.for(['-help', '--help', '-h'])('inspect %s: prints the usage on stdout', async (option) => {
  const { code, stdout, stderr } = await runCommand([seccompagent, 'inspect', option]);
  expect({ code, stderr }).toEqual({ code: 0, stderr: '' });
  expect(stdout).toMatch(/^Usage: seccompagent inspect /u);
});

test.for(tools.map(({ name }) => name))('%s -help: prints its usage on stdout', async (name) => {
  const { code, stdout, stderr } = await runCommand([seccompagent, name, '-help']);
  expect({ code, stderr }).toEqual({ code: 0, stderr: '' });
  expect(stdout).toMatch(new RegExp(`^Usage: seccompagent ${name} `, 'u'));
});

test('inspect: a recording says which actions the same component has answered', async () => {
  using folder = new TemporaryFolder();
  const file = folder.at('recording');
  const script = 'mkdir "$1/a"; mkdir "$1/b"; mkdir "$1/b"; chmod 700 "$1"; true';
  const command = ['--', 'sh', '-c', script, 'sh', folder.path];
  await runCommand([seccompagent, 'record', '-bundle=demo-basic', '-o', file, ...command]);

  const bundle = join(bundles, 'demo-basic');
  const words = ['inspect', '-recording', file];
  const { code, stdout } = await runCommand([seccompagent, ...words, bundle]);
  expect(code).toBe(0);
  expect(stdout).toContain('  answered  mkdir (2 value, 1 fail)\n');
  // the handler of chmod
  expect(stdout).toMatch(/ {2}answered {2}f?chmod\w* \(1 fail\)\n/u);
  const component = join(bundle, 'mkdir-suffix.wasm');
  const json = await runCommand([seccompagent, ...words, '-json', component]);
  expect(JSON.parse(json.stdout)).toMatchObject({ answered: { mkdir: { value: 2, fail: 1 } } });
});

test('inspect: a file that is no recording is refused in one line', async () => {
  using folder = new TemporaryFolder();
  const file = folder.at('recording');
  writeFileSync(file, 'nothing');
  const words = ['inspect', '-recording', file, join(bundles, 'demo-basic')];
  const { code, stdout, stderr } = await runCommand([seccompagent, ...words]);
  expect({ code, stdout }).toEqual({ code: 1, stdout: '' });
  expect(stderr).toMatch(/^seccompagent: .+\n$/u);
});
