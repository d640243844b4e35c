// SPDX-License-Identifier: Apache-2.0
// Falco is told of calls, by gRPC and as lines of JSON, and is never in the way of them.
import { readFileSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:http';
import { once } from 'node:events';

import { expect, test } from 'vitest';

import { metricValues } from '../support/agent-metrics.ts';
import { AgentProcess } from '../support/agent-process.ts';
import { FalcoPlugin } from '../support/falco-plugin.ts';
import { until } from '../support/polling.ts';
import { TemporaryFolder } from '../support/temporary-folder.ts';
import { testBundle } from '../support/test-bundles.ts';
import { TimedCalls } from '../support/timed-calls.ts';
import type { TimedCallsResult } from '../support/timed-calls.ts';
import { runTrap, startTrap, trapLines } from '../support/trap-container.ts';

const annotations = [
  'io.kubernetes.cri.sandbox-namespace=shop',
  'io.kubernetes.cri.sandbox-name=web-1',
  'io.kubernetes.cri.container-name=nginx',
].flatMap((text) => ['-A', text]);

interface Places extends Disposable {
  readonly agent: string;
  readonly plugin: string;
  at(name: string): string;
}

function places(): Places {
  const folder = new TemporaryFolder();
  return {
    agent: folder.at('agent.socket'),
    plugin: folder.at('plugin.sock'),
    at: (name) => folder.at(name),
    [Symbol.dispose]: () => {
      folder[Symbol.dispose]();
    },
  };
}

async function eventsByResult(agent: AgentProcess): Promise<Readonly<Record<string, number>>> {
  const values = await metricValues(agent);
  const value = (result: string): number =>
    values.get(`seccompagent_falco_events_total{output="grpc",result="${result}"}`) ?? 0;
  return { sent: value('sent'), failed: value('failed'), lost: value('lost') };
}

test('falco: with the resolver falco, calls continue and the plugin is told of each, field by field', async () => {
  using place = places();
  await using plugin = await FalcoPlugin.start(place.plugin);
  const options = ['-resolver=falco', `-falco-socket=${place.plugin}`];
  await using _agent = await AgentProcess.start(place.agent, ...options);
  await using trap = startTrap({
    socket: place.agent,
    trapped: ['mkdir', 'getpgid'],
    // the call is of a thread that is not the container's first process
    options: ['-r', '-t', ...annotations],
    operations: ['mkdir:/a:755', 'getpgid', 'hold'],
  });
  await trap.untilLines(2);
  expect(trap.lines()).toEqual(['mkdir 0 OK', expect.stringMatching(/^getpgid \d+ OK/u)]);
  await until('two events', () => plugin.events.length >= 2 || undefined);
  const [first, second] = plugin.events;
  const common = {
    namespace: 'shop',
    pod: 'web-1',
    container: 'nginx',
    k8sPid: BigInt(trap.pid),
    pidFilter: BigInt(trap.pid),
  };
  expect(first).toMatchObject({ ...common, syscall: 'mkdir' });
  expect(second).toMatchObject({ ...common, syscall: 'getpgid' });
  expect(first?.id).not.toBe(0n);
  expect(second?.id).toBe((first?.id ?? 0n) + 1n);
  // the caller, not one of the processes of the container's state
  expect(first?.pid).not.toBe(BigInt(trap.pid));
  expect(first?.pid).toBe(second?.pid);
  trap.release();
  await trap.ended;
});

test('falco: pid is the caller, k8s.pid the first process and pid_filter who attached the filter', async () => {
  using place = places();
  await using plugin = await FalcoPlugin.start(place.plugin);
  const options = ['-resolver=falco', `-falco-socket=${place.plugin}`];
  await using _agent = await AgentProcess.start(place.agent, ...options);
  // both pids of the state are another process's
  const { pid } = process;
  const lines = await trapLines({
    socket: place.agent,
    trapped: ['getpgid'],
    options: ['-p', String(pid)],
    operations: ['getpgid'],
  });
  expect(lines).toHaveLength(1);
  const event = await until('the event', () => plugin.events[0]);
  expect(event).toMatchObject({ k8sPid: BigInt(pid), pidFilter: BigInt(pid), namespace: '' });
  expect(event.pid).not.toBe(BigInt(pid));
});

test('falco: handlers that BUNDLE selects answer, and the plugin is told', async () => {
  using place = places();
  await using plugin = await FalcoPlugin.start(place.plugin);
  const options = ['-resolver=falco', `-falco-socket=${place.plugin}`];
  await using _agent = await AgentProcess.start(place.agent, ...options);
  const lines = await trapLines({
    socket: place.agent,
    trapped: ['chmod'],
    options: ['-r', '-m', 'BUNDLE=errno'],
    operations: ['chmod:/tmp:700'],
  });
  expect(lines).toEqual(['chmod -1 EPERM']);
  await until('the event', () => plugin.events[0]?.syscall === 'chmod' || undefined);
});

test('falco: of a container whose metadata is wrong, the plugin is told that its calls fail', async () => {
  using place = places();
  await using plugin = await FalcoPlugin.start(place.plugin);
  const options = ['-resolver=falco', `-falco-socket=${place.plugin}`];
  await using _agent = await AgentProcess.start(place.agent, ...options);
  const lines = await trapLines({
    socket: place.agent,
    trapped: ['getpgid'],
    options: ['-m', 'BUNDLE=nowhere'],
    operations: ['getpgid'],
  });
  expect(lines).toEqual(['getpgid -1 EPERM']);
  await until('the event', () => plugin.events[0]?.syscall === 'getpgid' || undefined);
});

test('falco: a container whose metadata is wrong has the middleware that it names', async () => {
  using place = places();
  await using plugin = await FalcoPlugin.start(place.plugin);
  const options = ['-resolver=kubernetes', `-falco-socket=${place.plugin}`];
  await using _agent = await AgentProcess.start(place.agent, ...options);
  const lines = await trapLines({
    socket: place.agent,
    trapped: ['getpgid'],
    options: [...annotations, '-m', 'MIDDLEWARE=falco\nNO_SUCH_KEY=1'],
    operations: ['getpgid'],
  });
  expect(lines).toEqual(['getpgid -1 EPERM']);
  await until('the event', () => plugin.events[0]?.syscall === 'getpgid' || undefined);
});

test('falco: where the agent has nobody to tell, it warns of each container that wants it', async () => {
  using place = places();
  const options = ['-resolver=falco', '-falco-socket=none'];
  await using agent = await AgentProcess.start(place.agent, ...options);
  for (const id of ['c1', 'c2']) {
    const lines = await trapLines({
      socket: place.agent,
      trapped: ['getpgid'],
      options: ['-i', id],
      operations: ['getpgid'],
    });
    expect(lines).toEqual([expect.stringMatching(/^getpgid \d+ OK/u)]);
  }
  const warnings = agent.records.filter(({ event }) => event === 'falco-unconfigured');
  expect(warnings).toMatchObject([
    { level: 'warn', container: 'c1', middleware: 'falco' },
    { level: 'warn', container: 'c2', middleware: 'falco' },
  ]);
});

test('falco: without the middleware nobody is told', async () => {
  using place = places();
  await using plugin = await FalcoPlugin.start(place.plugin);
  await using agent = await AgentProcess.start(place.agent, `-falco-socket=${place.plugin}`);
  await trapLines({ socket: place.agent, trapped: ['getpgid'], operations: ['getpgid'] });
  await agent.stop('SIGTERM');
  expect(plugin.events).toEqual([]);
});

test('falco: a call that kills its container has its event', async () => {
  using place = places();
  await using plugin = await FalcoPlugin.start(place.plugin);
  writeFileSync(place.at('config.yaml'), 'bundles: { hold: { grants: { container: {} } } }\n');
  await using _agent = await AgentProcess.start(
    place.agent,
    '-resolver=falco',
    `-bundle=${testBundle('hold')}`,
    `-config=${place.at('config.yaml')}`,
    `-falco-socket=${place.plugin}`,
    `-falco-output=file:${place.at('alerts')}`,
  );
  const { signal } = await runTrap({
    socket: place.agent,
    trapped: ['mkdir'],
    options: ['-r'],
    operations: ['mkdir:/kill:755'],
  });
  expect(signal).toBe('SIGKILL');
  await until('the event', () => plugin.events[0]?.syscall === 'mkdir' || undefined);
  const alert = await until(
    'the alert',
    () => readFileSync(place.at('alerts'), 'utf8') || undefined,
  );
  expect(JSON.parse(alert)).toMatchObject({ priority: 'Critical' });
});

test('falco: the metadata of a pod says who is told, and a default that kills has its event', async () => {
  using place = places();
  await using plugin = await FalcoPlugin.start(place.plugin);
  await using _agent = await AgentProcess.start(
    place.agent,
    '-resolver=kubernetes',
    `-falco-socket=${place.plugin}`,
  );
  const run = async (metadata: string): Promise<string | null> => {
    const { signal } = await runTrap({
      socket: place.agent,
      trapped: ['getpgid'],
      options: [...annotations, '-m', metadata],
      operations: ['getpgid'],
    });
    return signal;
  };
  expect(await run('DEFAULT_ACTION=kill-container')).toBe('SIGKILL');
  expect(await run('MIDDLEWARE=falco\nDEFAULT_ACTION=kill-container')).toBe('SIGKILL');
  const event = await until('the event', () => plugin.events[0]);
  expect(event).toMatchObject({ syscall: 'getpgid', namespace: 'shop', pod: 'web-1' });
  expect(plugin.events).toHaveLength(1);
});

test('falco: events before the plugin’s start are sent once it is there', async () => {
  using place = places();
  const options = ['-resolver=falco', `-falco-socket=${place.plugin}`];
  await using agent = await AgentProcess.start(
    place.agent,
    ...options,
    '-metrics-bind-address=127.0.0.1:0',
  );
  await trapLines({
    socket: place.agent,
    trapped: ['getpgid'],
    options: ['-T', '20'],
    operations: ['getpgid'],
  });
  await using plugin = await FalcoPlugin.start(place.plugin);
  await until('all events', () => plugin.events.length >= 20 || undefined);
  expect(plugin.events).toHaveLength(20);
  // an event is sent once its answer has come, and has failed if that took a second
  const results = await until('all to be counted', async () => {
    const { sent = 0, failed = 0, ...others } = await eventsByResult(agent);
    return sent + failed === 20 ? others : undefined;
  });
  expect(results).toEqual({ lost: 0 });
});

test('falco: a plugin that is started anew is told of all that it has missed', async () => {
  using place = places();
  const options = ['-resolver=falco', `-falco-socket=${place.plugin}`];
  await using agent = await AgentProcess.start(
    place.agent,
    ...options,
    '-metrics-bind-address=127.0.0.1:0',
  );
  const call = async (): Promise<void> => {
    await trapLines({
      socket: place.agent,
      trapped: ['getpgid'],
      options: ['-T', '10'],
      operations: ['getpgid'],
    });
  };
  {
    await using first = await FalcoPlugin.start(place.plugin);
    await call();
    await until('the first events', () => first.events.length >= 10 || undefined);
  }
  await call();
  await using second = await FalcoPlugin.start(place.plugin);
  await call();
  const ids = await until('the others', () => {
    const told = new Set(second.events.map(({ id }) => id));
    return told.size >= 20 ? told : undefined;
  });
  expect(ids.size).toBe(20);
  expect(await eventsByResult(agent)).toMatchObject({ failed: 0, lost: 0 });
});

async function timed(socket: string): Promise<TimedCallsResult> {
  await using calls = new TimedCalls({ socket, call: 'getpgid:0', calls: 10_000 });
  await calls.ready();
  calls.begin();
  return await calls.result();
}

test('falco: a plugin that never answers does not slow 10000 calls, and what is lost is counted', async () => {
  using place = places();
  await using silent = await FalcoPlugin.start(place.plugin, 'never');
  const unwatched = place.at('other.socket');
  const metricsOn = '-metrics-bind-address=127.0.0.1:0';
  await using _other = await AgentProcess.start(unwatched);
  await using agent = await AgentProcess.start(
    place.agent,
    '-resolver=falco',
    `-falco-socket=${place.plugin}`,
    metricsOn,
  );
  const ratios: number[] = [];
  // the machine is not ours alone
  while (ratios.length < 4 && Math.min(...ratios, Infinity) >= 1.5) {
    const without = await timed(unwatched);
    const { p50Ms, answers } = await timed(place.agent);
    expect(answers).toEqual({ OK: 10_000 });
    ratios.push(p50Ms / without.p50Ms);
  }
  expect(Math.min(...ratios)).toBeLessThan(1.5);
  await until('events to fail', async () => {
    const { failed = 0, lost = 0 } = await eventsByResult(agent);
    return (failed > 0 && lost > 0) || undefined;
  });
  expect(silent.events.length).toBeGreaterThan(0);
  // at once, and then once a minute
  expect(agent.records.filter(({ event }) => event === 'falco-undelivered')).toHaveLength(1);
  const { code } = await agent.stop('SIGTERM');
  expect(code).toBe(0);
});

test('falco: -falco-output writes an alert a line, with the fields of Falco and its plugin', async () => {
  using place = places();
  const file = place.at('alerts.jsonl');
  await using agent = await AgentProcess.start(
    place.agent,
    '-resolver=falco',
    `-falco-output=file:${file}`,
  );
  await trapLines({
    socket: place.agent,
    trapped: ['chmod'],
    options: ['-r', '-i', 'c1', '-m', 'BUNDLE=errno', ...annotations],
    operations: ['chmod:/tmp:700'],
  });
  await agent.stop('SIGTERM');
  const lines = readFileSync(file, 'utf8').split('\n');
  expect(lines).toHaveLength(2);
  const alert = JSON.parse(lines[0] ?? '');
  expect(Object.keys(alert).toSorted()).toEqual(
    [
      'hostname',
      'output',
      'output_fields',
      'priority',
      'rule',
      'source',
      'tags',
      'time',
    ].toSorted(),
  );
  expect(alert).toMatchObject({
    priority: 'Notice',
    source: 'seccompagent',
    output_fields: {
      'container.id': 'c1',
      'seccompagent.syscall': 'chmod',
      'seccompagent.answer': 'EPERM',
      'seccompagent.handler': 'errno',
      'seccompagent.k8s.namespace': 'shop',
      'seccompagent.k8s.pod': 'web-1',
      'seccompagent.k8s.container': 'nginx',
    },
  });
  expect(alert.time).toMatch(/^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{9}Z$/u);
  expect(Date.parse(alert.time)).toBeCloseTo(alert.output_fields['evt.time'] / 1e6, 0);
  expect(alert.output).toContain('syscall=chmod answer=EPERM');
});

test('falco: -falco-output posts alerts over few connections, again where a server was not up to it', async () => {
  using place = places();
  const bodies: string[] = [];
  let connections = 0;
  let refusals = 3;
  const server = createServer((request, response) => {
    const chunks: Buffer[] = [];
    request.on('data', (chunk: Buffer) => chunks.push(chunk));
    request.on('end', () => {
      refusals -= 1;
      if (refusals < 0) bodies.push(Buffer.concat(chunks).toString());
      response.statusCode = refusals < 0 ? 200 : 503;
      response.end();
    });
  });
  server.on('connection', () => (connections += 1));
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  const address = server.address();
  if (address === null || typeof address === 'string') throw new Error('it has no port');
  const { port } = address;
  try {
    await using _agent = await AgentProcess.start(
      place.agent,
      '-resolver=falco',
      `-falco-output=http://127.0.0.1:${port}/events`,
    );
    await trapLines({
      socket: place.agent,
      trapped: ['getpgid'],
      options: ['-T', '50'],
      operations: ['getpgid'],
    });
    await until('all alerts', () => bodies.length >= 50 || undefined);
    const ids = bodies.map((body) => JSON.parse(body).output_fields['seccompagent.id']);
    expect(new Set(ids).size).toBe(50);
    expect(connections).toBeLessThanOrEqual(4);
  } finally {
    server.closeAllConnections();
    server.close();
  }
});
