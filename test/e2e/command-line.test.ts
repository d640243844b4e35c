// SPDX-License-Identifier: Apache-2.0
// Tests the command line of the agent as a daemon: options, messages, exit codes, the agent socket.
import { once } from 'node:events';
import {
  chmodSync,
  cpSync,
  existsSync,
  lstatSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { connect } from 'node:net';
import { join } from 'node:path';

import { expect, test } from 'vitest';

import { compilerFlags } from '../../host/handler/compiling/compiler-flags.ts';
import { metricsAddress } from '../support/agent-metrics.ts';
import { AgentProcess } from '../support/agent-process.ts';
import { projectRoot, runCommand, seccompagent } from '../support/command.ts';
import { compiled } from '../support/compile.ts';
import { failed } from '../support/failures.ts';
import { isRecord } from '../support/log-records.ts';
import { TemporaryFolder } from '../support/temporary-folder.ts';

function versionLine(): string {
  const manifest: unknown = JSON.parse(readFileSync(join(projectRoot, 'package.json'), 'utf8'));
  if (typeof manifest === 'object' && manifest !== null && 'version' in manifest) {
    return `seccompagent ${String(manifest.version)}\n`;
  }
  throw new Error('package.json has no version');
}

/** The files of the package in another place. @returns its launcher */
function installPackage(root: string, { hasAddon }: { readonly hasAddon: boolean }): string {
  const parts = ['package.json', 'host/seccompagent.sh', 'dist/host', 'dist/handlers-wasm'];
  const addon = 'build/Release/seccompagent.node';
  for (const part of hasAddon ? [...parts, addon] : parts) {
    cpSync(join(projectRoot, part), join(root, part), { recursive: true });
  }
  symlinkSync(join(projectRoot, 'node_modules'), join(root, 'node_modules'));
  return join(root, 'host/seccompagent.sh');
}

/** PATH with a Node in front that says this of its version, and of all else that it was run. */
function pathWithNode(folder: TemporaryFolder, version: string): string {
  const bin = folder.at('node');
  mkdirSync(bin);
  const script = `#!/bin/sh\n[ "$1" = --version ] && echo '${version}' || echo it was run\n`;
  writeFileSync(join(bin, 'node'), script);
  chmodSync(join(bin, 'node'), 0o755);
  return `${bin}:${process.env['PATH'] ?? ''}`;
}

test('a command whose output nobody reads any more ends as others do', async () => {
  const launcher = join(projectRoot, 'host/seccompagent.sh');
  // a reader that has ended before anything is written
  const script = `{ sleep 1; sh "$0" "$@"; echo "code $?" >&2; } | :`;
  for (const words of [
    ['profile', '-help'],
    ['inspect', join(projectRoot, 'dist/handlers-wasm/demo-basic')],
  ]) {
    const { stderr } = await runCommand(['sh', '-c', script, launcher, ...words]);
    expect(stderr).toBe('code 141\n');
  }
});

test('-allow-uids: a file system without access control lists is named, and nothing listens', async () => {
  using folder = new TemporaryFolder();
  const script = `mount -t ramfs none ${folder.path} && exec "$@"`;
  const socket = folder.at('agent.socket');
  const options = ['-socketfile', socket, '-allow-uids=1000', '-control-socket=none'];
  const mounted = ['-m', 'sh', '-c', script, 'sh', seccompagent, '-resolver=demo-basic'];
  const result = await runCommand(['unshare', ...mounted, ...options]);
  expect(result).toEqual(failed('AGENT_SOCKET', socket, 'acl(5)'));
});

test.for(['-help', '--help'])('%s: prints the usage on stdout', async (option) => {
  const { code, stdout, stderr } = await runCommand([seccompagent, option]);
  expect({ code, stderr }).toEqual({ code: 0, stderr: '' });
  expect(stdout).toMatch(/^.*seccompagent \[options\]\n/u);
});

test.for(['-version', '--version'])('%s: prints the version of the package', async (option) => {
  const { code, stdout, stderr } = await runCommand([seccompagent, option]);
  expect({ code, stdout, stderr }).toEqual({ code: 0, stdout: versionLine(), stderr: '' });
});

test.for([
  '-resolver=demo-basic',
  '-resolver demo-basic',
  '--resolver=demo-basic',
  '--resolver demo-basic',
])('resolver: "%s" selects it', async (words) => {
  using folder = new TemporaryFolder();
  await using agent = await AgentProcess.start(folder.at('agent.socket'), ...words.split(' '));
  expect(await agent.logged('agent-started')).toMatchObject({ resolver: 'demo-basic' });
});

test('resolver: none is the default', async () => {
  using folder = new TemporaryFolder();
  await using agent = await AgentProcess.start(folder.at('agent.socket'));
  expect(await agent.logged('agent-started')).toMatchObject({ resolver: 'none' });
});

test('resolver: an unknown name is refused with the list of those there are', async () => {
  const result = await runCommand([seccompagent, '-resolver=demo-basik']);
  const list = 'none, demo-basic, unprivileged-build, kubernetes, falco';
  expect(result).toEqual(
    failed('AGENT_USAGE', '"demo-basik"', '"demo-basic"', list, 'seccompagent -help'),
  );
  expect(result.stdout).toBe('');
});

test.for([
  { words: '-no-such-option', named: '-no-such-option' },
  { words: 'no-such-argument', named: '"no-such-argument"' },
  { words: '-resolver', named: '-resolver' },
  { words: '-socketfile=', named: '-socketfile' },
  { words: '-allow-uids=root', named: '"root"' },
])('usage: "$words" is refused, with where help is on stderr', async ({ words, named }) => {
  const { code, stdout, stderr } = await runCommand([seccompagent, words]);
  expect({ code, stdout }).toEqual({ code: 2, stdout: '' });
  expect(stderr).toMatch(/^seccompagent: .*\n.*seccompagent -help\n$/u);
  expect(stderr.split('\n')[0]).toContain(named);
});

test('log: json makes each line an object with level, time, event and msg', async () => {
  using folder = new TemporaryFolder();
  await using agent = await AgentProcess.start(folder.at('agent.socket'), '-log=json');
  const { stderr } = await agent.stop('SIGTERM');
  const lines = stderr.trimEnd().split('\n');
  expect(lines.length).toBeGreaterThanOrEqual(3);
  for (const line of lines) {
    expect(JSON.parse(line)).toMatchObject({
      level: expect.stringMatching(/^info$/u),
      time: expect.stringMatching(/^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z$/u),
      event: expect.stringMatching(/^[a-z]+(?:-[a-z]+)*$/u),
      msg: expect.any(String),
    });
  }
});

test.for([
  { words: 'color', isColored: true },
  { words: 'nocolor', isColored: false },
  { words: 'info', isColored: false },
  { words: 'debug,color', isColored: true },
])('log: "$words" into a pipe has colours: $isColored', async ({ words, isColored }) => {
  using folder = new TemporaryFolder();
  await using agent = await AgentProcess.start(folder.at('agent.socket'), `-log=${words}`);
  expect(agent.log.includes('\u001B[32mINFO')).toBe(isColored);
});

test('log: a level hides what is below it', async () => {
  using folder = new TemporaryFolder();
  const socketFile = folder.at('no-such-folder/agent.socket');
  const sockets = [`-socketfile=${socketFile}`, '-control-socket=none'];
  const result = await runCommand([seccompagent, '-log=warn', ...sockets]);
  const named = [socketFile, `${folder.at('no-such-folder')} `, 'ENOENT'];
  expect(result).toEqual(failed('AGENT_SOCKET', ...named));
  expect(result.stderr).toMatch(/^seccompagent: [^\n]*\n$/u);
});

test('log: an unknown word is refused by its name', async () => {
  const result = await runCommand([seccompagent, '-log=debug,loud']);
  expect(result).toEqual(failed('AGENT_USAGE', '"loud"', 'seccompagent -help'));
  expect(result.stdout).toBe('');
});

test.for(['SIGINT', 'SIGTERM'] as const)(
  'end: %s ends the agent with exit code 0 and removes the agent socket',
  async (signal) => {
    using folder = new TemporaryFolder();
    const socketFile = folder.at('agent.socket');
    await using agent = await AgentProcess.start(socketFile);
    expect(lstatSync(socketFile).isSocket()).toBe(true);
    const { code, stdout } = await agent.stop(signal);
    expect({ code, stdout }).toEqual({ code: 0, stdout: '' });
    expect(existsSync(socketFile)).toBe(false);
  },
);

test('agent socket: only root may connect', async () => {
  using folder = new TemporaryFolder();
  const socketFile = folder.at('agent.socket');
  await using _agent = await AgentProcess.start(socketFile);
  expect(lstatSync(socketFile).mode & 0o777).toBe(0o600);
});

test('agent socket: that of an agent that was killed is replaced', async () => {
  using folder = new TemporaryFolder();
  const socketFile = folder.at('agent.socket');
  await using killed = await AgentProcess.start(socketFile);
  await killed.stop('SIGKILL');
  expect(lstatSync(socketFile).isSocket()).toBe(true);
  await using agent = await AgentProcess.start(socketFile, '-log=debug');
  connect(socketFile).end();
  await agent.logged('connection-cut');
});

test('agent socket: that of a living agent is left to it', async () => {
  using folder = new TemporaryFolder();
  const socketFile = folder.at('agent.socket');
  await using first = await AgentProcess.start(socketFile, '-log=debug');
  const result = await runCommand([seccompagent, `-socketfile=${socketFile}`]);
  expect(result).toEqual(failed('AGENT_SOCKET_IN_USE', socketFile, '-take-over', '-socketfile'));
  connect(socketFile).end();
  await first.logged('connection-cut', {}, 2);
});

test('agent socket: with -take-over a living agent keeps its connections and gets no new ones', async () => {
  using folder = new TemporaryFolder();
  const socketFile = folder.at('agent.socket');
  await using first = await AgentProcess.start(socketFile, '-log=debug', '-control-socket=none');
  const kept = connect(socketFile);
  await once(kept, 'connect');
  await using second = await AgentProcess.start(
    socketFile,
    '-take-over',
    '-log=debug',
    '-control-socket=none',
  );
  connect(socketFile).end();
  await second.logged('connection-cut');
  expect(first.records.some((record) => isRecord(record, 'connection-cut'))).toBe(false);
  kept.end();
  await first.logged('connection-cut');
  // the first one leaves the second one's socket, which goes with its own agent
  await first.stop('SIGTERM');
  expect(lstatSync(socketFile).mode & 0o777).toBe(0o600);
  expect(readdirSync(folder.path)).toEqual(['agent.socket']);
  await second.stop('SIGTERM');
  expect(readdirSync(folder.path)).toEqual([]);
});

/** Answer to a probe of readiness. */
async function isReady(agent: AgentProcess): Promise<boolean> {
  const address = await metricsAddress(agent);
  const { status } = await fetch(`http://${address}/readyz`);
  expect([200, 503]).toContain(status);
  return status === 200;
}

const measured = ['-log=debug', '-control-socket=none', '-metrics-bind-address=127.0.0.1:0'];

test('agent socket: it is taken back when the agent that took it over is killed', async () => {
  using folder = new TemporaryFolder();
  const socketFile = folder.at('agent.socket');
  await using first = await AgentProcess.start(socketFile, ...measured);
  const second = await AgentProcess.start(socketFile, '-take-over', ...measured);
  expect(await isReady(first)).toBe(false);
  expect(await isReady(second)).toBe(true);
  await first.logged('socket-taken-over');
  await second.stop('SIGKILL');
  await first.logged('socket-taken-back');
  expect(await isReady(first)).toBe(true);
  connect(socketFile).end();
  await first.logged('connection-cut');
  expect(lstatSync(socketFile).mode & 0o777).toBe(0o600);
  await first.stop('SIGTERM');
  expect(readdirSync(folder.path)).toEqual([]);
});

test('agent socket: it is made again when it was removed', async () => {
  using folder = new TemporaryFolder();
  const socketFile = folder.at('agent.socket');
  await using agent = await AgentProcess.start(socketFile, ...measured);
  rmSync(socketFile);
  await agent.logged('socket-taken-back');
  expect(await isReady(agent)).toBe(true);
  connect(socketFile).end();
  await agent.logged('connection-cut');
});

test('agent socket: with -take-over an agent that is not ready leaves it to one that lives', async () => {
  using folder = new TemporaryFolder();
  const socketFile = folder.at('agent.socket');
  const kubeconfig = folder.at('kubeconfig');
  const named = { name: 'a', cluster: { server: 'http://127.0.0.1:1' }, context: { cluster: 'a' } };
  writeFileSync(
    kubeconfig,
    JSON.stringify({ 'current-context': 'a', clusters: [named], contexts: [named] }),
  );
  await using first = await AgentProcess.start(socketFile, ...measured);
  const { process: second, listening } = AgentProcess.starting(
    socketFile,
    '-take-over',
    '-resolver=kubernetes',
    `-kubeconfig=${kubeconfig}`,
    '-node-name=node',
    ...measured,
  );
  await using _second = second;
  await second.logged('socket-kept-by-other');
  expect(second.records.some((record) => isRecord(record, 'agent-listening'))).toBe(false);
  expect(await isReady(first)).toBe(true);
  await first.stop('SIGKILL');
  await listening;
});

test('agent socket: with -take-over another file at its path is left alone', async () => {
  using folder = new TemporaryFolder();
  const file = folder.at('agent.socket');
  writeFileSync(file, 'precious');
  const result = await runCommand([
    seccompagent,
    '-take-over',
    `-socketfile=${file}`,
    '-control-socket=none',
  ]);
  expect(result).toEqual(failed('AGENT_SOCKET', file, '-socketfile'));
  expect(readFileSync(file, 'utf8')).toBe('precious');
  expect(readdirSync(folder.path)).toEqual(['agent.socket']);
});

test('agent socket: another file at its path is left alone', async () => {
  using folder = new TemporaryFolder();
  const file = folder.at('agent.socket');
  writeFileSync(file, 'precious');
  const result = await runCommand([seccompagent, `-socketfile=${file}`]);
  expect(result).toEqual(failed('AGENT_SOCKET', file, '-socketfile'));
  expect(readFileSync(file, 'utf8')).toBe('precious');
});

/** Numbers of system calls that came late, the same for all architectures. */
const lateCalls = { pidfd_open: 434, close_range: 436, openat2: 437, pidfd_getfd: 438 } as const;

test.for(Object.entries(lateCalls))(
  'start: a kernel without %s gets one line that says so',
  async ([call, number]) => {
    using folder = new TemporaryFolder();
    const socket = `-socketfile=${folder.at('agent.socket')}`;
    for (const words of [[socket], ['run', '-resolver=demo-basic', '--', 'true']]) {
      const command = [compiled('without-call'), String(number), seccompagent, ...words] as const;
      const result = await runCommand(command);
      expect(result).toEqual(failed('AGENT_KERNEL', 'Linux 5.9', call));
      expect(result.stdout).toBe('');
      expect(result.stderr).toMatch(/^seccompagent: [^\n]*\n$/u);
    }
    expect(readdirSync(folder.path)).toEqual([]);
  },
);

test('start: another user than root gets one line that says so', async () => {
  const asNobody = ['setpriv', '--reuid', '65534', '--regid', '65534', '--clear-groups'] as const;
  const result = await runCommand([...asNobody, seccompagent]);
  expect(result).toEqual(failed('AGENT_NOT_ROOT'));
  expect(result.stdout).toBe('');
  expect(result.stderr).toMatch(/^seccompagent: [^\n]*\n$/u);
});

test('start: a missing addon gives one line that says how to build it', async () => {
  using folder = new TemporaryFolder();
  const launcher = installPackage(folder.at('package'), { hasAddon: false });
  const result = await runCommand([launcher]);
  const file = folder.at('package/build/Release/seccompagent.node');
  expect(result).toEqual(failed('AGENT_ADDON_MISSING', file, '"npm ci"'));
  expect(result.stdout).toBe('');
  expect(result.stderr).toMatch(/^seccompagent: [^\n]*\n$/u);
});

test('start: a worker that does not start ends the agent', async () => {
  using folder = new TemporaryFolder();
  const launcher = installPackage(folder.at('package'), { hasAddon: true });
  writeFileSync(folder.at('package/dist/host/worker/worker.js'), 'throw new Error("damaged");\n');
  const { code, signal } = await runCommand([launcher, `-socketfile=${folder.at('agent.socket')}`]);
  expect({ code, signal }).toEqual({ code: 1, signal: null });
});

test.for(['v20.19.2', 'v22.22.1', 'v22.9.9', 'v2.99.99', '', 'none'])(
  'launcher: takes the Node of the package where that of PATH is of version %s',
  async (version) => {
    using folder = new TemporaryFolder();
    const { code, stdout, stderr } = await runCommand([seccompagent, '-version'], {
      environment: { PATH: pathWithNode(folder, version) },
    });
    expect({ code, stdout, stderr }).toEqual({ code: 0, stdout: versionLine(), stderr: '' });
  },
);

test.for(['v22.22.2', 'v22.23.0', 'v23.0.0-nightly20261101', 'v26.10.0'])(
  'launcher: takes the Node of PATH where it is of version %s',
  async (version) => {
    using folder = new TemporaryFolder();
    const { stdout } = await runCommand([seccompagent, '-version'], {
      environment: { PATH: pathWithNode(folder, version) },
    });
    expect(stdout).toBe('it was run\n');
  },
);

test('launcher: says what is missing where no Node is new enough', async () => {
  using folder = new TemporaryFolder();
  const launcher = folder.at('package/host/seccompagent.sh');
  cpSync(seccompagent, launcher);
  cpSync(join(projectRoot, 'dist/host'), folder.at('package/dist/host'), { recursive: true });
  const { code, stdout, stderr } = await runCommand([launcher, '-version'], {
    environment: { PATH: pathWithNode(folder, 'v20.19.2') },
  });
  expect({ code, stdout }).toEqual({ code: 1, stdout: '' });
  expect(stderr).toMatch(/^seccompagent: [^\n]*\bNode \d+\.\d+\.\d+[^\n]*\n$/u);
});

test('A4: launcher: Node is started as handlers are to be compiled', async () => {
  using folder = new TemporaryFolder();
  await using agent = await AgentProcess.start(folder.at('agent.socket'), '-resolver=none');
  const words = readFileSync(`/proc/${agent.pid}/cmdline`, 'utf8').split('\0');
  expect(words.slice(1)).toEqual(expect.arrayContaining([...compilerFlags]));
});

test('launcher: says that the package is not built', async () => {
  using folder = new TemporaryFolder();
  const launcher = folder.at('package/host/seccompagent.sh');
  cpSync(seccompagent, launcher);
  const { code, stderr } = await runCommand([launcher, '-version']);
  expect(code).toBe(1);
  expect(stderr).toMatch(/^seccompagent: [^\n]*"npm ci"[^\n]*\n$/u);
  expect(stderr).toContain(folder.at('package'));
});

test('launcher: works through a symbolic link, as npm install -g makes', async () => {
  using folder = new TemporaryFolder();
  const link = folder.at('seccompagent');
  symlinkSync(seccompagent, link);
  const { code, stdout } = await runCommand([link, '-version']);
  expect({ code, stdout }).toEqual({ code: 0, stdout: versionLine() });
});
