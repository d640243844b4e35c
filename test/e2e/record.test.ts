// SPDX-License-Identifier: Apache-2.0
// Tests `seccompagent record` and `seccompagent replay` as they are typed.
import { once } from 'node:events';
import {
  chmodSync,
  copyFileSync,
  cpSync,
  existsSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  statSync,
  truncateSync,
  writeFileSync,
} from 'node:fs';
import { request } from 'node:http';
import type { IncomingMessage } from 'node:http';
import { join } from 'node:path';

import { decodeIter, pack } from 'msgpackr';
import { expect, test } from 'vitest';

import { RecordingReader } from '../../host/recording/recording-reader.ts';
import type { CallEntry, EndEntry, HeaderEntry } from '../../host/recording/recording-format.ts';
import { hasControlCharacters } from '../../host/terminal-text.ts';
import { AskedCaller } from '../support/asked-caller.ts';
import { BundleFolder } from '../support/bundle-folder.ts';
import { projectRoot, RunningCommand, runCommand, seccompagent } from '../support/command.ts';
import type { CommandResult } from '../support/command.ts';
import { ControlledAgent } from '../support/controlled-agent.ts';
import { shippedComponent } from '../support/handler-harness.ts';
import { naming } from '../support/naming.ts';
import { Page } from '../support/pages.ts';
import { until } from '../support/polling.ts';
import { TemporaryFolder } from '../support/temporary-folder.ts';
import { TimedCalls } from '../support/timed-calls.ts';

interface Recording {
  readonly header: HeaderEntry;
  readonly calls: readonly CallEntry[];
  readonly end: EndEntry | undefined;
}

async function readRecording(file: string): Promise<Recording> {
  const reader = await RecordingReader.open(file);
  const calls: CallEntry[] = [];
  for await (const call of reader.calls()) calls.push(call);
  return { header: reader.header, calls, end: reader.end };
}

const text = (bytes: Uint8Array | null): string => new TextDecoder().decode(bytes ?? undefined);

/** Records a shell script, whose folder is `$1`. */
async function recordScript(
  file: string,
  script: string,
  folder: string,
  ...options: readonly string[]
): Promise<CommandResult> {
  const command = ['--', 'sh', '-c', script, 'sh', folder];
  return runCommand([seccompagent, 'record', '-o', file, ...options, ...command]);
}

async function replay(...words: readonly string[]): Promise<CommandResult> {
  return runCommand([seccompagent, 'replay', ...words]);
}

/** Whoever runs already may not be attached yet. */
async function untilAttached(agent: ControlledAgent): Promise<void> {
  await until('a container', async () => (await agent.status()).containers.length > 0 || undefined);
}

/** Begins to record a container, and resolves when it does. */
async function recordContainer(
  agent: ControlledAgent,
  file: string,
  ...options: readonly string[]
): Promise<RunningCommand> {
  await untilAttached(agent);
  const where = [`-control-socket=${agent.control}`, '-o', file];
  const recording = new RunningCommand([seccompagent, 'record', ...where, ...options]);
  await until('a recording', () => {
    if (recording.hasEnded) throw new Error(recording.stderr);
    return (existsSync(file) && statSync(file).size > 0) || undefined;
  });
  return recording;
}

test('record: calls of a command are there with what their handler asked and answered', async () => {
  using folder = new TemporaryFolder();
  const file = folder.at('recording');
  const script = 'mkdir "$1/a"; mkdir "$1/a"; mkdir "$1/b/c"; exit 7';
  const { code, stderr } = await recordScript(file, script, folder.path, '-bundle=mkdir-suffix');
  expect(code).toBe(7);
  expect(stderr).toContain(`${file}: 3 calls recorded; ended with its container\n`);
  expect(statSync(file).mode & 0o7777).toBe(0o600);

  const { header, calls, end } = await readRecording(file);
  expect(header).toMatchObject({
    version: 1,
    bundles: [{ name: 'mkdir-suffix', version: '0.1.0' }],
    handlers: [
      {
        name: 'mkdir-suffix',
        bundle: 'mkdir-suffix',
        digest: expect.stringMatching(/^[0-9a-f]{64}$/u),
        settings: ['suffix'],
      },
    ],
    container: { id: expect.stringMatching(/^run-\d+$/u) },
  });
  expect(end).toMatchObject({ reason: 'container', calls: 3, lost: 0 });
  const [made, again, inside] = calls;
  expect(made).toMatchObject({ syscall: 'mkdir', family: 'mkdir', names: ['path', 'mode'] });
  const pointer = made?.pointers[0];
  expect(pointer?.kind === 'bytes' ? text(pointer.bytes) : '').toBe(folder.at('a'));
  expect(made?.decision).toEqual({ kind: 'action', action: { kind: 'value', value: 0n } });
  const asked = made?.asks[0]?.calls[0];
  expect(asked?.call.kind === 'operate' ? text(asked.call.path) : '').toBe(folder.at('a-suffix'));
  expect(asked?.answer).toEqual({ answer: 0 });
  // EEXIST and ENOENT
  expect(again?.asks[0]?.calls[0]?.answer).toEqual({ answer: 17 });
  expect(inside?.decision).toMatchObject({ action: { kind: 'fail', errno: 'ENOENT' } });
});

test('record: the beginning of an id is enough where one container alone begins so', async () => {
  using folder = new TemporaryFolder();
  await using agent = await ControlledAgent.start('-bundle=mkdir-suffix');
  const ids = ['4f5a01', '4f5a', '4f77', 'c0ffee'] as const;
  await using stack = new AsyncDisposableStack();
  for (const id of ids) {
    const caller = stack.use(new AskedCaller({ socket: agent.socket, id }));
    await caller.ask('getppid');
  }
  const recorded = async (named: string): Promise<unknown> => {
    const file = folder.at(`of-${named}`);
    await using recording = await recordContainer(agent, file, '-container', named);
    recording.kill('SIGINT');
    expect((await recording.ended).code).toBe(0);
    return (await readRecording(file)).header.container.id;
  };
  expect(await recorded('c0')).toBe('c0ffee');
  expect(await recorded('4f5a0')).toBe('4f5a01');
  // it is one, and others begin so
  expect(await recorded('4f5a')).toBe('4f5a');
  for (const [named, why] of [
    ['4f', '"4f" may be any of 4f5a01, 4f5a, 4f77'],
    ['5', 'there is no container "5"'],
    ['', 'there is no container ""'],
  ] as const) {
    const where = [`-control-socket=${agent.control}`, '-o', folder.at('none')];
    const words = [seccompagent, 'record', ...where, `-container=${named}`] as const;
    expect(await runCommand(words)).toMatchObject({ code: 1, stderr: `seccompagent: ${why}\n` });
  }
});

test('record: a running container is recorded from then on, to its end', async () => {
  using folder = new TemporaryFolder();
  const file = folder.at('recording');
  await using agent = await ControlledAgent.start('-bundle=mkdir-suffix');
  await using caller = new AskedCaller({ socket: agent.socket, id: 'recorded' });
  await using other = new AskedCaller({ socket: agent.socket, id: 'other' });
  await caller.ask(`mkdir ${folder.at('before')}`);

  await using recording = await recordContainer(agent, file, '-container=recorded');
  for (const name of ['a', 'b', 'c']) await caller.ask(`mkdir ${folder.at(name)}`);
  await other.ask(`mkdir ${folder.at('of-other')}`);
  caller.end();
  const { code, stderr } = await recording.ended;
  expect({ code, stderr }).toMatchObject({ code: 0, stderr: expect.stringContaining('3 calls') });
  const { header, calls, end } = await readRecording(file);
  expect(header.container.id).toBe('recorded');
  expect(end).toMatchObject({ reason: 'container', calls: 3 });
  const paths = calls.map(({ pointers: [path] }) =>
    path?.kind === 'bytes' ? text(path.bytes) : '',
  );
  expect(paths).toEqual(['a', 'b', 'c'].map((name) => folder.at(name)));
});

test.for([
  ['SIGINT', [], 'asked'],
  ['SIGTERM', [], 'asked'],
  [undefined, ['-seconds=4'], 'asked'],
  [undefined, ['-calls=2'], 'calls'],
] as const)(
  'record: ends in order by %s %j, and its container goes on',
  async ([signal, options, reason]) => {
    using folder = new TemporaryFolder();
    const file = folder.at('recording');
    await using agent = await ControlledAgent.start('-bundle=mkdir-suffix');
    await using caller = new AskedCaller({ socket: agent.socket, id: 'recorded' });
    await caller.ask('getpgid 0');
    await using recording = await recordContainer(agent, file, '-container=recorded', ...options);
    await caller.ask(`mkdir ${folder.at('a')}`);
    await caller.ask(`mkdir ${folder.at('b')}`);
    if (signal !== undefined) recording.kill(signal);
    const { code } = await recording.ended;
    expect(code).toBe(0);
    expect((await caller.ask(`mkdir ${folder.at('c')}`)).answer).toBe('0');
    expect((await readRecording(file)).end).toMatchObject({ reason, calls: 2, lost: 0 });
  },
);

test('record: an agent that ends, ends its recordings in order', async () => {
  using folder = new TemporaryFolder();
  const file = folder.at('recording');
  await using agent = await ControlledAgent.start('-bundle=mkdir-suffix');
  await using caller = new AskedCaller({ socket: agent.socket, id: 'recorded' });
  await caller.ask('getpgid 0');
  await using recording = await recordContainer(agent, file, '-container=recorded');
  await caller.ask(`mkdir ${folder.at('a')}`);
  expect((await agent.process.stop('SIGTERM')).code).toBe(0);
  expect((await recording.ended).code).toBe(0);
  expect((await readRecording(file)).end).toMatchObject({ reason: 'agent', calls: 1 });
});

test('record: when the agent is killed, what is there can be replayed', async () => {
  using folder = new TemporaryFolder();
  const file = folder.at('recording');
  await using agent = await ControlledAgent.start('-bundle=mkdir-suffix');
  await using caller = new AskedCaller({ socket: agent.socket, id: 'recorded' });
  await caller.ask('getpgid 0');
  await using recording = await recordContainer(agent, file, '-container=recorded');
  const before = statSync(file).size;
  await caller.ask(`mkdir ${folder.at('a')}`);
  await until('the call', () => statSync(file).size > before || undefined);
  await agent.process.stop('SIGKILL');
  const { code, stderr } = await recording.ended;
  expect({ code, stderr }).toMatchObject({
    code: 1,
    stderr: `seccompagent: ${file} is incomplete, with 1 calls\n`,
  });
  const replayed = await replay(file);
  expect(replayed).toMatchObject({ code: 0, stdout: '1 calls replayed, 0 differ\n' });
  expect(replayed.stderr).toContain('incomplete');
});

test('record: secrets are left out, and their lengths stay', async () => {
  using folder = new TemporaryFolder();
  const file = folder.at('recording');
  const script = 'busybox mount -t tmpfs -o password=geheimnis none "$1"; true';
  await recordScript(file, script, folder.path, '-bundle=mount', '-syscalls=mount');
  const { calls } = await readRecording(file);
  const data = calls.flatMap(({ pointers }) => pointers.filter(({ index }) => index === 4));
  expect(data).toMatchObject([{ kind: 'bytes' }]);
  expect(data[0]?.kind === 'bytes' ? text(data[0].bytes) : '').toBe('*'.repeat(18));
  expect(readFileSync(file).includes('geheimnis')).toBe(false);
});

test('record: values of settings are left out, unless they are asked for', async () => {
  using folder = new TemporaryFolder();
  await using agent = await ControlledAgent.start();
  const metadata = String.raw`BUNDLE=mkdir-suffix\nMKDIR_SUFFIX=-geheimnis`;
  await using caller = new AskedCaller({ socket: agent.socket, id: 'recorded', metadata });
  await caller.ask('getpgid 0');
  const files = { without: folder.at('without'), with: folder.at('with') };
  await using without = await recordContainer(agent, files.without, '-container=recorded');
  await using whole = await recordContainer(
    agent,
    files.with,
    '-container=recorded',
    '-with-settings',
  );
  caller.end();
  await Promise.all([without.ended, whole.ended]);
  const [left, kept] = [await readRecording(files.without), await readRecording(files.with)];
  expect(left.header.given).toEqual({ MKDIR_SUFFIX: null });
  expect(readFileSync(files.without).includes('geheimnis')).toBe(false);
  expect(kept.header.given).toEqual({ MKDIR_SUFFIX: '-geheimnis' });
  const hint = 'the recording has no value for MKDIR_SUFFIX: add -setting MKDIR_SUFFIX=VALUE\n';
  expect((await replay(files.without)).stderr).toContain(hint);
  expect((await replay('-bundle=errno', files.without)).stderr).not.toContain('MKDIR_SUFFIX');
});

test('record: a container that gets other handlers meanwhile says so', async () => {
  using folder = new TemporaryFolder();
  using bundles = new BundleFolder();
  const write = (suffix: string): void => {
    bundles.write('own', {
      component: readFileSync(shippedComponent('mkdir-suffix')),
      settings: { suffix },
      grants: ['filesystem'],
    });
  };
  write('-1');
  const file = folder.at('recording');
  await using agent = await ControlledAgent.start(`-bundle=${join(bundles.path, 'own')}`);
  await using caller = new AskedCaller({ socket: agent.socket, id: 'recorded' });
  await caller.ask('getpgid 0');
  await using recording = await recordContainer(agent, file, '-container=recorded');
  await caller.ask(`mkdir ${folder.at('a')}`);
  bundles.write('own', { component: 'counting', syscalls: ['mkdir'], grants: ['state'] });
  const { pid } = await agent.status();
  process.kill(pid, 'SIGHUP');
  await agent.process.logged(/ reloaded/u);
  expect((await caller.ask(`mkdir ${folder.at('b')}`)).answer).toBe('1');
  caller.end();
  await recording.ended;
  const kinds: string[] = [];
  const bytes = readFileSync(file);
  for await (const entry of decodeIter([bytes], { useRecords: false })) {
    kinds.push(String(entry.kind));
  }
  expect(kinds).toEqual(['header', 'call', 'registry', 'call', 'end']);
});

test('record: a call whose handler used its time up is counted as lost', async () => {
  using folder = new TemporaryFolder();
  using bundles = new BundleFolder();
  bundles.write('hostile', { component: 'hostile', deadline: '100ms' });
  const file = folder.at('recording');
  const script = 'mkdir /other; mkdir /loop; true';
  const own = `-bundle=${join(bundles.path, 'hostile')}`;
  const { stderr } = await recordScript(file, script, folder.path, own);
  expect(stderr).toMatch(/1 calls recorded, 1\b.*lost/u);
});

test('record: a reader that is killed is nothing to the agent', async () => {
  using folder = new TemporaryFolder();
  await using agent = await ControlledAgent.start('-bundle=mkdir-suffix');
  await using calls = new TimedCalls({
    socket: agent.socket,
    id: 'recorded',
    call: `mkdir:${folder.at('d')}`,
    calls: 0,
    threads: 2,
    pauseUs: 200,
  });
  await calls.ready();
  calls.begin();
  for (let round = 0; round < 5; round += 1) {
    const file = folder.at(`recording-${round}`);
    await using recording = await recordContainer(agent, file, '-container=recorded');
    await until('a call', () => statSync(file).size > 1000 || undefined);
    recording.kill('SIGKILL');
    await recording.ended;
    expect((await replay(file)).code).toBe(0);
  }
  expect((await agent.status()).containers).toHaveLength(1);
  calls.finish();
  const { answers, calls: count } = await calls.result();
  expect(answers).toEqual({ OK: count });
});

test('record: a reader that does not read loses calls, and holds none up', async () => {
  await using agent = await ControlledAgent.start('-bundle=mkdir-suffix');
  await using calls = new TimedCalls({
    socket: agent.socket,
    id: 'recorded',
    // of 4000 bytes and more each, more than is kept for whoever reads
    call: `mkdir:/${'x'.repeat(200)}${`/${'x'.repeat(200)}`.repeat(18)}`,
    calls: 12_000,
    threads: 2,
  });
  await calls.ready();
  await untilAttached(agent);
  const asked = request({
    socketPath: agent.control,
    method: 'POST',
    path: '/record?container=recorded',
  });
  asked.flushHeaders();
  const response = await new Promise<IncomingMessage>((resolve) => {
    asked.once('response', resolve);
  });
  calls.begin();
  const { calls: count } = await calls.result();
  expect(count).toBe(24_000);
  let end: unknown;
  for await (const entry of decodeIter(response, { useRecords: false })) end = entry;
  const { calls: written, lost }: { readonly calls: number; readonly lost: number } = Object(end);
  expect(lost).toBeGreaterThan(0);
  expect(written + lost).toBe(count);
});

test('record: a file that cannot be written is said before the command runs', async () => {
  using folder = new TemporaryFolder();
  const made = folder.at('made');
  const { code, stderr } = await recordScript(
    '/no/such/folder/file',
    'touch "$1"',
    made,
    '-bundle=mkdir-suffix',
  );
  expect(code).toBe(1);
  expect(stderr).toContain('cannot write /no/such/folder/file');
  expect(existsSync(made)).toBe(false);
});

test('record: on a full disk the command goes on, and the message names the cause', async () => {
  using folder = new TemporaryFolder();
  const { code, stderr } = await recordScript(
    '/dev/full',
    'mkdir "$1/a"; touch "$1/through"',
    folder.path,
    '-bundle=mkdir-suffix',
  );
  expect(code).toBe(1);
  expect(stderr).toContain('/dev/full is cut off: the disk is full');
  expect(readdirSync(folder.path).toSorted()).toEqual(['a-suffix', 'through']);
});

test('record: an older file is emptied, and is readable for its owner alone then', async () => {
  using folder = new TemporaryFolder();
  const file = folder.at('recording');
  writeFileSync(file, 'x'.repeat(10_000));
  chmodSync(file, 0o644);
  await recordScript(file, 'mkdir "$1/a"', folder.path, '-bundle=mkdir-suffix');
  expect(statSync(file).mode & 0o7777).toBe(0o600);
  expect((await readRecording(file)).calls).toHaveLength(1);
});

test('record: without such a container it says so, and makes no file', async () => {
  using folder = new TemporaryFolder();
  await using agent = await ControlledAgent.start();
  const file = folder.at('recording');
  const words = ['-o', file, '-container=none', `-control-socket=${agent.control}`];
  const { code, stderr } = await runCommand([seccompagent, 'record', ...words]);
  expect(code).toBe(1);
  expect(stderr).toBe('seccompagent: there is no container "none"\n');
  expect(existsSync(file)).toBe(false);
});

test.for([
  [[]],
  [['-o', '/tmp/x']],
  [['-o', '/tmp/x', '-container=a', '--', 'true']],
  [['-o', '/tmp/x', '-container=a', '-bundle=errno']],
  [['-o', '/tmp/x', '-calls=0', '--', 'true']],
] as const)('record %j: the message and where help is, exit code 2', async ([words]) => {
  const { code, stderr } = await runCommand([seccompagent, 'record', ...words]);
  expect(code).toBe(2);
  expect(stderr).toMatch(/^seccompagent: .+\nsee seccompagent record -help\n$/u);
});

/** A recording of three calls of mkdir, in `folder`. */
async function someRecording(folder: TemporaryFolder): Promise<string> {
  const file = folder.at('recording');
  mkdirSync(folder.at('d'));
  const script = 'mkdir "$1/a"; mkdir "$1/a"; mkdir "$1/b"';
  await recordScript(file, script, folder.at('d'), '-bundle=mkdir-suffix');
  return file;
}

test('replay: the same handlers do the same, for users without rights, and nothing happens', async () => {
  using folder = new TemporaryFolder();
  const file = await someRecording(folder);
  const before = readdirSync(folder.at('d'));
  const { code, stdout, stderr } = await replay(file);
  expect({ code, stdout, stderr }).toEqual({
    code: 0,
    stdout: '3 calls replayed, 0 differ\n',
    stderr: '',
  });
  expect(readdirSync(folder.at('d'))).toEqual(before);
  chmodSync(file, 0o644);
  const ids = ['--reuid=65534', '--regid=65534', '--clear-groups'];
  const asNobody = await runCommand(['setpriv', ...ids, seccompagent, 'replay', file]);
  expect(asNobody).toMatchObject({ code: 0, stdout: '3 calls replayed, 0 differ\n' });
});

test('replay: another version is shown with its differences, call by call', async () => {
  using folder = new TemporaryFolder();
  const file = await someRecording(folder);
  const words = ['-setting=MKDIR_SUFFIX=-other', file];
  const { code, stdout } = await replay(...words);
  expect(code).toBe(1);
  expect(stdout).toContain(
    [
      `call 3: mkdir(path: "${folder.at('d/b')}", mode: 511)`,
      '  action',
      '    recorded  { value: 0 }',
      '    replayed  { fail: "EIO" }',
      '  calls[0]',
      `    recorded  filesystem.mkdir { path: "${folder.at('d/b-suffix')}", mode: 511 }`,
      `    replayed  filesystem.mkdir { path: "${folder.at('d/b-other')}", mode: 511 }`,
      '3 calls replayed, 3 differ',
    ].join('\n'),
  );
  const json = await replay('-json', ...words);
  expect(json.code).toBe(1);
  expect(JSON.parse(json.stdout)).toMatchObject({
    calls: 3,
    isCutOff: false,
    different: [{ call: 1 }, { call: 2 }, { call: 3, differences: [{ what: 'action' }, {}] }],
  });
});

test('M6: replay: names of a container move no cursor', async () => {
  using folder = new TemporaryFolder();
  const file = folder.at('recording');
  const script = `mkdir "$1/$(printf 'x\\302\\233\\342\\200\\256\\033[2J\\ny')"`;
  const { code: recorded } = await recordScript(file, script, folder.path, '-bundle=mkdir-suffix');
  expect(recorded).toBe(0);
  const setting = '-setting=MKDIR_SUFFIX=-other';
  for (const options of [[], ['-json']]) {
    const { code, stdout } = await replay(...options, setting, file);
    expect(code).toBe(1);
    expect(stdout).toContain('\\u009b');
    expect(hasControlCharacters(stdout.replaceAll('\n', ''))).toBe(false);
    expect(stdout).not.toMatch(/^y/mu);
  }
});

test('replay: a handler that fails, or never ends, is a difference', async () => {
  using folder = new TemporaryFolder();
  using bundles = new BundleFolder();
  bundles.write('hostile', { component: 'hostile' });
  bundles.write('active', {
    component: readFileSync(shippedComponent('errno')),
    syscalls: ['mkdir'],
    settings: { errno: 'EXDEV' },
  });
  await using agent = await ControlledAgent.start(`-bundle=${join(bundles.path, 'active')}`);
  await using caller = new AskedCaller({ socket: agent.socket, id: 'recorded' });
  await caller.ask('getpgid 0');
  const file = folder.at('recording');
  await using recording = await recordContainer(agent, file, '-container=recorded');
  for (const path of ['/throw', '/loop', '/proc']) await caller.ask(`mkdir ${path}`);
  caller.end();
  await recording.ended;
  const { code, stdout } = await replay(
    `-bundle=${join(bundles.path, 'hostile')}`,
    '-patience=5',
    file,
  );
  expect(code).toBe(1);
  expect(stdout).toMatch(/call 1: mkdir\(path: "\/throw".*?replayed {2}failed: /su);
  expect(stdout).toMatch(/call 2: mkdir\(path: "\/loop".*?replayed {2}no answer after 5 s/su);
  // with another thread
  expect(stdout).toMatch(/call 3: mkdir\(path: "\/proc".*?replayed {2}\{ fail: "EDOM" \}/su);
});

test('replay: values that were left out are asked for', async () => {
  using folder = new TemporaryFolder();
  await using agent = await ControlledAgent.start();
  const metadata = String.raw`BUNDLE=mkdir-suffix\nMKDIR_SUFFIX=-geheim`;
  await using caller = new AskedCaller({ socket: agent.socket, id: 'recorded', metadata });
  await caller.ask('getpgid 0');
  const file = folder.at('recording');
  await using recording = await recordContainer(agent, file, '-container=recorded');
  await caller.ask(`mkdir ${folder.at('a')}`);
  caller.end();
  await recording.ended;
  const without = await replay(file);
  expect(without.code).toBe(1);
  expect(without.stderr).toEqual(naming('-setting MKDIR_SUFFIX=VALUE'));
  expect((await replay('-setting=MKDIR_SUFFIX=-geheim', file)).code).toBe(0);
});

test('replay: a recording that is cut off anywhere is replayed as far as it goes', async () => {
  using folder = new TemporaryFolder();
  const file = await someRecording(folder);
  const size = statSync(file).size;
  const cut = folder.at('cut');
  for (const [length, calls] of [
    [size - 1, 3],
    [size - 200, 2],
  ] as const) {
    copyFileSync(file, cut);
    truncateSync(cut, length);
    const { code, stdout, stderr } = await replay(cut);
    expect({ code, stdout }).toEqual({ code: 0, stdout: `${calls} calls replayed, 0 differ\n` });
    expect(stderr).toBe('the recording is incomplete: replayed up to its end\n');
  }
});

test('replay: a file that is no recording, broken or newer, is refused with the cause', async () => {
  using folder = new TemporaryFolder();
  const file = await someRecording(folder);
  const other = folder.at('other');
  const refused = async (bytes: Uint8Array | string): Promise<string> => {
    writeFileSync(other, bytes);
    const { code, stderr } = await replay(other);
    expect(code).toBe(1);
    return stderr;
  };
  expect(await refused('')).toContain(`${other} is no recording`);
  expect(await refused('hello')).toContain(`${other} is no recording`);
  expect(await refused(readFileSync(process.execPath).subarray(0, 10_000))).toContain(
    `${other} is no recording`,
  );
  const newer = pack({ format: 'seccompagent-recording', version: 2, kind: 'header' });
  expect(await refused(newer)).toContain('version 2');
  const noHeader = pack({ format: 'seccompagent-recording', version: 1, kind: 'header' });
  expect(await refused(noHeader)).toContain('has a broken header');
  const whole = readFileSync(file);
  expect(await refused(Buffer.concat([whole.subarray(0, -40), pack('nonsense')]))).toMatch(
    /has a broken entry|is broken behind|is cut off/u,
  );
  expect(await replay(folder.at('none'))).toMatchObject({
    code: 1,
    stderr: expect.stringContaining('ENOENT'),
  });
});

test('documentation: the commands of recording.md work as they are typed', async () => {
  using folder = new TemporaryFolder();
  const lines = new Page('guest-sdk/docs/recording.md').blockWith('sh', 'seccompagent record');
  cpSync(join(projectRoot, 'dist/handlers-wasm/mkdir-suffix'), folder.at('next'), {
    recursive: true,
  });
  const script = lines.replaceAll('seccompagent ', `${seccompagent} `).replace('/tmp/x', './x');
  const { code, stdout, stderr } = await runCommand(['sh', '-ec', script], { cwd: folder.path });
  expect({ code, stderr }).toEqual({
    code: 0,
    stderr: 'calls: 1 calls recorded; ended with its container\n',
  });
  expect(stdout).toMatch(/^1 calls replayed, 0 differ\nsystem call /u);
});

test.for([[[]], [['a', 'b']], [['-setting=x', 'a']]] as const)(
  'replay %j: the message and where help is, exit code 2',
  async ([words]) => {
    const { code, stderr } = await replay(...words);
    expect(code).toBe(2);
    expect(stderr).toMatch(/^seccompagent: .+\nsee seccompagent replay -help\n$/u);
  },
);

test('control socket: malformed requests are refused', async () => {
  await using agent = await ControlledAgent.start();
  for (const [method, path, status] of [
    ['GET', '/record', 404],
    ['POST', '/record', 400],
    ['POST', '/record?container=a&calls=-1', 400],
    ['GET', '/nothing', 404],
  ] as const) {
    const asked = request({ socketPath: agent.control, method, path }).end();
    const [response]: readonly IncomingMessage[] = await once(asked, 'response');
    expect(response?.statusCode).toBe(status);
    response?.resume();
  }
});
