// SPDX-License-Identifier: Apache-2.0
// Tests that an agent holds no more for anybody than it may, and says so.
import { expect, test } from 'vitest';

import { AskedCaller } from '../support/asked-caller.ts';
import { testBundle } from '../support/test-bundles.ts';
import { trapLines } from '../support/trap-container.ts';
import { startWatchedAgent } from '../support/watched-agent.ts';

test('G1: agent: a container with too many listeners gets no more, until one of them ends', async () => {
  await using agent = await startWatchedAgent({ listenerLimits: { perContainer: 1 } });
  const { socket } = agent;
  const first = new AskedCaller({ socket, id: 'c1' });
  expect((await first.ask('getpgid 0')).answer).not.toBe('ENOSYS');
  await using second = new AskedCaller({ socket, id: 'c1' });
  expect((await second.ask('getpgid 0')).answer).toBe('ENOSYS');
  await agent.untilLogged('message-refused', {
    code: 'AGENT_LISTENER',
    why: /(?=.*\bc1\b)(?=.*\b1\b)/u,
  });
  await using other = new AskedCaller({ socket, id: 'c2' });
  expect((await other.ask('getpgid 0')).answer).not.toBe('ENOSYS');
  await first[Symbol.asyncDispose]();
  await agent.untilLogged('container-detached', { container: 'c1' });
  await using third = new AskedCaller({ socket, id: 'c1' });
  expect((await third.ask('getpgid 0')).answer).not.toBe('ENOSYS');
});

test('G1: agent: a container with too many annotations is served, and the log says what is missing', async () => {
  await using agent = await startWatchedAgent({});
  const large = ['a', 'b'].flatMap((key) => ['-A', `${key}=${'x'.repeat(60_000)}`]);
  const lines = await trapLines({
    socket: agent.socket,
    trapped: ['getpgid'],
    options: ['-i', 'c1', ...large],
    operations: ['getpgid'],
  });
  expect(lines).toHaveLength(1);
  await agent.untilLogged('annotations-too-many', { container: 'c1', leftOut: 1 });
});

test('G1: agent: a container whose id is too long, or fills too much in, is refused alone', async () => {
  await using agent = await startWatchedAgent({
    bundle: testBundle('mkdir-suffix'),
    settings: [`MKDIR_SUFFIX=${'{{.ContainerID}}'.repeat(5)}`],
  });
  const { socket } = agent;
  await using long = new AskedCaller({ socket, id: 'x'.repeat(1025) });
  expect((await long.ask('mkdir /nowhere/made')).answer).toBe('ENOSYS');
  await agent.untilLogged('message-refused', {
    code: 'AGENT_STATE_INVALID',
    why: /(?=.*\bstate\.id\b)(?=.*\b1024\b)/u,
  });
  await using much = new AskedCaller({ socket, id: 'y'.repeat(1024) });
  expect((await much.ask('mkdir /nowhere/made')).answer).toBe('EPERM');
  await agent.untilLogged('bundles-unresolved', {
    container: 'y'.repeat(1024),
    code: 'AGENT_SETTING_INVALID',
    error: /\b4096\b/u,
  });
  await using other = new AskedCaller({ socket, id: 'c1' });
  expect((await other.ask('mkdir /nowhere/made')).answer).toBe('ENOENT');
});

test('A15: agent: a listener of a container whose listeners keep too much is refused, and others are not', async () => {
  await using agent = await startWatchedAgent({
    bundle: testBundle('mkdir-suffix'),
    settings: [`MKDIR_SUFFIX=${'x'.repeat(30_000)}`],
    listenerLimits: { containerBytes: 1_000_000 },
  });
  const { socket } = agent;
  // what they have alike counts once
  await using listeners = new AsyncDisposableStack();
  for (let index = 0; index < 10; index += 1) {
    const caller = listeners.use(new AskedCaller({ socket, id: 'c1' }));
    expect((await caller.ask('mkdir /nowhere/made')).answer).toBe('ENAMETOOLONG');
  }
  await using small = await startWatchedAgent({
    listenerLimits: { containerBytes: 20_000 },
    mayWarn: true,
  });
  const callers = Array.from({ length: 10 }, () =>
    listeners.use(new AskedCaller({ socket: small.socket, id: 'c1' })),
  );
  const answers = await Promise.all(callers.map(async (caller) => caller.ask('getpgid 0')));
  expect(new Set(answers.map(({ answer }) => answer)).has('ENOSYS')).toBe(true);
  await small.untilLogged('message-refused', {
    code: 'AGENT_LISTENER',
    why: /(?=.*\bc1\b)(?=.*\b20000\b)/u,
  });
  await using other = new AskedCaller({ socket: small.socket, id: 'c2' });
  expect((await other.ask('getpgid 0')).answer).not.toBe('ENOSYS');
});
