// SPDX-License-Identifier: Apache-2.0
// The audit log: what is in it, how it is rotated, and what a full disk does.
import { spawn, spawnSync } from 'node:child_process';
import {
  chmodSync,
  copyFileSync,
  existsSync,
  mkdirSync,
  readFileSync,
  readdirSync,
  renameSync,
  statSync,
  writeFileSync,
} from 'node:fs';
import { join } from 'node:path';

import { expect, test } from 'vitest';

import { AgentProcess } from '../support/agent-process.ts';
import { compiled } from '../support/compile.ts';
import { RunningCommand, projectRoot, runCommand, seccompagent } from '../support/command.ts';
import { metricValues } from '../support/agent-metrics.ts';
import { failed } from '../support/failures.ts';
import { recordsOf } from '../support/log-records.ts';
import { until } from '../support/polling.ts';
import { TemporaryFolder } from '../support/temporary-folder.ts';
import { testBundle } from '../support/test-bundles.ts';
import { TimedCalls } from '../support/timed-calls.ts';
import { trapLines } from '../support/trap-container.ts';

type Line = Readonly<Record<string, unknown>>;

/** Every line of these files, each of which has to be whole. */
function linesOf(...files: readonly string[]): readonly Line[] {
  return files.flatMap((file) => {
    const texts = readFileSync(file, 'utf8').split('\n');
    expect([file, texts.pop()]).toEqual([file, '']);
    return texts.map((text): Line => JSON.parse(text));
  });
}

/** All files of a folder that are called as this one, and what was made of it. */
function rotated(folder: string, name: string): readonly string[] {
  return readdirSync(folder)
    .filter((file) => file.startsWith(name))
    .map((file) => join(folder, file));
}

const pod = [
  'io.kubernetes.cri.sandbox-namespace=shop',
  'io.kubernetes.cri.sandbox-name=web-1',
].flatMap((text) => ['-A', text]);

const demo = ['-resolver=demo-basic'] as const;

test('audit: a line says who called what, who answered what, and how long that took', async () => {
  using folder = new TemporaryFolder();
  const [socket, file] = [folder.at('agent.socket'), folder.at('audit.jsonl')];
  await using agent = await AgentProcess.start(socket, ...demo, `-audit-log=${file}`);
  const before = Date.now();
  await trapLines({
    socket,
    trapped: ['mkdir', 'chmod', 'getpgid'],
    options: ['-r', '-i', 'c1', ...pod],
    operations: ['mkdir:/a:755', 'chmod:/a:700', 'getpgid'],
  });
  await agent.stop('SIGTERM');
  const lines = linesOf(file);
  const common = { container: 'c1', namespace: 'shop', pod: 'web-1', arch: expect.any(String) };
  expect(lines).toMatchObject([
    {
      ...common,
      syscall: 'mkdir',
      handler: 'mkdir-suffix',
      bundle: 'demo-basic',
      answer: 'value',
      value: 0,
      performed: ['operate'],
    },
    { ...common, syscall: 'chmod', handler: 'errno', answer: 'errno', errno: 'EBADMSG' },
    { ...common, syscall: 'getpgid', answer: 'continue' },
  ]);
  expect(lines[1]).not.toHaveProperty('performed');
  expect(lines[2]).not.toHaveProperty('handler');
  for (const line of lines) {
    expect(line['microseconds']).toBeGreaterThan(0);
    expect(Date.parse(String(line['time']))).toBeGreaterThanOrEqual(before - 1000);
    expect(Date.parse(String(line['time']))).toBeLessThanOrEqual(Date.now() + 1000);
    expect(line['pid']).toBeGreaterThan(1);
    // nobody has asked for them
    expect(line).not.toHaveProperty('arguments');
  }
  expect(statSync(file).mode & 0o777).toBe(0o600);
});

test('audit: failed calls of a handler are logged, with the reason', async () => {
  using folder = new TemporaryFolder();
  const [socket, file] = [folder.at('agent.socket'), folder.at('audit.jsonl')];
  await using agent = await AgentProcess.start(
    socket,
    `-bundle=${testBundle('secrets')}`,
    `-audit-log=${file}`,
    `-config=${configFor(folder, 'secrets')}`,
  );
  for (const type of ['throw', 'loop']) {
    await trapLines({
      socket,
      trapped: ['mount'],
      options: ['-r', '-i', type],
      operations: [`mount:none:/tmp:${type}:0:x`],
    });
  }
  await agent.logged('handler-timeout', { container: 'loop' });
  await agent.stop('SIGTERM');
  const refused = { syscall: 'mount', handler: 'secrets', answer: 'errno', errno: 'EPERM' };
  expect(linesOf(file)).toMatchObject([
    { ...refused, container: 'throw', failure: 'trap' },
    { ...refused, container: 'loop', failure: 'deadline' },
  ]);
});

test('audit: what a handler did before it was ended is logged', async () => {
  using folder = new TemporaryFolder();
  const [socket, file] = [folder.at('agent.socket'), folder.at('audit.jsonl')];
  await using agent = await AgentProcess.start(
    socket,
    `-bundle=${testBundle('act-and-loop')}`,
    `-config=${configFor(folder, 'act-and-loop')}`,
    `-audit-log=${file}`,
    '-audit-arguments',
  );
  await trapLines({
    socket,
    trapped: ['mkdir'],
    options: ['-r', '-i', 'c1'],
    operations: ['mkdir:/made:755'],
  });
  await agent.logged('handler-timeout', { container: 'c1' });
  await agent.stop('SIGTERM');
  expect(linesOf(file)).toMatchObject([
    { syscall: 'mkdir', failure: 'deadline', performed: ['operate'], arguments: { path: '/made' } },
  ]);
});

test('audit: calls of a container that was refused are told from those that a policy refuses', async () => {
  using folder = new TemporaryFolder();
  const [socket, file] = [folder.at('agent.socket'), folder.at('audit.jsonl')];
  await using agent = await AgentProcess.start(
    socket,
    '-resolver=none',
    '-log=debug',
    `-audit-log=${file}`,
  );
  for (const metadata of ['BUNDEL=no-setuid', 'DEFAULT_ACTION=errno:EPERM']) {
    await trapLines({
      socket,
      trapped: ['getpgid'],
      options: ['-i', 'c1', '-m', metadata],
      operations: ['getpgid'],
    });
  }
  await agent.stop('SIGTERM');
  const [refused, byPolicy] = linesOf(file);
  expect(refused).toMatchObject({ answer: 'errno', errno: 'EPERM', failure: 'settings' });
  expect(byPolicy).toMatchObject({ answer: 'errno', errno: 'EPERM' });
  expect(byPolicy).not.toHaveProperty('failure');
  await agent.logged('call-answered', { failure: 'settings' });
});

test('audit: who has connected for a container, if not root, is there', async () => {
  using folder = new TemporaryFolder();
  // for the user
  chmodSync(folder.path, 0o755);
  const [socket, file] = [folder.at('agent.socket'), folder.at('audit.jsonl')];
  const program = folder.at('trap');
  copyFileSync(compiled('trap'), program);
  chmodSync(program, 0o755);
  await using agent = await AgentProcess.start(socket, '-allow-uids=1000', `-audit-log=${file}`);
  const common = { socket, program, trapped: ['getpgid'], operations: ['getpgid'] };
  await trapLines({ ...common, options: ['-i', 'root'] });
  await trapLines({
    ...common,
    options: ['-N', '-i', 'user'],
    wrapper: ['setpriv', '--reuid=1000', '--regid=1000', '--clear-groups'],
  });
  await agent.stop('SIGTERM');
  const [ofRoot, ofUser] = linesOf(file);
  expect(ofRoot).not.toHaveProperty('peerUid');
  expect(ofUser).toMatchObject({ container: 'user', peerUid: 1000 });
});

function configFor(folder: TemporaryFolder, bundle: string): string {
  const { grants } = JSON.parse(readFileSync(join(testBundle(bundle), 'bundle.json'), 'utf8'));
  const allowed = Object.fromEntries(Object.keys(grants ?? {}).map((name) => [name, {}]));
  const file = folder.at('config.yaml');
  writeFileSync(file, JSON.stringify({ bundles: { [bundle]: { grants: allowed } } }));
  return file;
}

test('M5: audit: -audit-arguments has the arguments, and nothing that may be a password', async () => {
  using folder = new TemporaryFolder();
  const [socket, file] = [folder.at('agent.socket'), folder.at('audit.jsonl')];
  await using agent = await AgentProcess.start(
    socket,
    ...demo,
    `-audit-log=${file}`,
    '-audit-arguments',
  );
  await trapLines({
    socket,
    trapped: ['mkdir', 'mount', 'fsopen'],
    options: ['-r'],
    operations: [
      'mkdir:/a\u202e:755',
      'mkdir-hex:2fff:700',
      'mkdir-null',
      'mount:none:/none:ramfs:0:username=me,password=geheim4711',
    ],
  });
  await agent.stop('SIGTERM');
  // of several workers, a later one may be written first: the kernel counts a listener's calls
  const lines = linesOf(file).toSorted((a, b) =>
    Number(BigInt(String(a['id'])) - BigInt(String(b['id']))),
  );
  expect(lines.map((line) => line['arguments'])).toMatchObject([
    { path: '/a\u202e', mode: 0o755 },
    { path: { hex: '2fff' }, mode: 0o700 },
    { path: null },
    { source: 'none', target: '/none', 'filesystem-type': 'ramfs', data: { secretBytes: 31 } },
  ]);
  const text = readFileSync(file, 'utf8');
  expect(text).not.toContain('geheim');
  expect(text).not.toContain('password');
});

/** Threads that call until they are told to end. */
interface Load {
  readonly threads: number;
  readonly pauseUs: number;
}

/** Nothing is lost of it, whoever else uses the machine. */
const steady: Load = { threads: 4, pauseUs: 1000 };

/** Calls while something is done to the log. @returns how many */
async function callsDuring(socket: string, load: Load, act: () => Promise<void>): Promise<number> {
  await using calls = new TimedCalls({ socket, call: 'getpgid:0', calls: 0, ...load });
  await calls.ready();
  calls.begin();
  await act();
  calls.finish();
  return (await calls.result()).calls;
}

/** Renames the log again and again. */
async function rename(agent: AgentProcess, file: string): Promise<void> {
  for (let turn = 1; turn <= 6; turn += 1) {
    await until('some lines', () => statSync(file).size > 10_000 || undefined);
    renameSync(file, `${file}.${turn}`);
    // every other time it has to find out by itself
    if (turn % 2 === 0) agent.signal('SIGHUP');
    await until('a new file', () => statSync(file, { throwIfNoEntry: false }));
  }
}

test('audit: renamed again and again while calls come, no line is lost or cut', async () => {
  using folder = new TemporaryFolder();
  const [socket, file] = [folder.at('agent.socket'), folder.at('audit.jsonl')];
  await using agent = await AgentProcess.start(socket, `-audit-log=${file}`);
  const calls = await callsDuring(socket, steady, () => rename(agent, file));
  await agent.stop('SIGTERM');
  const files = rotated(folder.path, 'audit.jsonl');
  expect(files).toHaveLength(7);
  const lines = linesOf(...files);
  expect(agent.records.filter((record) => 'count' in record)).toEqual([]);
  expect(lines).toHaveLength(calls);
  expect(new Set(lines.map(({ id }) => id)).size).toBe(calls);
});

test('audit: of more calls than can be written down, a line of their container counts those that are lost', async () => {
  using folder = new TemporaryFolder();
  const [socket, file] = [folder.at('agent.socket'), folder.at('audit.jsonl')];
  await using agent = await AgentProcess.start(
    socket,
    `-audit-log=${file}`,
    '-metrics-bind-address=127.0.0.1:0',
  );
  const flood = { threads: 8, pauseUs: 0 };
  const calls = await callsDuring(socket, flood, () => rename(agent, file));
  const lost = async (): Promise<number> => {
    const values = await metricValues(agent);
    return (
      (values.get('seccompagent_decisions_lost_total') ?? 0) +
      (values.get('seccompagent_audit_lines_total{result="lost"}') ?? 0)
    );
  };
  const written = (): number =>
    rotated(folder.path, 'audit.jsonl')
      .map((name) => readFileSync(name, 'utf8').match(/"id":.*\n/gu)?.length ?? 0)
      .reduce((sum, count) => sum + count, 0);
  await until('all to be counted', async () =>
    written() + (await lost()) === calls ? true : undefined,
  );
  const counted = await lost();
  await agent.stop('SIGTERM');
  const lines = linesOf(...rotated(folder.path, 'audit.jsonl'));
  const losses = lines.filter((line) => 'decisionsLost' in line);
  expect(lines.length - losses.length + counted).toBe(calls);
  expect(losses.reduce((sum, line) => sum + Number(line['decisionsLost']), 0)).toBe(counted);
  const { container } = lines.find((line) => 'id' in line) ?? {};
  for (const loss of losses) expect(loss['container']).toBe(container);
});

/** In other containers, for as long as something is done. */
async function amongFloods<T>(socket: string, act: () => Promise<T>): Promise<T> {
  await using stack = new AsyncDisposableStack();
  const flood = { socket, call: 'mkdir:/nosuch/a', threads: 8, calls: 0 };
  const floods = ['f1', 'f2', 'f3'].map((id) => stack.use(new TimedCalls({ ...flood, id })));
  await Promise.all(floods.map(async (each) => each.ready()));
  for (const each of floods) each.begin();
  const result = await act();
  for (const each of floods) each.finish();
  await Promise.all(floods.map(async (each) => each.result()));
  return result;
}

test.for([
  ['without a rate of containers', ['-container-rate=none'], Infinity],
  // three floods of 16 MiB at once
  ['with a rate of containers, which bounds what they write', [], 60 * 2 ** 20],
] as const)(
  'audit: %s, no decision of a container is lost while others flood the agent',
  async ([, options, maxBytes]) => {
    using folder = new TemporaryFolder();
    const [socket, file] = [folder.at('agent.socket'), folder.at('audit.jsonl')];
    await using agent = await AgentProcess.start(socket, `-audit-log=${file}`, ...options);
    const calls = await amongFloods(socket, async () => {
      const quiet = { socket, call: 'getpgid:0', id: 'quiet', calls: 200, pauseUs: 10_000 };
      await using timed = new TimedCalls(quiet);
      await timed.ready();
      timed.begin();
      return (await timed.result()).calls;
    });
    await agent.stop('SIGTERM');
    const lines = linesOf(...rotated(folder.path, 'audit.jsonl'));
    const ofQuiet = lines.filter(({ container }) => container === 'quiet');
    expect(ofQuiet).toHaveLength(calls);
    expect(ofQuiet.filter((line) => 'decisionsLost' in line)).toEqual([]);
    const lost = new Set(
      lines.filter((line) => 'decisionsLost' in line).map(({ container }) => container),
    );
    expect([...lost].every((id) => ['f1', 'f2', 'f3'].includes(String(id)))).toBe(true);
    expect(statSync(file).size).toBeLessThan(maxBytes);
  },
);

test('audit: logrotate works as deploy/logrotate says', async () => {
  using folder = new TemporaryFolder();
  const socket = folder.at('agent.socket');
  const logs = folder.at('log');
  mkdirSync(logs);
  // logrotate wants no folder that others may write to
  chmodSync(logs, 0o700);
  const file = join(logs, 'audit.jsonl');
  const example = readFileSync(join(projectRoot, 'deploy/logrotate/seccompagent'), 'utf8');
  const config = folder.at('logrotate.conf');
  writeFileSync(config, example.replace('/var/log/seccompagent/audit.jsonl', file), {
    mode: 0o600,
  });
  await using agent = await AgentProcess.start(socket, `-audit-log=${file}`, '-rotate-size=none');
  const rotate = async (): Promise<void> => {
    const state = folder.at('logrotate.state');
    const { code, stderr } = await runCommand(['logrotate', '-f', '-s', state, config]);
    expect([code, stderr]).toEqual([0, '']);
  };
  const calls = await callsDuring(socket, steady, async () => {
    for (let turn = 1; turn <= 3; turn += 1) {
      await until('some lines', () => statSync(file).size > 10_000 || undefined);
      await rotate();
    }
    await until('some lines', () => statSync(file).size > 0 || undefined);
  });
  await agent.stop('SIGTERM');
  for (const name of rotated(logs, 'audit.jsonl').filter((each) => each.endsWith('.gz'))) {
    expect(spawnSync('gunzip', [name]).status).toBe(0);
  }
  const files = rotated(logs, 'audit.jsonl');
  expect(files).toHaveLength(4);
  expect(linesOf(...files)).toHaveLength(calls);
  expect(statSync(file).mode & 0o777).toBe(0o600);
});

test('audit: a full disk holds no call up, and no line is cut once there is room again', async () => {
  using folder = new TemporaryFolder();
  const socket = folder.at('agent.socket');
  const mounted = folder.at('small');
  mkdirSync(mounted);
  // the mount is of the agent alone
  const script = `mount -t tmpfs -o size=64k none ${mounted} && exec "$@"`;
  await using agent = await AgentProcess.startBy(
    ['unshare', '-m', 'sh', '-c', script, 'sh'],
    socket,
    `-audit-log=${mounted}/audit.jsonl`,
    '-metrics-bind-address=127.0.0.1:0',
  );
  const run = async (calls: number): Promise<void> => {
    await using timed = new TimedCalls({ socket, call: 'getpgid:0', calls });
    await timed.ready();
    timed.begin();
    expect((await timed.result()).answers).toEqual({ OK: calls });
  };
  await run(2000);
  await agent.logged('audit-failed', { error: /ENOSPC/u });
  await run(2000);
  expect(agent.records.filter(({ event }) => event === 'audit-failed')).toHaveLength(1);
  const inside = `/proc/${agent.pid}/root${mounted}`;
  const seen = `${inside}/audit.jsonl`;
  expect(statSync(seen).size).toBeLessThanOrEqual(65_536);
  const remount = ['-m', '-t', String(agent.pid), 'mount', '-o', 'remount,size=64m', mounted];
  expect(spawnSync('nsenter', remount).status).toBe(0);
  await until('all lines', () => readFileSync(seen, 'utf8').split('\n').length > 4000 || undefined);
  expect(linesOf(seen)).toHaveLength(4000);
  expect((await agent.stop('SIGTERM')).code).toBe(0);
});

test('audit: where the log cannot be opened, the agent says so and does not start', async () => {
  using folder = new TemporaryFolder();
  for (const path of [folder.path, folder.at('none/audit.jsonl'), '/dev/full']) {
    const result = await runCommand([
      seccompagent,
      `-socketfile=${folder.at('agent.socket')}`,
      `-audit-log=${path}`,
    ]);
    expect(result).toEqual(failed('AGENT_AUDIT', path));
  }
});

/** Calls of one container, each of which is answered. */
async function manyCalls(socket: string, calls: number): Promise<void> {
  await using timed = new TimedCalls({ socket, call: 'getpgid:0', calls });
  await timed.ready();
  timed.begin();
  expect((await timed.result()).answers).toEqual({ OK: calls });
}

/** A shell's use of $agent, the place of its standard output, and further files. */
const outputs = [
  ['a socket', '$agent', undefined, /(?!)/u],
  [
    'a pipe with the log in it',
    '$agent 2>&1 | cat >output',
    'output',
    /^\d{4}-\S+ (?:INFO|WARN) /u,
  ],
  [
    'a file of others',
    '{ echo before; $agent; echo after; } >output',
    'output',
    /^(?:before|after)$/u,
  ],
] as const;

test.for(outputs)(
  'audit: with -, all lines are on standard output, which is %s',
  async ([, script, output, others]) => {
    using folder = new TemporaryFolder();
    const socket = folder.at('agent.socket');
    const options = `-socketfile=${socket} -control-socket=none -audit-log=-`;
    writeFileSync(folder.at('start'), `echo $$ >pid; exec ${seccompagent} ${options}`);
    writeFileSync(folder.at('output'), '');
    await using shell = new RunningCommand(['sh', '-c', script.replace('$agent', 'sh ./start')], {
      cwd: folder.path,
    });
    const text = (): string =>
      output === undefined ? shell.stdout : readFileSync(folder.at(output), 'utf8');
    await until(
      'the agent',
      () => (shell.stderr + text()).includes('agent-listening') || undefined,
    );
    const pid = Number(readFileSync(folder.at('pid'), 'utf8'));
    await manyCalls(socket, 500);
    // there is nothing to open anew
    process.kill(pid, 'SIGHUP');
    await manyCalls(socket, 500);
    process.kill(pid, 'SIGTERM');
    expect((await shell.ended).code).toBe(0);
    const all = text().split('\n').slice(0, -1);
    const lines = all.filter((line) => line.startsWith('{')).map((line): Line => JSON.parse(line));
    expect(lines).toHaveLength(1000);
    expect(lines[999]).toMatchObject({ syscall: 'getpgid', answer: 'continue' });
    expect(all.filter((line) => !line.startsWith('{') && !others.test(line))).toEqual([]);
  },
);

test.for([
  ['a socket', []],
  ['a pipe', ['sh', '-c', 'exec "$@" | sleep 60', 'sh']],
] as const)(
  'audit: a standard output that nobody reads, %s, holds neither calls nor the end up',
  async ([, wrapper]) => {
    using folder = new TemporaryFolder();
    const socket = folder.at('agent.socket');
    const control = folder.at('control.sock');
    const options = [`-socketfile=${socket}`, `-control-socket=${control}`, '-audit-log=-'];
    const [program = '', ...words] = [...wrapper, seccompagent, ...options];
    using stack = new DisposableStack();
    // nobody reads its standard output
    const child = stack.adopt(spawn(program, words, { stdio: ['ignore', 'pipe', 'pipe'] }), (one) =>
      one.kill('SIGKILL'),
    );
    let log = '';
    child.stderr.setEncoding('utf8').on('data', (text: string) => {
      log += text;
    });
    await until('the agent', () => log.includes('agent-listening') || undefined);
    const asked = await runCommand([seccompagent, 'status', '-json', `-control-socket=${control}`]);
    const { pid }: { readonly pid: number } = JSON.parse(asked.stdout);
    stack.defer(() => {
      spawnSync('kill', ['-KILL', String(pid)]);
    });
    await manyCalls(socket, 4000);
    process.kill(pid, 'SIGTERM');
    await until('its end', () => !existsSync(`/proc/${pid}`) || undefined);
    const lost = { event: 'audit-lines-lost', count: expect.stringMatching(/\d{3}/u) };
    expect(recordsOf(log)).toContainEqual(expect.objectContaining(lost));
  },
);
