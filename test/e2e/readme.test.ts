// SPDX-License-Identifier: Apache-2.0
// Tests the examples of the README, and of the pages that take its place.
import { readFileSync, readdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';

import { expect, test } from 'vitest';

import { runUsage } from '../../host/commands/options.ts';
import { shippedBundles } from '../../host/package-root.ts';
import { projectRoot, RunningCommand, runCommand, seccompagent } from '../support/command.ts';
import { naming } from '../support/failures.ts';
import { Operator } from '../support/operator.ts';
import { Page } from '../support/pages.ts';
import { TemporaryFolder } from '../support/temporary-folder.ts';

const readme = new Page('README.md');
const howto = (name: string): Page => new Page(`deploy/docs/howto/${name}.md`);

/** Pids differ from run to run. */
function withoutPids(text: string): string {
  return text.replaceAll(/-pid-\d+/gu, '-pid-N');
}

/** Contents of a terminal, as plain lines. */
function plainLines(text: string): readonly string[] {
  return withoutPids(text)
    .replaceAll('\r', '')
    .split('\n')
    .map((line) => line.trimEnd());
}

test('README: the demo prints what it shows', async () => {
  const shown = readme.blockWith('console', 'Every mkdir');
  const { code, stdout } = await runCommand(['npm', 'run', '--silent', 'demo'], {
    cwd: projectRoot,
  });
  expect(code).toBe(0);
  expect(plainLines(withoutPids(stdout)).join('\n')).toBe(plainLines(shown).join('\n'));
});

test('README: the container demo of runc shows what it says', async () => {
  using folder = new TemporaryFolder();
  const ociBundle = folder.at('demo');
  const commands = readme.blockWith('sh', 'oci-bundle.sh').replaceAll('/tmp/demo', ociBundle);
  const [make = '', run = ''] = commands.trim().split('\n');
  await using agent = new RunningCommand([seccompagent, '-resolver=demo-basic']);
  await agent.printed(/\bagent-listening\b/u);

  const made = await runCommand(['sh', '-c', make], { cwd: projectRoot });
  expect(made).toMatchObject({ code: 0, stderr: '' });
  const shown = readme.blockWith('console', '/ # mkdir /abc');
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

test('docs: a profile of one’s own answers the calls of a container of runc', async () => {
  using folder = new TemporaryFolder();
  const commands = howto('profiles')
    .blockWith('sh', '/tmp/own.json')
    .replaceAll('/tmp/own', folder.at('own'))
    .replace('seccompagent', seccompagent);
  await using agent = new RunningCommand([seccompagent]);
  await agent.printed(/\bagent-listening\b/u);
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
  expect(made.stderr).toEqual(naming('oci-bundle.sh', folder.at('none.json')));
});

test('docs: README, how-to and help say that run is no security boundary', () => {
  for (const text of [readme.text, howto('sandbox').text, runUsage])
    expect(text).toContain('no security boundary');
});

/** The configuration that is shown, in an operator's own folder; `/work` is the folder `in`. */
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
  const text = howto('grants')
    .blockWith('yaml', 'bundles:')
    .replaceAll('/etc/seccompagent/keys', operator.at('.'))
    .replaceAll('/etc/seccompagent', operator.at('.'))
    .replaceAll('/usr/share/seccompagent/bundles', operator.at('out'))
    .replaceAll('/work', operator.at('in'));
  writeFileSync(file, text, { mode: 0o644 });
  return file;
}

test('docs: the configuration of howto/grants.md is one, and does what is said', async () => {
  using operator = new Operator();
  const file = shownConfig(operator);
  const [command = ''] = howto('grants').blockWith('sh', 'config check').trim().split('\n');
  const line = command
    .replace('seccompagent', seccompagent)
    .replace('/etc/seccompagent/config.yaml', file);
  const checked = await runCommand(['sh', '-c', line]);
  expect(checked).toMatchObject({ code: 0, stderr: '' });
  expect(checked.stdout.split('\n')).toContainEqual(
    naming('filesystem', /\bmkdir\b/u, operator.at('in')),
  );

  const folders = `${operator.at('in')}/a ${operator.at('out')}/a`;
  const { stderr } = await operator.run(`busybox mkdir ${folders}`, '-bundle=team-names');
  expect(stderr).toMatch(/out\/a': Operation not permitted|out\/a: Operation not permitted/u);
  expect(readdirSync(operator.at('in'))).toEqual(['a-suffix']);
  expect(readdirSync(operator.at('out'))).toEqual([]);
});
