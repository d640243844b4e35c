// SPDX-License-Identifier: Apache-2.0
// Tests `seccompagent inspect`, and what is the same for all commands of its kind.
import { execFileSync } from 'node:child_process';
import { cpSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';

import { expect, test } from 'vitest';

import { tools } from '../../host/commands/tool.ts';
import { projectRoot, runCommand, seccompagent } from '../support/command.ts';
import { failed, naming } from '../support/failures.ts';
import { TemporaryFolder } from '../support/temporary-folder.ts';

const bundles = join(projectRoot, 'dist/handlers-wasm');

test('inspect: a bundle is shown with what its handlers answer and want', async () => {
  const { code, stdout, stderr } = await runCommand([
    seccompagent,
    'inspect',
    join(bundles, 'demo-basic'),
  ]);
  expect({ code, stderr }).toEqual({ code: 0, stderr: '' });
  expect(stdout).toMatch(/^demo-basic \d/u);
  const [, handler = ''] = stdout.split('mkdir-suffix.wasm\n');
  const [ofHandler] = handler.split('.wasm\n');
  expect(ofHandler).toEqual(
    naming('mkdir (mkdir, mkdirat)', / filesystem\n/u, 'suffix=-pid-{{.Pid1}}'),
  );
});

async function linesOf(name: string): Promise<readonly string[]> {
  const { stdout } = await runCommand([seccompagent, 'inspect', join(bundles, name)]);
  return stdout.split('\n');
}

async function handlersOf(name: string): Promise<readonly object[]> {
  const { stdout } = await runCommand([seccompagent, 'inspect', '-json', join(bundles, name)]);
  const { handlers }: { readonly handlers: readonly object[] } = JSON.parse(stdout);
  return handlers;
}

test('inspect: which calls a handler passes on, and which settings go together, are shown', async () => {
  expect(await linesOf('umount-guard')).toContainEqual(naming(/ CLONE_NEWNS, pivot_root$/u));
  expect(await linesOf('mknod-safe')).toContainEqual(
    naming(/ mknod .*\bmode & 0o170000 .*\b0o020000$/u),
  );
  const lines = await linesOf('kubernetes');
  expect(lines).toContainEqual(
    naming(/^ +\w+ +MOUNT_PROC .*\bMOUNT_SYSFS .*\bMOUNT_OTHER_FS_LIST$/u),
  );
  expect(lines).toContainEqual(naming(/ EXEC_DURATION \(duration, .*\bEXEC_PATTERN\)/u));
  expect(await handlersOf('mknod-safe')).toMatchObject([
    { only: { mknod: { argument: 'mode', mask: '0o170000', values: ['0o020000'] } } },
  ]);
  const handlers = await handlersOf('kubernetes');
  expect(handlers.filter((handler) => 'only' in handler)).toEqual([]);
});

test('inspect: a bundle is found by its name, and named for its bundle.json', async () => {
  const { code, stdout } = await runCommand([seccompagent, 'inspect', 'mkdir-suffix']);
  expect(code).toBe(0);
  expect(stdout).toMatch(/^mkdir-suffix \d/u);
  const unknown = await runCommand([seccompagent, 'inspect', 'mkdir-sufix']);
  expect(unknown).toEqual(failed('AGENT_BUNDLE_INVALID', '"mkdir-sufix"', '"mkdir-suffix"'));
  const manifest = join(bundles, 'errno/bundle.json');
  const asked = await runCommand([seccompagent, 'inspect', manifest]);
  expect(asked).toEqual(failed('AGENT_USAGE', manifest, /\/errno\n/u));
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
  const result = await runCommand([seccompagent, 'inspect', file]);
  expect(result).toEqual(failed('AGENT_COMPONENT_INVALID', file, / 8\b/u));
  expect(result.stdout).toBe('');
  expect(result.stderr).toMatch(/^seccompagent: .+\n$/u);
});

test.for([[[]], [['a', 'b']], [['-unknown', 'a']], [['/no/such/file']]] as const)(
  'inspect %j: the message and where help is, exit code 2',
  async ([words]) => {
    const { code, stdout, stderr } = await runCommand([seccompagent, 'inspect', ...words]);
    expect({ code, stdout }).toEqual({ code: 2, stdout: '' });
    expect(stderr).toMatch(/^seccompagent: .+\n.*seccompagent inspect -help\n$/u);
  },
);

test.for(['-help', '--help', '-h'])('inspect %s: prints the usage on stdout', async (option) => {
  const { code, stdout, stderr } = await runCommand([seccompagent, 'inspect', option]);
  expect({ code, stderr }).toEqual({ code: 0, stderr: '' });
  expect(stdout).toMatch(/^.*seccompagent inspect /u);
});

test.for(tools.map(({ name }) => name))('%s -help: prints its usage on stdout', async (name) => {
  const { code, stdout, stderr } = await runCommand([seccompagent, name, '-help']);
  expect({ code, stderr }).toEqual({ code: 0, stderr: '' });
  expect(stdout).toMatch(new RegExp(`^.*seccompagent ${name} `, 'u'));
});

test('inspect: a FIFO is not waited for', async () => {
  using folder = new TemporaryFolder();
  execFileSync('mkfifo', [folder.at('fifo.wasm')]);
  const file = folder.at('fifo.wasm');
  const result = await runCommand([seccompagent, 'inspect', file]);
  expect(result).toEqual(failed('AGENT_COMPONENT_INVALID', file));
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
  expect(stdout).toContain(' mkdir (2 value, 1 fail)\n');
  // the handler of chmod
  expect(stdout).toMatch(/ f?chmod\w* \(1 fail\)\n/u);
  const component = join(bundle, 'mkdir-suffix.wasm');
  const json = await runCommand([seccompagent, ...words, '-json', component]);
  expect(JSON.parse(json.stdout)).toMatchObject({ answered: { mkdir: { value: 2, fail: 1 } } });
});

test('inspect: a file that is no recording is refused in one line', async () => {
  using folder = new TemporaryFolder();
  const file = folder.at('recording');
  writeFileSync(file, 'nothing');
  const words = ['inspect', '-recording', file, join(bundles, 'demo-basic')];
  const result = await runCommand([seccompagent, ...words]);
  expect(result).toEqual(failed('AGENT_RECORDING', file));
  expect(result.stdout).toBe('');
  expect(result.stderr).toMatch(/^seccompagent: .+\n$/u);
});
