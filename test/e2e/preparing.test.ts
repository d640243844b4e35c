// SPDX-License-Identifier: Apache-2.0
// What of bundles is compiled and linked in children stops no other container, and what nobody could
// find out is tried again.
import { randomBytes, randomInt } from 'node:crypto';

import { expect, test } from 'vitest';

import type { LogEvent } from '../../host/log/log-events.ts';
import { AgentProcess } from '../support/agent-process.ts';
import { AskedCaller } from '../support/asked-caller.ts';
import { BundleFolder } from '../support/bundle-folder.ts';
import { ChildProcess } from '../support/child-process.ts';
import { composed } from '../support/composed-component.ts';
import { dear, goodValue, manyStates } from '../support/hostile-components.ts';
import { isRecord } from '../support/log-records.ts';
import { Operator } from '../support/operator.ts';
import { until } from '../support/polling.ts';
import { openFdCount } from '../support/process-resources.ts';
import { section } from '../support/wasm-binary.ts';

const compiling = '--no-wasm-tier-up';
const linking = '--wasm-max-mem-pages=8192';
const good = String(goodValue);

/** Code of which nothing is kept from an earlier run. */
function freshCode(): Uint8Array {
  return dear(manyStates(1 + randomInt(1000), 1 + randomInt(30)));
}

/** The same component, of which nothing is kept from an earlier run. */
function fresh(component: Uint8Array): Uint8Array {
  const custom = 0;
  return Uint8Array.from([...component, ...section(custom, [0, ...randomBytes(16)])]);
}

interface Served extends AsyncDisposable {
  readonly agent: AgentProcess;
  readonly bundles: BundleFolder;
  readonly caller: (bundle: string, id: string) => AskedCaller;
}

/** An agent, and a bundle "known" that it need not look at. */
async function serve(): Promise<Served> {
  await using started = new AsyncDisposableStack();
  const bundles = started.use(new BundleFolder());
  const operator = started.use(new Operator());
  writeKnown(bundles);
  const config = operator.write({ 'bundle-folders': [bundles.path] });
  const socket = operator.at('agent.socket');
  const agent = started.use(
    await AgentProcess.start(socket, '-resolver=none', `-config=${config}`, '-log=info,nocolor'),
  );
  const first = new AskedCaller({ socket, metadata: 'BUNDLE=known', id: 'first' });
  expect((await first.ask('getpgid 0')).answer).toBe('EXDEV');
  await first[Symbol.asyncDispose]();
  const kept = started.move();
  return {
    agent,
    bundles,
    caller: (bundle, id) => kept.use(new AskedCaller({ socket, metadata: `BUNDLE=${bundle}`, id })),
    [Symbol.asyncDispose]: async () => kept.disposeAsync(),
  };
}

function hasLogged(agent: AgentProcess, event: LogEvent, container: string): boolean {
  return agent.records.some((record) => isRecord(record, event, { container }));
}

/** Those of them that were logged, in their order. */
function eventsOf({ records }: AgentProcess, events: readonly LogEvent[]): readonly string[] {
  return records.map(({ event }) => event).filter((event) => events.some((one) => one === event));
}

function writeKnown(bundles: BundleFolder): void {
  const settings = { errno: 'EXDEV' };
  bundles.write('known', { component: 'errno-getpgid/errno', syscalls: ['getpgid'], settings });
}

test('preparing: others are attached while jco links a component', async () => {
  await using served = await serve();
  const { agent, bundles, caller } = served;
  const component = fresh(await composed(dear(manyStates(1, 1))));
  bundles.write('linked', { component, syscalls: ['getpgid'] });

  const answered = caller('linked', 'slow').ask('getpgid 0');
  using child = await ChildProcess.of(agent.pid, linking);
  child.hold();
  expect((await caller('known', 'other').ask('getpgid 0')).answer).toBe('EXDEV');
  expect(hasLogged(agent, 'container-attached', 'slow')).toBe(false);

  child.letGo();
  expect((await answered).answer).toBe(good);
});

test('A13: preparing: nothing is tried for a container that has ended', async () => {
  await using served = await serve();
  const { agent, bundles, caller } = served;
  for (const name of ['slow', 'left']) {
    bundles.write(name, { component: freshCode(), syscalls: ['getpgid'] });
  }
  const answered = caller('slow', 'slow').ask('getpgid 0');
  using child = await ChildProcess.of(agent.pid, compiling);
  child.hold();
  const gone = caller('left', 'gone');
  void gone.ask('getpgid 0').catch(() => undefined);
  await agent.logged('container-waiting', { container: 'gone' });
  await gone[Symbol.asyncDispose]();
  child.letGo();
  expect((await answered).answer).toBe(good);
  // it would have come before
  expect((await caller('known', 'other').ask('getpgid 0')).answer).toBe('EXDEV');

  await caller('left', 'late').ask('getpgid 0');

  expect(hasLogged(agent, 'container-waiting', 'late')).toBe(true);
  expect(hasLogged(agent, 'container-attached', 'gone')).toBe(false);
});

test('preparing: a container that has ended is not held while another one waits for the same bundle', async () => {
  await using served = await serve();
  const { agent, bundles, caller } = served;
  bundles.write('slow', { component: freshCode(), syscalls: ['getpgid'] });
  const answered = caller('slow', 'slow').ask('getpgid 0');
  using child = await ChildProcess.of(agent.pid, compiling);
  child.hold();
  const before = openFdCount(agent.pid);
  const gone = caller('slow', 'gone');
  void gone.ask('getpgid 0').catch(() => undefined);
  await agent.logged('container-waiting', { container: 'gone' });
  expect(openFdCount(agent.pid)).toBeGreaterThan(before);

  await gone[Symbol.asyncDispose]();
  await until('its descriptors', () => openFdCount(agent.pid) <= before || undefined);

  child.letGo();
  expect((await answered).answer).toBe(good);
  expect(hasLogged(agent, 'container-attached', 'gone')).toBe(false);
});

test('preparing: a component that jco cannot link is known to be bad the next time', async () => {
  await using served = await serve();
  const { agent, bundles, caller } = served;
  const component = await composed(dear(manyStates(1, 1)));
  // the type of the exported function is another one
  const broken = fresh(component.with(component.indexOf(0x77), 0x7f));
  bundles.write('broken', { component: broken, syscalls: ['getpgid'] });
  const bad = { code: 'AGENT_BUNDLE_INVALID', error: /\bjco\b/u };

  await caller('broken', 'one').ask('getpgid 0');
  await agent.logged('bundles-unresolved', { container: 'one', ...bad });
  expect(hasLogged(agent, 'container-waiting', 'one')).toBe(true);

  await caller('broken', 'two').ask('getpgid 0');
  await agent.logged('bundles-unresolved', { container: 'two', ...bad });
  expect(hasLogged(agent, 'container-waiting', 'two')).toBe(false);
});

test('preparing: a container whose bundle nobody could judge has it once somebody can', async () => {
  await using served = await serve();
  const { agent, bundles, caller } = served;
  bundles.write('new', { component: freshCode(), syscalls: ['getpgid'] });

  const asked = caller('new', 'patient');
  const answered = asked.ask('getpgid 0');
  // as the kernel does where memory is short
  using child = await ChildProcess.of(agent.pid, compiling);
  child.kill();
  expect((await answered).answer).toBe('EPERM');
  await agent.logged('bundles-unresolved', {
    container: 'patient',
    code: 'AGENT_COMPONENT_UNTRIED',
  });

  await agent.logged('bundles-resolved', { container: 'patient' });
  expect((await asked.ask('getpgid 0')).answer).toBe(good);
});

test('preparing: a bundle that nobody could judge at a reload is there once somebody can', async () => {
  await using served = await serve();
  const { agent, bundles, caller } = served;
  const running = caller('known', 'running');
  expect((await running.ask('getpgid 0')).answer).toBe('EXDEV');
  bundles.write('known', { component: freshCode(), syscalls: ['getpgid'] });

  agent.signal('SIGHUP');
  using child = await ChildProcess.of(agent.pid, compiling);
  child.kill();
  await agent.logged('reloaded');
  expect(eventsOf(agent, ['bundle-not-reloaded', 'reloaded']).slice(0, 2)).toEqual([
    'bundle-not-reloaded',
    'reloaded',
  ]);
  expect((await running.ask('getpgid 0')).answer).toBe('EXDEV');

  await agent.logged('reloaded', {}, 2);
  expect((await running.ask('getpgid 0')).answer).toBe(good);
});

test('preparing: a reload compiles while the bundles that there are answer', async () => {
  await using served = await serve();
  const { agent, bundles, caller } = served;
  const running = caller('known', 'running');
  expect((await running.ask('getpgid 0')).answer).toBe('EXDEV');
  bundles.write('known', { component: freshCode(), syscalls: ['getpgid'] });

  agent.signal('SIGHUP');
  using child = await ChildProcess.of(agent.pid, compiling);
  child.hold();
  expect((await caller('known', 'other').ask('getpgid 0')).answer).toBe('EXDEV');
  expect((await running.ask('getpgid 0')).answer).toBe('EXDEV');
  expect(agent.records.some((record) => isRecord(record, 'reloaded'))).toBe(false);

  child.letGo();
  await agent.logged('reloaded');
  expect((await running.ask('getpgid 0')).answer).toBe(good);
});
