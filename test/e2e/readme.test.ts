// SPDX-License-Identifier: Apache-2.0
// What the README shows is what happens.
import { readFileSync, readdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';

import { expect, test } from 'vitest';

import { agentUsage, runUsage } from '../../host/commands/options.ts';
import { shippedBundles } from '../../host/package-root.ts';
import { projectRoot, RunningCommand, runCommand, seccompagent } from '../support/command.ts';
import { Operator } from '../support/operator.ts';
import { TemporaryFolder } from '../support/temporary-folder.ts';

const readme = readFileSync(join(projectRoot, 'README.md'), 'utf8');

/** The code blocks of a language, in their order. */
function blocks(language: string): readonly string[] {
  const fence = new RegExp(`\`\`\`${language}\n(?<code>.*?)\`\`\``, 'gsu');
  return [...readme.matchAll(fence)].map((match) => match.groups?.['code'] ?? '');
}

function blockWith(language: string, text: string): string {
  const found = blocks(language).find((block) => block.includes(text));
  if (found === undefined) throw new Error(`the README has no ${language} block with ${text}`);
  return found;
}

/** Pids differ from run to run. */
function withoutPids(text: string): string {
  return text.replaceAll(/-pid-\d+/gu, '-pid-N');
}

/** What a terminal shows, as plain lines. */
function plainLines(text: string): readonly string[] {
  return withoutPids(text)
    .replaceAll('\r', '')
    .split('\n')
    .map((line) => line.trimEnd());
}

test('README: the demo prints what it shows', async () => {
  const shown = blockWith('console', 'Every mkdir');
  const { code, stdout } = await runCommand(['npm', 'run', '--silent', 'demo'], {
    cwd: projectRoot,
  });
  expect(code).toBe(0);
  expect(plainLines(withoutPids(stdout)).join('\n')).toBe(plainLines(shown).join('\n'));
});

test('README: the container demo of runc shows what it says', async () => {
  using folder = new TemporaryFolder();
  const ociBundle = folder.at('demo');
  const commands = blockWith('sh', 'oci-bundle.sh').replaceAll('/tmp/demo', ociBundle);
  const [make = '', run = ''] = commands.trim().split('\n');
  await using agent = new RunningCommand([seccompagent, '-resolver=demo-basic']);
  await agent.printed(/listening/u);

  const made = await runCommand(['sh', '-c', make], { cwd: projectRoot });
  expect(made).toMatchObject({ code: 0, stderr: '' });
  const shown = blockWith('console', '/ # mkdir /abc');
  const typed = [...shown.matchAll(/^\/ # (?<line>.*)$/gmu)].map((match) => match.groups?.['line']);
  const input = [...typed, 'exit', ''].join('\n');
  try {
    const ran = await runCommand(
      ['timeout', '-s', 'KILL', '30', 'script', '-qec', run, '/dev/null'],
      { cwd: projectRoot, input },
    );
    const session = plainLines(ran.stdout);
    const start = session.findIndex((line) => line.endsWith('# mkdir /abc'));
    expect(session.slice(start, -1).join('\n')).toContain(plainLines(shown).join('\n').trimEnd());
  } finally {
    await runCommand(['runc', 'delete', '-f', 'demo']);
  }
  agent.kill('SIGTERM');
  expect(await agent.ended).toMatchObject({ code: 0 });
});

test('README: a profile for other bundles answers the calls of a container of runc', async () => {
  using folder = new TemporaryFolder();
  const commands = blockWith('sh', '/tmp/own.json')
    .replaceAll('/tmp/own', folder.at('own'))
    .replace('seccompagent', seccompagent);
  await using agent = new RunningCommand([seccompagent]);
  await agent.printed(/listening/u);
  try {
    const ran = await runCommand(
      ['timeout', '-s', 'KILL', '30', 'script', '-qec', commands, '/dev/null'],
      { cwd: projectRoot, input: ['mkdir /abc', 'ls -1d /abc*', 'exit', ''].join('\n') },
    );
    expect(plainLines(ran.stdout)).toContain('/abc-own');
  } finally {
    await runCommand(['runc', 'delete', '-f', 'own']);
  }
  agent.kill('SIGTERM');
  expect(await agent.ended).toMatchObject({ code: 0 });
});

test('oci-bundle.sh: a profile that is not there is an error', async () => {
  using folder = new TemporaryFolder();
  const script = join(projectRoot, 'deploy/examples/oci-bundle.sh');
  const made = await runCommand(['sh', script, folder.at('a'), folder.at('none.json')]);
  expect(made.code).toBe(1);
  expect(made.stderr).toBe(`oci-bundle.sh: there is no file ${folder.at('none.json')}\n`);
});

test('README: the usage is what -help prints', () => {
  expect(blockWith('console', 'Usage: seccompagent')).toBe(agentUsage);
});

test('README: it says as the help does that run is no security boundary', () => {
  for (const text of [readme, runUsage]) expect(text).toContain('no security boundary');
});

test('README: the handler is the one that ships', () => {
  const source = readFileSync(join(projectRoot, 'handlers-wasm/mkdir-suffix/handler.ts'), 'utf8');
  const [, code] = source.split(/\n\n(?=import)/u);
  expect(blockWith('ts', 'guest-sdk')).toBe(code);
});

/** The configuration that it shows, in an operator's own folder; `/work` is the folder `in`. */
function shownConfig(operator: Operator): string {
  const name = 'team-names';
  operator.add(name, join(shippedBundles(), 'mkdir-suffix'));
  const manifest = operator.at(`bundles/${name}/bundle.json`);
  writeFileSync(
    manifest,
    readFileSync(manifest, 'utf8').replace('"mkdir-suffix"', JSON.stringify(name)),
  );
  operator.addKey('acme.pub');
  const file = operator.at('config.yaml');
  const text = blockWith('yaml', 'bundles:')
    .replaceAll('/etc/seccompagent/keys', operator.at('.'))
    .replaceAll('/etc/seccompagent', operator.at('.'))
    .replaceAll('/usr/share/seccompagent/bundles', operator.at('out'))
    .replaceAll('/work', operator.at('in'));
  writeFileSync(file, text, { mode: 0o644 });
  return file;
}

test('README: the configuration is one, and does what is said', async () => {
  using operator = new Operator();
  const file = shownConfig(operator);
  const [command = ''] = blockWith('sh', 'config check').trim().split('\n');
  const line = command
    .replace('seccompagent', seccompagent)
    .replace('/etc/seccompagent/config.yaml', file);
  const checked = await runCommand(['sh', '-c', line]);
  expect(checked).toMatchObject({ code: 0, stderr: '' });
  expect(checked.stdout).toContain(`filesystem: operations mkdir; paths ${operator.at('in')}`);

  const folders = `${operator.at('in')}/a ${operator.at('out')}/a`;
  const { stderr } = await operator.run(`busybox mkdir ${folders}`, '-bundle=team-names');
  expect(stderr).toMatch(/out\/a': Operation not permitted|out\/a: Operation not permitted/u);
  expect(readdirSync(operator.at('in'))).toEqual(['a-suffix']);
  expect(readdirSync(operator.at('out'))).toEqual([]);
});

test('README: the command of seccompagent run works', async () => {
  const line = blockWith('sh', 'seccompagent run').trim();
  const { code, stderr } = await runCommand([
    'sh',
    '-c',
    line.replace('seccompagent', seccompagent),
  ]);
  expect(code).toBe(1);
  expect(stderr).toContain('Bad message');
});
