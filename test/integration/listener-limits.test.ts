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
  await agent.untilLogged(['listener refused: container c1 has 1 listeners']);
  await using other = new AskedCaller({ socket, id: 'c2' });
  expect((await other.ask('getpgid 0')).answer).not.toBe('ENOSYS');
  await first[Symbol.asyncDispose]();
  await agent.untilLogged(['container detached', 'c1']);
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
  expect(await agent.untilLogged(['too many annotations'])).toContain('leftOut=1');
});

test('G1: agent: a container whose id is too long, or fills too much in, is refused alone', async () => {
  await using agent = await startWatchedAgent({
    bundle: testBundle('mkdir-suffix'),
    settings: [`MKDIR_SUFFIX=${'{{.ContainerID}}'.repeat(5)}`],
  });
  const { socket } = agent;
  await using long = new AskedCaller({ socket, id: 'x'.repeat(1025) });
  expect((await long.ask('mkdir /nowhere/made')).answer).toBe('ENOSYS');
  await agent.untilLogged(['state.id has more than 1024 bytes']);
  await using much = new AskedCaller({ socket, id: 'y'.repeat(1024) });
  expect((await much.ask('mkdir /nowhere/made')).answer).toBe('EPERM');
  await agent.untilLogged(['more than 4096 characters together', 'yyy']);
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
  await small.untilLogged(['listener refused: what is kept of container c1 has more than']);
  await using other = new AskedCaller({ socket: small.socket, id: 'c2' });
  expect((await other.ask('getpgid 0')).answer).not.toBe('ENOSYS');
});
