// SPDX-License-Identifier: Apache-2.0
// Tests `seccompagent status` and the control socket that it asks through.
import { once } from 'node:events';
import { existsSync, readdirSync, readFileSync, statSync, writeFileSync } from 'node:fs';
import { connect, createServer } from 'node:net';
import { join } from 'node:path';

import { expect, test } from 'vitest';

import type { AgentStatus } from '../../host/control/status.ts';
import { metricValues } from '../support/agent-metrics.ts';
import { AgentProcess } from '../support/agent-process.ts';
import { AskedCaller } from '../support/asked-caller.ts';
import { BundleFolder } from '../support/bundle-folder.ts';
import { runCommand, seccompagent } from '../support/command.ts';
import type { CommandResult } from '../support/command.ts';
import { ControlledAgent } from '../support/controlled-agent.ts';
import { failed, naming } from '../support/failures.ts';
import { until } from '../support/polling.ts';
import { TemporaryFolder } from '../support/temporary-folder.ts';
import { TimedCalls } from '../support/timed-calls.ts';

const nobody = '65534';

async function askAt(path: string): Promise<CommandResult> {
  return runCommand([seccompagent, 'status', `-control-socket=${path}`]);
}

test('status: containers are shown with their bundles and handlers', async () => {
  await using agent = await ControlledAgent.start('-bundle=errno');
  await using caller = new AskedCaller({ socket: agent.socket, id: 'shown-container' });
  await caller.ask('getpgid 0');

  const status = await agent.status();
  expect(status).toMatchObject({ version: '0.1.0', lastReload: null });
  expect(status.workers).toBeGreaterThan(0);
  expect(status.containers).toEqual([
    {
      id: 'shown-container',
      peerUid: 0,
      calls: 1,
      since: expect.stringMatching(/^\d{4}-.*Z$/u),
      bundles: [{ name: 'errno', version: '0.1.0' }],
      handlers: [
        {
          name: 'errno',
          bundle: 'errno',
          digest: expect.stringMatching(/^sha256:[0-9a-f]{64}$/u),
          isQuarantined: false,
        },
      ],
    },
  ]);
  const { stdout } = await runCommand([seccompagent, 'status', `-control-socket=${agent.control}`]);
  const [head, ...lines] = stdout.split('\n');
  expect(head).toEqual(naming(/ 0\.1\.0\b/u, ` ${agent.process.pid},`));
  expect(lines.join('\n')).toMatch(
    /^shown-container .* 1 .* errno 0\.1\.0\n +errno .*\berrno sha256:/mu,
  );
});

test.for(['-json', '--json'])('status: %s says what containers are to Kubernetes', async (word) => {
  await using agent = await ControlledAgent.start('-bundle=errno');
  const workload = { namespace: 'shop', pod: 'web-1', container: 'nginx', podUid: 'x' };
  await using caller = new AskedCaller({ socket: agent.socket, id: 'c1', workload });
  for (let call = 0; call < 3; call += 1) await caller.ask('getpgid 0');
  const asking = [seccompagent, 'status', `-control-socket=${agent.control}`] as const;
  // a call is counted when its answer is sent
  await until('the calls to be counted', async () => {
    const { stdout } = await runCommand([...asking, word]);
    const { containers }: AgentStatus = JSON.parse(stdout);
    return containers[0]?.calls === 3 || undefined;
  });
  const { stdout } = await runCommand([...asking, word]);
  const { containers }: AgentStatus = JSON.parse(stdout);
  expect(containers).toEqual([
    expect.objectContaining({ id: 'c1', namespace: 'shop', pod: 'web-1', container: 'nginx' }),
  ]);
  const { stdout: text } = await runCommand(asking);
  expect(text).toMatch(/^c1 .* 3 .* errno 0\.1\.0\n.* shop\/web-1\/nginx\n/mu);
});

/** Another user than root, who can reach the programs of tests. */
const asUser = [
  'setpriv',
  '--reuid=1000',
  '--regid=1000',
  '--clear-groups',
  '--inh-caps=+dac_read_search,+dac_override',
  '--ambient-caps=+dac_read_search,+dac_override',
  '--no-new-privs',
] as const;

test.for(['none', 'kubernetes'])(
  'G7: with the resolver %s, what other users than root say of pods is not believed in status, audit log and metrics',
  async (resolver) => {
    using folder = new TemporaryFolder();
    const file = folder.at('audit.jsonl');
    await using agent = await ControlledAgent.start(
      `-resolver=${resolver}`,
      '-allow-uids=1000',
      `-audit-log=${file}`,
      '-metrics-bind-address=127.0.0.1:0',
    );
    const workload = { namespace: 'victims', pod: 'web-1', container: 'nginx', podUid: 'x' };
    const { socket } = agent;
    const call = { socket, workload, call: 'getpgid:0', calls: 0 };
    await using theirs = new TimedCalls({ ...call, id: 'theirs', wrapper: asUser });
    await theirs.ready();
    // wrong metadata is no way either
    const metadata = 'UNKNOWN=1';
    await using refused = new TimedCalls({ ...call, id: 'refused', metadata, wrapper: asUser });
    await refused.ready();
    theirs.begin();
    refused.begin();
    const ids = ['refused', 'theirs'];
    const { containers } = await until('calls of both', async () => {
      const status = await agent.status();
      return status.containers.filter(({ calls }) => calls > 0).length === 2 ? status : undefined;
    });
    expect(containers.map(({ id }) => id).toSorted()).toEqual(ids);
    for (const container of containers) {
      expect(container).toMatchObject({ peerUid: 1000 });
      expect(container).not.toHaveProperty('namespace');
    }
    const shown = await runCommand([seccompagent, 'status', `-control-socket=${agent.control}`]);
    expect(shown.stdout).toMatch(/^ .* 1000\b/mu);
    const metrics = [...(await metricValues(agent.process)).keys()].join('\n');
    expect(metrics).toContain('namespace=""');
    expect(metrics).not.toContain('victims');
    await until(
      'both in the audit log',
      () => ids.every((id) => readFileSync(file, 'utf8').includes(`"${id}"`)) || undefined,
    );
    expect(readFileSync(file, 'utf8')).not.toContain('victims');
  },
);

test('M6: status: the name of a container controls no terminal', async () => {
  await using agent = await ControlledAgent.start('-bundle=errno');
  // as it stands in the JSON that the caller sends
  const id = String.raw`a\u001b[2J\u009b2J\nb`;
  await using caller = new AskedCaller({ socket: agent.socket, id });
  await caller.ask('getpgid 0');
  const asking = [seccompagent, 'status', `-control-socket=${agent.control}`] as const;
  for (const words of [asking, [...asking, '-json'] as const]) {
    const { stdout } = await runCommand(words);
    expect(stdout).toContain(String.raw`a\u001b[2J\u009b2J`);
    expect(stdout.replaceAll('\n', '')).not.toMatch(/\p{Cc}/u);
  }
});

test('status: a container whose calls fail is shown with the reason', async () => {
  await using agent = await ControlledAgent.start();
  await using caller = new AskedCaller({ socket: agent.socket, metadata: 'BUNDLE=no-such' });
  expect((await caller.ask('getpgid 0')).answer).toBe('EPERM');
  const { containers } = await agent.status();
  expect(containers).toMatchObject([
    { handlers: [], refusal: expect.stringContaining('"no-such"') },
  ]);
});

test('status: a handler that failed too often is shown as quarantined', async () => {
  using bundles = new BundleFolder();
  bundles.write('trap', { component: 'trap' });
  await using agent = await ControlledAgent.start(`-bundle=${join(bundles.path, 'trap')}`);
  await using caller = new AskedCaller({ socket: agent.socket });
  for (let call = 0; call < 5; call += 1) await caller.ask('mkdir /trap');
  const { containers } = await agent.status();
  expect(containers[0]?.handlers).toMatchObject([{ isQuarantined: true }]);
});

test('status: the result of a reload is shown, with failures and reasons', async () => {
  using bundles = new BundleFolder();
  bundles.write('own', { component: 'counting', syscalls: ['getpgid'], grants: ['state'] });
  await using agent = await ControlledAgent.start(`-bundle=${join(bundles.path, 'own')}`);
  await using caller = new AskedCaller({ socket: agent.socket });
  await caller.ask('getpgid 0');
  writeFileSync(join(bundles.path, 'own/bundle.json'), '{ broken');
  const { pid } = await agent.status();
  process.kill(pid, 'SIGHUP');
  const reload = await until(
    'a reload',
    async () => (await agent.status()).lastReload ?? undefined,
  );
  expect(reload.failures).toEqual([
    { of: expect.any(String), reason: naming(join(bundles.path, 'own/bundle.json')) },
  ]);
  const { stdout } = await runCommand([seccompagent, 'status', `-control-socket=${agent.control}`]);
  expect(stdout).toContain(join(bundles.path, 'own/bundle.json'));
});

test('control socket: it requires root, and gone with its agent', async () => {
  await using agent = await ControlledAgent.start();
  expect(statSync(agent.control).mode & 0o7777).toBe(0o600);
  const refused = await runCommand([
    'setpriv',
    `--reuid=${nobody}`,
    `--regid=${nobody}`,
    '--clear-groups',
    process.execPath,
    '-e',
    `require('net').connect(${JSON.stringify(agent.control)}).on('error', (e) => console.log(e.code))`,
  ]);
  expect(refused.stdout).toBe('EACCES\n');
  await agent.process.stop('SIGTERM');
  expect(existsSync(agent.control)).toBe(false);
});

test('control socket: one that is left of a killed agent is replaced', async () => {
  using folder = new TemporaryFolder();
  const control = folder.at('control.sock');
  const words = [`-control-socket=${control}`] as const;
  await using first = await AgentProcess.start(folder.at('first.socket'), ...words);
  await first.stop('SIGKILL');
  expect(statSync(control).isSocket()).toBe(true);
  await using second = await AgentProcess.start(folder.at('second.socket'), ...words);
  expect((await askAt(control)).code).toBe(0);
  await second.stop('SIGTERM');
  expect(readdirSync(folder.path)).toEqual(['first.socket']);
});

test('control socket: that of a living program is left to it', async () => {
  using folder = new TemporaryFolder();
  const control = folder.at('control.sock');
  const server = createServer().listen(control);
  await once(server, 'listening');
  const result = await runCommand([
    seccompagent,
    `-socketfile=${folder.at('agent.socket')}`,
    `-control-socket=${control}`,
  ]);
  server.close();
  expect(result).toEqual(failed('AGENT_CONTROL_IN_USE', control));
});

test.for(['SIGTERM', 'SIGKILL'] as const)(
  'control socket: an agent that takes over gets it when the other one is gone by %s',
  async (signal) => {
    using folder = new TemporaryFolder();
    const control = folder.at('control.sock');
    const words = [folder.at('agent.socket'), `-control-socket=${control}`] as const;
    await using first = await AgentProcess.start(...words);
    await using second = await AgentProcess.start(...words, '-take-over');
    const ofControl = (): readonly string[] =>
      second.records.map(({ event }) => event).filter((event) => event.startsWith('control-'));
    await second.logged('control-unavailable');
    expect((await askAt(control)).code).toBe(0);
    expect(ofControl()).toEqual(['control-unavailable']);
    await first.stop(signal);
    await second.logged('control-listening');
    expect((await askAt(control)).code).toBe(0);
    expect(ofControl()).toEqual(['control-unavailable', 'control-listening']);
    expect(statSync(control).mode & 0o7777).toBe(0o600);
    await second.stop('SIGTERM');
    expect(readdirSync(folder.path)).toEqual([]);
  },
);

test('control socket: an agent that waits for it ends, and leaves it', async () => {
  using folder = new TemporaryFolder();
  const control = folder.at('control.sock');
  const words = [folder.at('agent.socket'), `-control-socket=${control}`] as const;
  await using first = await AgentProcess.start(...words);
  await using second = await AgentProcess.start(...words, '-take-over');
  await second.logged('control-unavailable');
  expect(await second.stop('SIGTERM')).toMatchObject({ code: 0 });
  expect((await askAt(control)).code).toBe(0);
  await first.stop('SIGTERM');
  expect(readdirSync(folder.path)).toEqual([]);
});

test('control socket: a file that is none is left alone', async () => {
  using folder = new TemporaryFolder();
  const control = folder.at('file');
  writeFileSync(control, 'precious');
  const result = await runCommand([
    seccompagent,
    `-socketfile=${folder.at('agent.socket')}`,
    `-control-socket=${control}`,
  ]);
  expect(result).toEqual(failed('AGENT_CONTROL', control));
  expect(statSync(control).size).toBe(8);
});

test('control socket: none makes none', async () => {
  using folder = new TemporaryFolder();
  await using agent = await AgentProcess.start(folder.at('agent.socket'), '-control-socket=none');
  expect(readdirSync(folder.path)).toEqual(['agent.socket']);
  expect(agent.records.filter(({ event }) => event.includes('control'))).toEqual([]);
});

test('G11: control socket: somebody who lingers there keeps no stopping agent listening', async () => {
  await using agent = await ControlledAgent.start();
  const lingering = connect(agent.control);
  await once(lingering, 'connect');
  lingering.write('GET /status HTTP/1.1\r\n');
  const closed = once(lingering, 'close');
  let isClosed = false;
  void closed.then(() => (isClosed = true));
  // so that the agent has it before the signal
  await agent.status();

  agent.process.signal('SIGTERM');
  await until('the agent socket to be gone', () => (existsSync(agent.socket) ? undefined : true));

  expect(isClosed).toBe(false);
  await closed;
});

test('status: without an agent it says so', async () => {
  using folder = new TemporaryFolder();
  const control = folder.at('control.sock');
  expect(await askAt(control)).toEqual(failed('AGENT_CONTROL', control, '-control-socket'));
});

test.for([[['word']], [['-unknown']]] as const)(
  'status %j: the message and where help is, exit code 2',
  async ([words]) => {
    const { code, stderr } = await runCommand([seccompagent, 'status', ...words]);
    expect(code).toBe(2);
    expect(stderr).toMatch(/^seccompagent: .+\n.*seccompagent status -help\n$/u);
  },
);
