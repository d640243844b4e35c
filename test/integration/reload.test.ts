// SPDX-License-Identifier: Apache-2.0
// SIGHUP: running containers get what their bundle says now, and no call is lost by it.
import { readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';

import { expect, test } from 'vitest';

import type { LogEvent } from '../../host/log/log-events.ts';
import { AskedCaller } from '../support/asked-caller.ts';
import { BundleFolder } from '../support/bundle-folder.ts';
import { shippedComponent } from '../support/handler-harness.ts';
import type { LogRecord } from '../support/log-records.ts';
import { TemporaryFolder } from '../support/temporary-folder.ts';
import { TimedCalls } from '../support/timed-calls.ts';
import { startWatchedAgent } from '../support/watched-agent.ts';
import type { WatchedAgent } from '../support/watched-agent.ts';

const name = 'changing';

function componentOf(handler: string): Uint8Array {
  return readFileSync(shippedComponent(handler));
}

/** A bundle that answers getpgid(2) with an errno. */
function writeErrno(bundles: BundleFolder, errno: string): void {
  bundles.write(name, {
    component: componentOf('errno'),
    syscalls: ['getpgid'],
    settings: { errno },
  });
}

/** A bundle that makes directories under another name. */
function writeSuffix(bundles: BundleFolder, suffix: string): void {
  bundles.write(name, {
    component: componentOf('mkdir-suffix'),
    settings: { suffix },
    grants: ['filesystem'],
  });
}

async function startAgent(bundles: BundleFolder): Promise<WatchedAgent> {
  return startWatchedAgent({ bundle: join(bundles.path, name) });
}

async function reload(agent: WatchedAgent, event: LogEvent = 'reloaded'): Promise<LogRecord> {
  const from = agent.log().length;
  process.kill(agent.pid, 'SIGHUP');
  return agent.untilLogged(event, {}, from);
}

test('reload: the next call of a running container is answered by the new version', async () => {
  using bundles = new BundleFolder();
  writeErrno(bundles, 'EXDEV');
  await using agent = await startAgent(bundles);
  await using caller = new AskedCaller({ socket: agent.socket });
  expect((await caller.ask('getpgid 0')).answer).toBe('EXDEV');

  writeErrno(bundles, 'EDOM');
  expect(await reload(agent)).toMatchObject({ containers: '1' });

  // by whichever worker
  for (let call = 0; call < 20; call += 1) {
    expect((await caller.ask(`getpgid ${call}`)).answer).toBe('EDOM');
  }
});

test('reload: another component may be the new version, with other calls to read', async () => {
  using bundles = new BundleFolder();
  using folder = new TemporaryFolder();
  writeErrno(bundles, 'EXDEV');
  await using agent = await startAgent(bundles);
  await using caller = new AskedCaller({ socket: agent.socket });
  // no handler answers it, so the kernel does
  expect((await caller.ask(`mkdir ${folder.at('a')}`)).answer).toBe('0');

  writeSuffix(bundles, '-new');
  await reload(agent);

  expect((await caller.ask(`mkdir ${folder.at('b')}`)).answer).toBe('0');
  expect(readdirSync(folder.path).toSorted()).toEqual(['a', 'b-new']);
});

test('reload: a bundle that is broken leaves the one that works, and the log says so', async () => {
  using bundles = new BundleFolder();
  writeErrno(bundles, 'EXDEV');
  await using agent = await startAgent(bundles);
  await using caller = new AskedCaller({ socket: agent.socket });

  const file = join(bundles.path, name, 'bundle.json');
  writeFileSync(file, '{');
  expect(await reload(agent, 'reload-failed')).toMatchObject({
    code: 'AGENT_BUNDLE_INVALID',
    error: expect.stringContaining(file),
  });
  expect((await caller.ask('getpgid 0')).answer).toBe('EXDEV');

  // also for containers that come afterwards
  await using other = new AskedCaller({ socket: agent.socket, id: 'other' });
  expect((await other.ask('getpgid 0')).answer).toBe('EXDEV');
});

test('reload: the state of a bundle for a container stays', async () => {
  using bundles = new BundleFolder();
  const write = (): void => {
    bundles.write(name, { component: 'counting', syscalls: ['getpgid'], grants: ['state'] });
  };
  write();
  await using agent = await startAgent(bundles);
  await using caller = new AskedCaller({ socket: agent.socket });
  expect((await caller.ask('getpgid 0')).answer).toBe('1');
  expect((await caller.ask('getpgid 0')).answer).toBe('2');

  write();
  await reload(agent);

  expect((await caller.ask('getpgid 0')).answer).toBe('3');
});

test('reload: under load, a hundred times, each call is answered once', async () => {
  using bundles = new BundleFolder();
  using folder = new TemporaryFolder();
  writeSuffix(bundles, '-0');
  await using agent = await startAgent(bundles);
  await using calls = new TimedCalls({
    socket: agent.socket,
    call: `mkdir:${folder.at('d')}`,
    threads: 4,
    calls: 0,
    // 10,000 calls a second, where the machine is that fast
    pauseUs: 300,
  });
  await calls.ready();

  calls.begin();
  for (let round = 1; round <= 100; round += 1) {
    writeSuffix(bundles, `-${round}`);
    await reload(agent);
  }
  calls.finish();
  const { answers, calls: count } = await calls.result();

  // one that was made twice would have found its directory there
  expect(answers).toEqual({ OK: count });
  const made = readdirSync(folder.path);
  expect(made).toHaveLength(count);
  const suffixes = new Set(made.map((directory) => directory.split('-').at(-1)));
  expect(suffixes.size).toBeGreaterThan(50);
  expect(suffixes.has('100')).toBe(true);
});
