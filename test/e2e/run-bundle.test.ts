// SPDX-License-Identifier: Apache-2.0
// Tests `seccompagent run -bundle`, and what the agent says of bundles on its command line.
import { readdirSync, readFileSync, utimesSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';

import { expect, test } from 'vitest';

import { AgentProcess } from '../support/agent-process.ts';
import { AskedCaller } from '../support/asked-caller.ts';
import { BundleFolder } from '../support/bundle-folder.ts';
import { runCommand, seccompagent } from '../support/command.ts';
import { failed } from '../support/failures.ts';
import { looping } from '../support/hostile-components.ts';
import { recordsOf } from '../support/log-records.ts';
import { until } from '../support/polling.ts';
import { TemporaryFolder } from '../support/temporary-folder.ts';
import { trapLines } from '../support/trap-container.ts';

const run = [seccompagent, 'run'] as const;

/** A bundle that makes directories under another name. */
function suffixBundle(folder: BundleFolder): string {
  const declared = { SUFFIX: { type: 'template', default: '-mine', description: 'text' } };
  folder.write('mine', {
    component: 'mkdir-suffix',
    grants: ['filesystem'],
    declared,
    settings: { suffix: { from: 'SUFFIX' } },
  });
  return folder.at('mine');
}

test('run -bundle: a shipped bundle is taken by its name', async () => {
  using folder = new TemporaryFolder();
  const command = [...run, '-bundle=mkdir-suffix', '--', 'mkdir', 'abc'] as const;
  const result = await runCommand(command, { cwd: folder.path });
  expect(result).toEqual({ code: 0, signal: null, stdout: '', stderr: '' });
  expect(readdirSync(folder.path)).toEqual(['abc-suffix']);
});

test.for(['.', './', '../mine'])('run -bundle: %s is the folder of a bundle', async (path) => {
  using bundles = new BundleFolder();
  using folder = new TemporaryFolder();
  const cwd = suffixBundle(bundles);
  const command = [...run, '-bundle', path, '--', 'mkdir', folder.at('abc')] as const;
  const result = await runCommand(command, { cwd });
  expect(result).toEqual({ code: 0, signal: null, stdout: '', stderr: '' });
  expect(readdirSync(folder.path)).toEqual(['abc-mine']);
});

test('run -bundle: a component that is older than its source is refused unless allowed', async () => {
  using bundles = new BundleFolder();
  const cwd = suffixBundle(bundles);
  const source = join(cwd, 'handler.ts');
  writeFileSync(source, 'changed, and not built');
  const recording = join(cwd, 'calls');
  const record = [seccompagent, 'record', '-o', recording] as const;
  const command = ['-bundle=.', '--', 'echo', 'ran'] as const;
  // what was copied at the same time is no change
  expect(await runCommand([...run, ...command], { cwd })).toMatchObject({ code: 0, stderr: '' });
  expect(await runCommand([...record, ...command], { cwd })).toMatchObject({ code: 0 });
  const later = Date.now() / 1000 + 60;
  utimesSync(source, later, later);
  const words = ['handler.wasm', 'handler.ts', '"seccompagent build ."', '-allow-stale'];
  const refused = failed('AGENT_BUNDLE_STALE', ...words);
  for (const asked of [
    [...run, ...command],
    [...run, '-bundle-shadow=.', '-bundle=errno', '--', 'echo', 'ran'],
    [...record, ...command],
    [seccompagent, 'replay', '-bundle=.', recording],
  ] as const) {
    const result = await runCommand(asked, { cwd });
    expect(result).toEqual(refused);
    expect(result.stdout).toBe('');
  }
  const replay = [seccompagent, 'replay', '-allow-stale', '-bundle=.', recording] as const;
  expect((await runCommand(replay, { cwd })).code).toBe(0);
  const { code, stderr } = await runCommand([...run, '-allow-stale', ...command], { cwd });
  expect(code).toBe(0);
  expect(recordsOf(stderr)).toEqual([
    expect.objectContaining({
      level: 'warn',
      event: 'component-stale',
      component: 'handler.wasm',
      source: 'handler.ts',
    }),
  ]);
});

test('run -bundle: several are asked in their order, with settings of -metadata', async () => {
  using bundles = new BundleFolder();
  using folder = new TemporaryFolder();
  const list = `${suffixBundle(bundles)},mkdir-suffix,errno`;
  const settings = 'SUFFIX=-{{.ContainerID}}\nCHMOD_ERRNO=EBADMSG';
  const script = 'mkdir abc; chmod 700 .';
  const result = await runCommand(
    [...run, '-bundle', list, '-metadata', settings, '--', 'sh', '-c', script],
    { cwd: folder.path },
  );
  expect(result.code).toBe(1);
  expect(result.stderr).toContain('Bad message');
  expect(readdirSync(folder.path)).toEqual([expect.stringMatching(/^abc-run-\d+$/u)]);
});

test.for([
  [['-bundle=nobody'], failed('AGENT_BUNDLE_INVALID', '"nobody"', '/etc/seccompagent/bundles, ')],
  [['-bundle=/nowhere'], failed('AGENT_BUNDLE_INVALID', '/nowhere/bundle.json', 'ENOENT')],
  [
    ['-bundle=errno', '-metadata=CHMOD_ERRNO=no'],
    failed('AGENT_SETTING_INVALID', '"CHMOD_ERRNO"', 'EPERM'),
  ],
  [
    ['-bundle=errno', '-metadata=SUFFIX=x'],
    failed('AGENT_SETTING_INVALID', '"SUFFIX"', 'errno', 'CHMOD_ERRNO'),
  ],
] as const)('G3: run %j: says what is wrong, and runs nothing', async ([options, failure]) => {
  const result = await runCommand([...run, ...options, '--', 'echo', 'ran']);
  expect(result).toEqual(failure);
  expect(result.stdout).toBe('');
  expect(result.stderr).toMatch(/^seccompagent: .*\n$/u);
});

test('run: without anybody who answers, it says who may', async () => {
  const result = await runCommand([...run, '--', 'echo', 'ran']);
  expect(result).toEqual(failed('AGENT_USAGE', '-bundle', '-resolver', '-syscalls'));
});

test('run -bundle: a name that is a folder here is told how it is given', async () => {
  using bundles = new BundleFolder();
  suffixBundle(bundles);
  const result = await runCommand([...run, '-bundle=mine', '--', 'echo', 'ran'], {
    cwd: bundles.at('.'),
  });
  expect(result).toEqual(failed('AGENT_BUNDLE_INVALID', '"mine"', './mine'));
});

test('run -bundle: a component that was changed after the build is refused', async () => {
  using bundles = new BundleFolder();
  const path = suffixBundle(bundles);
  const digest = `sha256:${'0'.repeat(64)}`;
  const handlers = [{ component: 'handler.wasm', digest }];
  const grants = { filesystem: { reason: 'text' } };
  const manifest = { name: 'mine', version: '0.1.0', description: 'text', grants, handlers };
  writeFileSync(bundles.at('mine/bundle.json'), JSON.stringify(manifest));
  const result = await runCommand([...run, '-bundle', path, '--', 'echo', 'ran']);
  expect(result).toEqual(failed('AGENT_BUNDLE_INVALID', 'handler.wasm', digest));
});

test('agent -bundle: answers for containers that select none, and reads it again on SIGHUP', async () => {
  using bundles = new BundleFolder();
  using folder = new TemporaryFolder();
  const path = suffixBundle(bundles);
  const socket = folder.at('agent.socket');
  await using agent = await AgentProcess.start(socket, `-bundle=${path}`);
  await agent.logged('agent-started', { resolver: 'none', bundles: /mine/u });
  const made = async (name: string, metadata = ''): Promise<readonly string[]> =>
    trapLines({
      socket,
      trapped: ['mkdir'],
      options: ['-m', metadata],
      folder: folder.path,
      operations: [`mkdir:${name}:755`],
    });

  await made('a');
  await made('b', 'SUFFIX=-set');
  await made('c', 'BUNDLE=mkdir-suffix');
  writeFileSync(bundles.at('mine/bundle.json'), '{');
  agent.signal('SIGHUP');
  await agent.logged('bundle-not-reloaded', {
    code: 'AGENT_BUNDLE_INVALID',
    error: /mine\/bundle\.json/u,
  });
  await made('d');
  suffixBundle(bundles);
  writeFileSync(
    bundles.at('mine/bundle.json'),
    JSON.stringify({
      name: 'mine',
      version: '0.2.0',
      description: 'text',
      grants: { filesystem: { reason: 'text' } },
      handlers: [{ component: 'handler.wasm', settings: { suffix: '-new' } }],
    }),
  );
  agent.signal('SIGHUP');
  await agent.logged('reloaded', {}, 2);
  await made('e');

  // beside the socket is a file of the containers that the agent serves, until it knows that they ended
  const names = readdirSync(folder.path).filter((name) => !name.startsWith('agent.socket'));
  expect(names.toSorted()).toEqual(['a-mine', 'b-set', 'c-suffix', 'd-mine', 'e-new']);
  expect(await agent.stop('SIGTERM')).toMatchObject({ code: 0 });
});

/** See SigCgt of proc_pid_status(5). */
function catchesHangup(pid: number): boolean {
  const caught = /^SigCgt:\s*(?<mask>[0-9a-f]+)$/mu.exec(
    readFileSync(`/proc/${pid}/status`, 'utf8'),
  );
  return (BigInt(`0x${caught?.groups?.['mask'] ?? 0}`) & 1n) === 1n;
}

test('agent: SIGHUP while it starts does not end it', async () => {
  using folder = new TemporaryFolder();
  const starting = AgentProcess.starting(folder.at('agent.socket'));
  await using agent = starting.process;
  await until('SIGHUP to be caught', () => catchesHangup(agent.pid) || undefined);
  agent.signal('SIGHUP');
  await starting.listening;
  expect(await agent.stop('SIGTERM')).toMatchObject({ code: 0 });
});

test('agent: SIGHUP while it stops does not end it before its calls', async () => {
  using bundles = new BundleFolder();
  using folder = new TemporaryFolder();
  bundles.write('loop', { component: looping(), syscalls: ['getpgid'], deadline: '2s' });
  const socket = folder.at('agent.socket');
  await using agent = await AgentProcess.start(socket, `-bundle=${join(bundles.path, 'loop')}`);
  await using caller = new AskedCaller({ socket });
  await agent.logged('container-attached');
  const asked = caller.ask('getpgid 1');
  await new Promise((resolve) => setTimeout(resolve, 300));
  const stopped = agent.stop('SIGTERM');
  await agent.logged('agent-stopping');
  agent.signal('SIGHUP');
  expect(await stopped).toMatchObject({ code: 0, signal: null });
  expect(await asked).toMatchObject({ answer: 'EPERM' });
});
