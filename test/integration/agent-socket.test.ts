// SPDX-License-Identifier: Apache-2.0
// Tests clients of the agent socket, and their effect on the agent and on other containers.
import { execFile } from 'node:child_process';
import { once } from 'node:events';
import { chmodSync, copyFileSync, existsSync, statSync, writeFileSync } from 'node:fs';
import { connect } from 'node:net';
import type { Socket } from 'node:net';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { promisify } from 'node:util';

import { afterAll, beforeAll, describe, expect, test } from 'vitest';

import type { LogEvent } from '../../host/log/log-events.ts';
import { startWatchedAgent } from '../support/watched-agent.ts';
import type { WatchedAgent } from '../support/watched-agent.ts';
import { RunningCommand } from '../support/command.ts';
import { compiled } from '../support/compile.ts';
import { leaveFds, leaveManyFds } from '../support/fd-limit.ts';
import type { WantedFields } from '../support/log-records.ts';
import { plainMkdir } from '../support/plain-mkdir.ts';
import { until } from '../support/polling.ts';
import {
  cpuTicks,
  openFdCount,
  settledFdCount,
  untilFdCountIs,
} from '../support/process-resources.ts';
import { TemporaryFolder } from '../support/temporary-folder.ts';
import { testBundle } from '../support/test-bundles.ts';
import { runTrap, trapLines } from '../support/trap-container.ts';

const run = promisify(execFile);

/** The agent's deadline for a whole message. */
const deadlineMs = 5000;
const maxBytes = 1024 * 1024;

interface Sent {
  readonly end: string;
  readonly tookMs: number;
  readonly sentBytes: number;
}

/** Runs send-state, see its header. */
async function send(
  agent: WatchedAgent,
  bytes: string | Uint8Array,
  ...options: readonly string[]
): Promise<Sent> {
  using folder = new TemporaryFolder();
  const file = join(folder.path, 'message');
  writeFileSync(file, bytes);
  const { stdout } = await run(compiled('send-state'), [
    '-s',
    agent.socket,
    '-f',
    file,
    ...options,
  ]);
  const [end = '', tookMs, , sentBytes] = stdout.trim().split(' ');
  return { end, tookMs: Number(tookMs), sentBytes: Number(sentBytes) };
}

/** A container process state. */
function state(
  id: string,
  fds: readonly string[] = ['seccompFd'],
  annotations: Readonly<Record<string, string>> = {},
): string {
  return JSON.stringify({
    ociVersion: '1.2.0',
    fds,
    pid: process.pid,
    state: { ociVersion: '1.2.0', id, status: 'creating', pid: process.pid, annotations },
  });
}

/** A container whose mkdir has to be answered. */
async function serveOne(agent: WatchedAgent): Promise<void> {
  using folder = new TemporaryFolder();
  const path = join(folder.path, 'made');
  const lines = await trapLines({
    socket: agent.socket,
    trapped: ['mkdir'],
    operations: [`mkdir:${path}:755`],
  });
  expect(lines).toEqual(['mkdir 0 OK']);
  expect(existsSync(path)).toBe(true);
}

/** Descriptors of a new agent; it comes back to them once it has served a container. */
async function restingFdCount(agent: WatchedAgent): Promise<number> {
  const count = await settledFdCount(agent.pid);
  await serveOne(agent);
  await untilFdCountIs(agent.pid, count);
  return count;
}

async function connectSilently(agent: WatchedAgent): Promise<Socket> {
  const socket = connect(agent.socket);
  await once(socket, 'connect');
  socket.on('error', () => undefined);
  // an end is only noticed by a socket that is read
  socket.resume();
  return socket;
}

/** Of a message that is no container process state, with the values that its line says why. */
function stateInvalid(...named: readonly (number | string)[]): WantedFields {
  const why = new RegExp(named.map((each) => `(?=.*(?<!\\w)${each}(?!\\w))`).join(''), 'u');
  return { code: 'AGENT_STATE_INVALID', why };
}

const wholeWithoutDescriptors = {
  code: 'AGENT_STATE_INVALID',
  why: expect.stringMatching(/\b1\b.*\b0\b/u),
};

describe('agent socket: messages', () => {
  let agent: WatchedAgent;
  let fdCount = 0;

  beforeAll(async () => {
    agent = await startWatchedAgent({ ...plainMkdir, log: 'debug' });
    fdCount = await restingFdCount(agent);
  });
  afterAll(async () => {
    await agent[Symbol.asyncDispose]();
  });

  function attachedCount(): number {
    return agent.records().filter(({ event }) => event === 'container-attached').length;
  }

  /** After whatever a client did: no descriptor is kept, and the next container is served. */
  async function expectUnharmed(): Promise<void> {
    const from = agent.log().length;
    await serveOne(agent);
    await untilFdCountIs(agent.pid, fdCount);
    // the log comes by a pipe, and the next test is not to take this for its own
    await agent.untilLogged('container-attached', {}, from);
  }

  const longName = 'x'.repeat(maxBytes);
  const refused: readonly {
    readonly what: string;
    readonly bytes: string | Uint8Array;
    readonly options: readonly string[];
    /** Absent: `message-refused`. */
    readonly event?: LogEvent;
    readonly fields?: WantedFields;
  }[] = [
    {
      what: 'nothing at all and a close',
      bytes: '',
      options: ['-z', '-e'],
      event: 'connection-cut',
    },
    {
      what: 'half a message and a close',
      bytes: state('cut').slice(0, 60),
      options: ['-l', '-e'],
      event: 'connection-cut',
    },
    {
      what: 'a message of more than 1 MiB',
      bytes: state('long', ['seccompFd'], { name: longName }),
      options: ['-l'],
      fields: stateInvalid(maxBytes),
    },
    {
      what: 'text that is no JSON',
      bytes: 'hello agent',
      options: ['-l'],
      fields: stateInvalid(),
    },
    {
      what: 'braces that are no JSON',
      bytes: '{hello}',
      options: ['-l'],
      fields: stateInvalid(),
    },
    {
      what: 'bytes that are no UTF-8',
      bytes: Buffer.concat([Buffer.from('{"\xff\xfe"', 'latin1'), Buffer.from(':1}')]),
      options: ['-l'],
      fields: stateInvalid(),
    },
    {
      what: 'JSON of another kind',
      bytes: '{"fds":"seccompFd"}',
      options: ['-l'],
      fields: stateInvalid(),
    },
    {
      what: 'JSON that is nested 100,000 times',
      bytes: `{"fds":${'['.repeat(100_000)}${']'.repeat(100_000)}}`,
      options: ['-l'],
      fields: stateInvalid(),
    },
    {
      what: 'a message with something behind it',
      bytes: `${state('behind')}{}`,
      options: ['-l'],
      fields: stateInvalid(),
    },
    {
      what: 'a descriptor of another name',
      bytes: state('other-name', ['other']),
      options: ['-l'],
      fields: stateInvalid('"seccompFd"'),
    },
    {
      what: '/dev/null as the listener',
      bytes: state('null'),
      options: [],
      fields: { code: 'AGENT_LISTENER' },
    },
    {
      what: 'no descriptor',
      bytes: state('no-fd'),
      options: ['-n', '0'],
      fields: stateInvalid(1, 0),
    },
    {
      what: 'fewer descriptors than are named',
      bytes: state('fewer', ['seccompFd', 'other']),
      options: ['-l'],
      fields: stateInvalid(2, 1),
    },
    {
      what: 'more descriptors than are named',
      bytes: state('more'),
      options: ['-l', '-n', '3'],
      fields: stateInvalid(1, 3),
    },
    {
      what: '253 descriptors and one name',
      bytes: state('crowd'),
      options: ['-l', '-n', '253'],
      fields: stateInvalid(8),
    },
  ];

  test.each(refused)(
    'G1: agent socket: $what is refused, and nothing is kept of it',
    async ({ bytes, options, event = 'message-refused', fields }) => {
      const from = agent.log().length;
      const attached = attachedCount();

      const { end, tookMs } = await send(agent, bytes, ...options);

      expect(end).toBe(options.includes('-e') ? 'left' : 'closed');
      // not that its time was over
      expect(tookMs).toBeLessThan(deadlineMs);
      await agent.untilLogged(event, fields, from);
      expect(attachedCount()).toBe(attached);
      await expectUnharmed();
    },
  );

  const accepted: readonly {
    readonly what: string;
    readonly id: string;
    readonly bytes: string;
    readonly options: readonly string[];
  }[] = [
    {
      what: 'a message whose connection is kept open',
      id: 'kept-open',
      bytes: state('kept-open'),
      options: [],
    },
    {
      what: 'a message in slow chunks of 16 bytes',
      id: 'slow',
      bytes: state('slow'),
      options: ['-c', '16', '-d', '30'],
    },
    {
      what: 'a message with annotations of 300 KB in chunks',
      id: 'large',
      bytes: state('large', ['seccompFd'], { large: 'ü"}{\\'.repeat(50_000) }),
      options: ['-c', '36544'],
    },
    {
      what: 'a message of three descriptors of different names',
      id: 'three',
      bytes: state('three', ['first', 'seccompFd', 'last']),
      options: ['-n', '3'],
    },
    {
      what: 'a message of 8 named descriptors',
      id: 'many',
      bytes: state('many', ['seccompFd', ...Array.from({ length: 7 }, (_, at) => `other${at}`)]),
      options: ['-n', '8'],
    },
    {
      what: 'a message with white space around it, as crun sends it',
      id: 'spaced',
      bytes: `\n ${state('spaced').replaceAll(',', ',\n\t')}\n`,
      options: [],
    },
  ];

  test.each(accepted)(
    'G1: agent socket: $what is accepted and then closed by the agent',
    async ({ id, bytes, options }) => {
      const from = agent.log().length;

      using folder = new TemporaryFolder();
      const file = folder.at('message');
      writeFileSync(file, bytes);
      const words = ['-s', agent.socket, '-f', file, '-l', ...options];
      {
        // what has ended before it is its turn is not attached
        await using sending = new RunningCommand([compiled('send-state'), ...words, '-k', '60000']);
        await agent.untilLogged('container-attached', { container: id }, from);
        const [, end, sentBytes] = await sending.printed(/^(\w+) \d+ sent (\d+)$/mu);
        expect(end).toBe('closed');
        expect(Number(sentBytes)).toBe(Buffer.byteLength(bytes));
      }
      await agent.untilLogged('container-detached', { container: id }, from);
      await expectUnharmed();
    },
  );
});

test.each([
  { count: 1, index: 0 },
  { count: 3, index: 1 },
  { count: 8, index: 7 },
])(
  'G1: agent socket: the listener is found by its name, at $index of $count descriptors',
  async ({ count, index }) => {
    await using agent = await startWatchedAgent({ bundle: testBundle('errno-getpgid') });
    const before = await settledFdCount(agent.pid);

    const { stdout } = await run(compiled('mixed-fds'), [
      agent.socket,
      String(count),
      String(index),
    ]);

    expect(stdout).toBe('getpgid -1 EBADMSG\n');
    await agent.untilLogged('container-detached');
    await untilFdCountIs(agent.pid, before);
  },
);

test('G1: agent socket: a hundred silent clients and a dripping one hold up no container, and are closed after 5 s', async () => {
  await using agent = await startWatchedAgent({ ...plainMkdir, log: 'warn', mayWarn: true });
  const before = await restingFdCount(agent);
  const closedAfterMs: number[] = [];
  const served = new AbortController();
  // whoever is closed comes again, so that all are there for as long as the container takes
  const silent = Array.from({ length: 100 }, async () => {
    while (!served.signal.aborted) {
      const began = performance.now();
      const socket = await connectSilently(agent);
      await once(socket, 'close');
      closedAfterMs.push(performance.now() - began);
    }
  });
  const dripping = send(agent, state('drip'), '-l', '-c', '1', '-d', '300');
  await until('all to be accepted', () => openFdCount(agent.pid) > before + 100 || undefined);

  await serveOne(agent);

  served.abort();
  await Promise.all(silent);
  expect(closedAfterMs.length).toBeGreaterThan(99);
  expect(Math.min(...closedAfterMs)).toBeGreaterThan(deadlineMs - 100);
  const { end, tookMs } = await dripping;
  expect(end).toBe('closed');
  expect(tookMs).toBeGreaterThan(deadlineMs - 100);
  await untilFdCountIs(agent.pid, before);
  await agent.untilLogged('message-refused', stateInvalid(deadlineMs));
  await serveOne(agent);
});

test('A19: agent socket: what comes while the agent stands still is read before its time is over', async () => {
  await using agent = await startWatchedAgent({ ...plainMkdir, log: 'warn', mayWarn: true });
  const before = await restingFdCount(agent);
  // one that fits into a socket, and one that its sender still waits with
  const messages = [state('small'), state('large', ['seccompFd'], { a: 'x'.repeat(900_000) })];
  const sockets = await Promise.all(messages.map(async () => connectSilently(agent)));
  for (const socket of sockets) socket.write('{');
  await until('all to be accepted', () => openFdCount(agent.pid) > before + 1 || undefined);
  await sleep(500);

  process.kill(agent.pid, 'SIGSTOP');
  try {
    for (const [place, socket] of sockets.entries()) socket.write(messages[place]?.slice(1) ?? '');
    await sleep(deadlineMs + 500);
  } finally {
    process.kill(agent.pid, 'SIGCONT');
  }
  const refusedOf = (): readonly unknown[] =>
    agent.records().filter(({ event }) => event === 'message-refused');
  await Promise.all(sockets.map(async (socket) => once(socket, 'close')));
  await until('both to be judged', () => refusedOf().length === 2 || undefined);
  // they were read to their ends
  const whole = expect.objectContaining(wholeWithoutDescriptors);
  expect(refusedOf()).toEqual([whole, whole]);
});

describe('agent socket: users', () => {
  /** The programs, where users without rights can reach them. */
  let programs: TemporaryFolder;
  beforeAll(() => {
    programs = new TemporaryFolder();
    for (const name of ['trap', 'send-state']) {
      const copy = join(programs.path, name);
      copyFileSync(compiled(name), copy);
      chmodSync(copy, 0o755);
    }
  });
  afterAll(() => {
    programs[Symbol.dispose]();
  });
  const asUser = ['setpriv', '--reuid=1000', '--regid=1000', '--clear-groups'];

  test('G1: agent socket: by default nobody but root may connect', async () => {
    await using agent = await startWatchedAgent({ ...plainMkdir, log: 'warn' });

    const { status, errors } = await runTrap({
      socket: agent.socket,
      trapped: ['mkdir'],
      options: ['-N'],
      operations: ['mkdir:/nowhere:755'],
      wrapper: asUser,
      program: join(programs.path, 'trap'),
    });

    expect(status).toBe(1);
    expect(errors).toContain('cannot connect to the agent socket: Permission denied');
    await serveOne(agent);
  });

  test('G1: agent socket: a user who may reach the socket but is not listed is refused', async () => {
    await using agent = await startWatchedAgent({
      ...plainMkdir,
      allowedUids: [1001],
      log: 'info',
    });
    // the operator’s own doing
    chmodSync(agent.socket, 0o666);
    const before = await settledFdCount(agent.pid);
    const file = join(programs.path, 'state');
    writeFileSync(file, state('unlisted'));

    const { stdout } = await run('setpriv', [
      ...asUser.slice(1),
      join(programs.path, 'send-state'),
      '-s',
      agent.socket,
      '-f',
      file,
    ]);

    expect(stdout).toMatch(/^closed /u);
    await agent.untilLogged('peer-not-allowed', { peerUid: 1000 });
    expect(agent.records().filter((record) => 'container' in record)).toEqual([]);
    await untilFdCountIs(agent.pid, before);
    await serveOne(agent);
  });

  const connectAs = async (socket: string, ...as: readonly string[]): Promise<string> => {
    const file = join(programs.path, 'nothing');
    writeFileSync(file, 'x');
    const sending = [join(programs.path, 'send-state'), '-s', socket, '-f', file];
    return run('setpriv', [...as, ...sending]).then(
      () => 'connected',
      ({ stderr }: { readonly stderr: string }) => stderr.trim(),
    );
  };

  test('G1: agent socket: the file lets listed users connect, and nobody else', async () => {
    await using agent = await startWatchedAgent({
      ...plainMkdir,
      allowedUids: [1001, 0, 1000],
      mayWarn: true,
    });

    // the bits of the group are the mask of the access control list
    expect(statSync(agent.socket).mode & 0o777).toBe(0o660);
    const bare = '--clear-groups';
    const refused = expect.stringContaining('Permission denied');
    expect(await connectAs(agent.socket, '--reuid=1000', '--regid=1000', bare)).toBe('connected');
    expect(await connectAs(agent.socket, '--reuid=1001', '--regid=1001', bare)).toBe('connected');
    expect(await connectAs(agent.socket, '--reuid=1002', '--regid=1002', bare)).toEqual(refused);
    // not the group of root either
    expect(await connectAs(agent.socket, '--reuid=1002', '--regid=0', bare)).toEqual(refused);
    await serveOne(agent);
  });

  test('G1: agent socket: users who keep connecting do not fill the log', async () => {
    await using agent = await startWatchedAgent({
      ...plainMkdir,
      allowedUids: [1001],
      log: 'warn',
    });
    chmodSync(agent.socket, 0o666);
    for (let count = 0; count < 20; count += 1) {
      for (const uid of [1000, 1001]) {
        await connectAs(agent.socket, `--reuid=${uid}`, `--regid=${uid}`, '--clear-groups');
      }
    }

    await agent.stop();

    for (const uid of [1000, 1001]) {
      const ofUser = agent.records().filter((record) => record['peerUid'] === String(uid));
      expect(ofUser.map((record) => Number(record['count']))).toEqual([1, 19]);
    }
  });

  test('G1: agent socket: a user may send less than root, and root’s containers are served', async () => {
    await using agent = await startWatchedAgent({
      ...plainMkdir,
      allowedUids: [1000],
      log: 'info',
    });
    const file = join(programs.path, 'long');
    const long = state('long', ['seccompFd'], { name: 'x'.repeat(256 * 1024) });
    writeFileSync(file, long);
    const program = join(programs.path, 'send-state');

    const { stdout } = await run('setpriv', [
      ...asUser.slice(1),
      '--no-new-privs',
      program,
      '-s',
      agent.socket,
      '-f',
      file,
      '-l',
    ]);

    expect(stdout).toMatch(/^closed /u);
    await agent.untilLogged('message-refused', { ...stateInvalid(262_144), peerUid: 1000 });
    // a container that has ended meanwhile is not attached
    const command = [compiled('send-state'), '-s', agent.socket, '-f', file, '-l', '-k', '60000'];
    const [first = '', ...rest] = command;
    await using _sending = new RunningCommand([first, ...rest]);
    await agent.untilLogged('container-attached', { container: 'long' });
  });

  test('G1: agent socket: a user has no more than 32 open connections, with 8 descriptors each', async () => {
    await using agent = await startWatchedAgent({
      mayWarn: true,
      ...plainMkdir,
      allowedUids: [1000],
      log: 'warn',
    });
    const before = await restingFdCount(agent);
    const file = join(programs.path, 'half');
    writeFileSync(file, '{"fds":');
    const program = join(programs.path, 'send-state');
    const sending = [program, '-s', agent.socket, '-f', file, '-n', '8', '-w', '60000'];
    const ends = Array.from({ length: 40 }, async () => {
      const { stdout } = await run('setpriv', [...asUser.slice(1), ...sending]);
      return stdout.split(' ');
    });
    let max = 0;
    const watching = setInterval(() => {
      max = Math.max(max, openFdCount(agent.pid));
    }, 20);

    const crowded = { code: 'AGENT_USER_LIMIT', why: /\b32\b/u, peerUid: 1000 };
    await agent.untilLogged('message-refused', crowded);
    await serveOne(agent);

    const all = await Promise.all(ends);
    clearInterval(watching);
    expect(all.map(([end]) => end)).toEqual(all.map(() => 'closed'));
    expect(max - before).toBeGreaterThan(32);
    // and a few of root's container
    expect(max - before).toBeLessThan(32 * 9 + 40);
    await untilFdCountIs(agent.pid, before);
  });

  test('G1: agent socket: a listed user is served, with its own rights', async () => {
    await using agent = await startWatchedAgent({ ...plainMkdir, allowedUids: [1000] });
    using folder = new TemporaryFolder();
    chmodSync(folder.path, 0o777);

    const lines = await trapLines({
      socket: agent.socket,
      trapped: ['mkdir'],
      options: ['-N'],
      operations: [`mkdir:${folder.path}/own:755`, `exists:${folder.path}/own`, 'mkdir:/no:755'],
      wrapper: asUser,
      program: join(programs.path, 'trap'),
    });

    expect(lines).toEqual(['mkdir 0 OK', 'exists 0 OK 40755 1000 1000', 'mkdir -1 EACCES']);
  });
});

describe('agent socket: too few descriptors', () => {
  test('G1: agent socket: connections beyond the limit are closed, and the agent recovers', async () => {
    await using agent = await startWatchedAgent({ ...plainMkdir, log: 'warn', mayWarn: true });
    const before = await restingFdCount(agent);
    leaveFds(agent.pid, 4);
    const clients = await Promise.all(
      Array.from({ length: 20 }, async () => connectSilently(agent)),
    );

    await agent.untilLogged('connection-not-accepted', { errno: 'EMFILE' });
    const ticks = cpuTicks(agent.pid);
    const began = performance.now();
    await until('most to be closed', () => {
      const open = clients.filter((client) => !client.closed).length;
      return open <= 4 || undefined;
    });
    const waitedMs = performance.now() - began;
    // it does not spin on what it cannot accept: a tick is 10 ms
    expect(cpuTicks(agent.pid) - ticks).toBeLessThan(waitedMs / 10 + 20);

    for (const client of clients) client.destroy();
    await untilFdCountIs(agent.pid, before);
    leaveManyFds(agent.pid);
    await serveOne(agent);
    await untilFdCountIs(agent.pid, before);
  });

  test('G1: agent socket: while descriptors are used up, the agent is idle and goes on afterwards', async () => {
    await using agent = await startWatchedAgent({ ...plainMkdir, log: 'warn' });
    const before = await restingFdCount(agent);
    leaveFds(agent.pid, 0);
    const client = await connectSilently(agent);
    await until('the client to be closed', () => client.closed || undefined);
    const record = await agent.untilLogged('connection-not-accepted');
    expect(record).toMatchObject({ errno: 'EMFILE' });

    leaveManyFds(agent.pid);

    await serveOne(agent);
    await untilFdCountIs(agent.pid, before);
  });

  test('G1: agent socket: descriptors that were cut off (MSG_CTRUNC) refuse the message', async () => {
    await using agent = await startWatchedAgent({ ...plainMkdir, log: 'warn' });
    const before = await restingFdCount(agent);
    const names = ['seccompFd', ...Array.from({ length: 7 }, (_, at) => `other${at}`)];
    // one is for the connection
    leaveFds(agent.pid, 5);

    const { end } = await send(agent, state('cut-off', names), '-l', '-n', '8');

    expect(end).toBe('closed');
    // the maximum, and not how many came
    const lost = { code: 'AGENT_STATE_INVALID', why: /^\D*\b8\b\D*$/u };
    await agent.untilLogged('message-refused', lost);
    await untilFdCountIs(agent.pid, before);
    leaveManyFds(agent.pid);
    await serveOne(agent);
  });

  test('G1: agent socket: a call whose operation finds no descriptor left fails, the next succeeds', async () => {
    await using agent = await startWatchedAgent({ ...plainMkdir, log: 'warn' });
    using folder = new TemporaryFolder();
    const before = await restingFdCount(agent);
    // room for the connection and its listener, not for what acting for a caller needs
    leaveFds(agent.pid, 2);
    const container = {
      socket: agent.socket,
      trapped: ['mkdir'],
      operations: [`mkdir:${folder.path}/made:755`],
    };

    expect(await trapLines(container)).toEqual(['mkdir -1 EPERM']);
    await agent.untilLogged('call-failed', { code: 'AGENT_CALLER', error: /EMFILE/u });

    leaveManyFds(agent.pid);
    expect(await trapLines(container)).toEqual(['mkdir 0 OK']);
    await untilFdCountIs(agent.pid, before);
  });
});

test('G1: agent socket: a listener that is sent twice blocks nobody', async () => {
  await using agent = await startWatchedAgent({
    bundle: testBundle('trap'),
    log: 'warn',
    mayWarn: true,
  });
  const container = { socket: agent.socket, trapped: ['mkdir'] };

  // 'sleep' lets both be taken over before the first call
  const twice = { ...container, options: ['-2'], operations: ['sleep:200', 'mkdir:/x:755'] };
  const lines = await Promise.all(Array.from({ length: 4 }, async () => trapLines(twice)));
  const other = await trapLines({ ...container, operations: ['mkdir:/x:755'] });

  for (const own of lines) expect(own.at(-1)).toBe('mkdir -1 EDOM');
  expect(other).toEqual(['mkdir -1 EDOM']);
});
