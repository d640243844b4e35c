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
import { failed, naming } from '../support/failures.ts';
import { shippedComponent } from '../support/handler-harness.ts';
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

/** As `-json` has it. */
function sameCalls(calls: number, isCutOff = false): unknown {
  return { calls, different: [], isCutOff };
}

async function replayReport(
  ...words: readonly string[]
): Promise<Pick<CommandResult, 'code' | 'stderr'> & { readonly report: unknown }> {
  const { code, stdout, stderr } = await replay('-json', ...words);
  return { code, stderr, report: JSON.parse(stdout) };
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
  expect(stderr).toEqual(naming(file, / 3 /u));
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
  for (const [named, candidates] of [
    ['4f', ['4f5a01', '4f5a', '4f77']],
    ['5', []],
    ['', []],
  ] as const) {
    const where = [`-control-socket=${agent.control}`, '-o', folder.at('none')];
    const words = [seccompagent, 'record', ...where, `-container=${named}`] as const;
    const result = await runCommand(words);
    expect(result).toEqual(failed('AGENT_RECORDING', `"${named}"`, ...candidates));
    expect(ids.filter((id) => result.stderr.includes(id))).toEqual(candidates);
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
  expect({ code, stderr }).toMatchObject({ code: 0, stderr: naming(/ 3 /u) });
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
  expect({ code, stderr }).toEqual({ code: 1, stderr: naming(file, / 1 /u) });
  expect(await replayReport(file)).toMatchObject({ code: 0, report: sameCalls(1, true) });
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
    '-with-metadata',
  );
  caller.end();
  await Promise.all([without.ended, whole.ended]);
  const [left, kept] = [await readRecording(files.without), await readRecording(files.with)];
  expect(left.header.given).toEqual({ MKDIR_SUFFIX: null });
  expect(readFileSync(files.without).includes('geheimnis')).toBe(false);
  expect(kept.header.given).toEqual({ MKDIR_SUFFIX: '-geheimnis' });
  expect((await replay(files.without)).stderr).toContain('-metadata MKDIR_SUFFIX=');
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
  await agent.process.logged('reloaded');
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
  expect(stderr).toMatch(/: 1 .*\b1 /u);
  expect((await readRecording(file)).end).toMatchObject({ calls: 1, lost: 1 });
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
  const file = '/no/such/folder/file';
  const result = await recordScript(file, 'touch "$1"', made, '-bundle=mkdir-suffix');
  expect(result).toEqual(failed('AGENT_RECORDING', file, 'ENOENT'));
  expect(existsSync(made)).toBe(false);
});

test('record: on a full disk the command goes on, and the message names the cause', async () => {
  using folder = new TemporaryFolder();
  const result = await recordScript(
    '/dev/full',
    'mkdir "$1/a"; touch "$1/through"',
    folder.path,
    '-bundle=mkdir-suffix',
  );
  expect(result).toEqual(failed('AGENT_RECORDING', '/dev/full', 'ENOSPC'));
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
  const result = await runCommand([seccompagent, 'record', ...words]);
  expect(result).toEqual(failed('AGENT_RECORDING', '"none"'));
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
  expect(stderr).toMatch(/^seccompagent: .+\n.*seccompagent record -help\n$/u);
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
  expect(await replayReport(file)).toEqual({ code: 0, report: sameCalls(3), stderr: '' });
  expect(readdirSync(folder.at('d'))).toEqual(before);
  chmodSync(file, 0o644);
  const ids = ['--reuid=65534', '--regid=65534', '--clear-groups'];
  const asNobody = await runCommand(['setpriv', ...ids, seccompagent, 'replay', '-json', file]);
  expect(asNobody.code).toBe(0);
  expect(JSON.parse(asNobody.stdout)).toEqual(sameCalls(3));
});

test('replay: another version is shown with its differences, call by call', async () => {
  using folder = new TemporaryFolder();
  const file = await someRecording(folder);
  const words = ['-metadata=MKDIR_SUFFIX=-other', file];
  const action = { what: 'action', recorded: '{ value: 0 }', replayed: '{ fail: "EIO" }' };
  const made = {
    what: 'calls[0]',
    recorded: `filesystem.mkdir { path: "${folder.at('d/b-suffix')}", mode: 511 }`,
    replayed: `filesystem.mkdir { path: "${folder.at('d/b-other')}", mode: 511 }`,
  };
  const syscall = `mkdir(path: "${folder.at('d/b')}", mode: 511)`;
  expect(await replayReport(...words)).toMatchObject({
    code: 1,
    report: {
      calls: 3,
      isCutOff: false,
      different: [{ call: 1 }, { call: 2 }, { call: 3, syscall, differences: [action, made] }],
    },
  });
  const { code, stdout } = await replay(...words);
  expect(code).toBe(1);
  const shown = [action, made].flatMap(({ recorded, replayed }) => [recorded, replayed]);
  expect(stdout).toEqual(naming(syscall, ...shown));
});

test('M6: replay: names of a container move no cursor', async () => {
  using folder = new TemporaryFolder();
  const file = folder.at('recording');
  const script = `mkdir "$1/$(printf 'x\\302\\233\\342\\200\\256\\033[2J\\ny')"`;
  const { code: recorded } = await recordScript(file, script, folder.path, '-bundle=mkdir-suffix');
  expect(recorded).toBe(0);
  const setting = '-metadata=MKDIR_SUFFIX=-other';
  for (const options of [[], ['-json']]) {
    const { code, stdout } = await replay(...options, setting, file);
    expect(code).toBe(1);
    expect(stdout).toContain('\\u009b');
    expect(hasControlCharacters(stdout.replaceAll('\n', ''))).toBe(false);
    expect(stdout).not.toMatch(/^y/mu);
  }
});

function otherAction(path: string, replayed: unknown): unknown {
  return { syscall: naming(`"${path}"`), differences: [{ what: 'action', replayed }] };
}

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
  const bundle = `-bundle=${join(bundles.path, 'hostile')}`;
  expect(await replayReport(bundle, '-patience=5', file)).toMatchObject({
    code: 1,
    report: {
      different: [
        // no action
        otherAction('/throw', expect.not.stringMatching(/^\{/u)),
        otherAction('/loop', naming(/\b5 s\b/u)),
        // with another thread
        otherAction('/proc', '{ fail: "EDOM" }'),
      ],
    },
  });
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
  expect(without.stderr).toContain('-metadata MKDIR_SUFFIX=');
  expect((await replay('-metadata=MKDIR_SUFFIX=-geheim', file)).code).toBe(0);
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
    const replayed = await replayReport(cut);
    expect(replayed).toMatchObject({ code: 0, report: sameCalls(calls, true) });
    // that is said
    expect(replayed.stderr).toMatch(/^.+\n$/u);
  }
});

test('replay: a file that is no recording, broken or newer, is refused with the cause', async () => {
  using folder = new TemporaryFolder();
  const file = await someRecording(folder);
  const other = folder.at('other');
  const replayed = async (bytes: Uint8Array | string): Promise<CommandResult> => {
    writeFileSync(other, bytes);
    return replay(other);
  };
  const program = readFileSync(process.execPath).subarray(0, 10_000);
  const noHeader = pack({ format: 'seccompagent-recording', version: 1, kind: 'header' });
  for (const bytes of ['', 'hello', program, noHeader]) {
    expect(await replayed(bytes)).toEqual(failed('AGENT_RECORDING', other));
  }
  const newer = pack({ format: 'seccompagent-recording', version: 2, kind: 'header' });
  expect(await replayed(newer)).toEqual(failed('AGENT_RECORDING', other, /\b2\b/u));
  const whole = readFileSync(file);
  const broken = await replayed(Buffer.concat([whole.subarray(0, -40), pack('nonsense')]));
  expect(broken).toMatchObject({ code: 1, stderr: naming(other) });
  const none = folder.at('none');
  expect(await replay(none)).toEqual(failed('AGENT_RECORDING', none, 'ENOENT'));
});

test('documentation: the commands of recording.md work as they are typed', async () => {
  using folder = new TemporaryFolder();
  const lines = new Page('guest-sdk/docs/recording.md').blockWith('sh', 'seccompagent record');
  cpSync(join(projectRoot, 'dist/handlers-wasm/mkdir-suffix'), folder.at('next'), {
    recursive: true,
  });
  const script = lines.replaceAll('seccompagent ', `${seccompagent} `).replace('/tmp/x', './x');
  const { code, stdout, stderr } = await runCommand(['sh', '-ec', script], { cwd: folder.path });
  // the recording is the file `calls`
  expect({ code, stderr }).toEqual({ code: 0, stderr: expect.stringMatching(/^calls: 1 .*\n$/u) });
  // of `record show`, of `replay`, and of `bench`
  expect(stdout).toMatch(/^container +run-/u);
  expect(stdout).toMatch(/^1 \D+0\D*\n(?:.*\n)*mkdir +1 /mu);
});

test.for([
  [[]],
  [['a', 'b']],
  [['-metadata=x', 'a']],
  [['-metadata==x', 'a']],
  [['-metadata=BUNDLE=x', 'a']],
] as const)('replay %j: the message and where help is, exit code 2', async ([words]) => {
  const { code, stderr } = await replay(...words);
  expect(code).toBe(2);
  expect(stderr).toMatch(/^seccompagent: .+\n.*seccompagent replay -help\n$/u);
});

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
