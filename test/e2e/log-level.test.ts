// SPDX-License-Identifier: Apache-2.0
// Tests `seccompagent log-level`: what it says, and that it reaches all threads of a running agent.
import { once } from 'node:events';
import { existsSync, statSync } from 'node:fs';
import { request } from 'node:http';
import type { IncomingMessage } from 'node:http';
import { setTimeout as pause } from 'node:timers/promises';

import { expect, test } from 'vitest';

import { AskedCaller } from '../support/asked-caller.ts';
import { RunningCommand, runCommand, seccompagent } from '../support/command.ts';
import type { CommandResult } from '../support/command.ts';
import { ControlledAgent } from '../support/controlled-agent.ts';
import { failed } from '../support/failures.ts';
import type { LogRecord } from '../support/log-records.ts';
import { until } from '../support/polling.ts';
import { TemporaryFolder } from '../support/temporary-folder.ts';
import { testBundle } from '../support/test-bundles.ts';
import { TimedCalls } from '../support/timed-calls.ts';

/** Decisions are told some milliseconds after their calls. */
const settleMs = 300;
const nobody = '65534';
/** It says something at info about each mkdir. */
const talking = `-bundle=${testBundle('host-loop')}`;
const json = '-log=info,json';

async function askAt(control: string, ...words: readonly string[]): Promise<CommandResult> {
  return runCommand([seccompagent, 'log-level', `-control-socket=${control}`, ...words]);
}

async function factsAt(control: string, ...words: readonly string[]): Promise<unknown> {
  const { code, stdout, stderr } = await askAt(control, '-json', ...words);
  expect({ code, stderr }).toEqual({ code: 0, stderr: '' });
  return JSON.parse(stdout);
}

test('log-level: the present level is printed, changed, and printed again', async () => {
  await using agent = await ControlledAgent.start(json);
  expect(await askAt(agent.control)).toMatchObject({ code: 0, stdout: 'info\n', stderr: '' });
  expect(await factsAt(agent.control, 'debug')).toEqual({ level: 'debug', before: 'info' });
  expect(await factsAt(agent.control)).toEqual({ level: 'debug' });
  expect(await factsAt(agent.control, ' trace , error')).toEqual({
    level: 'error',
    before: 'debug',
  });
  expect(await factsAt(agent.control, 'error')).toEqual({ level: 'error', before: 'error' });
  const changes = agent.process.records.filter(({ event }) => event === 'log-level-changed');
  expect(changes).toMatchObject([
    { from: 'info', to: 'debug' },
    { from: 'debug', to: 'error' },
  ]);
});

interface Making {
  readonly make: () => Promise<unknown>;
  readonly count: number;
}

/** Of the calls that are made now. @returns the lines of such an event, once there are so many */
async function linesOf(
  agent: ControlledAgent,
  event: string,
  { make, count }: Making,
): Promise<readonly LogRecord[]> {
  const before = agent.process.records.length;
  await make();
  const lines = (): readonly LogRecord[] =>
    agent.process.records.slice(before).filter((record) => record.event === event);
  await until(`${count} lines`, () => (lines().length >= count ? true : undefined));
  // for those that must not come
  await pause(settleMs);
  return lines();
}

test('log-level: workers and containers that are there already have it at once', async () => {
  await using agent = await ControlledAgent.start(talking, json);
  const { socket, control } = agent;
  await using first = new AskedCaller({ socket, id: 'first' });
  await using second = new AskedCaller({ socket, id: 'second' });
  const make = async (): Promise<void> => {
    for (const caller of [first, second]) {
      for (let call = 0; call < 10; call += 1) await caller.ask('mkdir /line');
    }
  };
  const decisions = async (count: number): Promise<readonly LogRecord[]> =>
    linesOf(agent, 'call-answered', { make, count });
  const said = async (count: number): Promise<readonly LogRecord[]> =>
    linesOf(agent, 'handler-log', { make, count });
  await askAt(control, 'warn');
  expect(await said(0)).toEqual([]);

  await askAt(control, 'info');
  expect(await said(20)).toHaveLength(20);
  expect(await decisions(0)).toEqual([]);

  await askAt(control, 'debug');
  const plain = await decisions(20);
  expect(plain.map(({ container }) => container)).toEqual([
    ...Array.from({ length: 10 }, () => 'first'),
    ...Array.from({ length: 10 }, () => 'second'),
  ]);
  expect(plain[0]).not.toHaveProperty('tid');

  await askAt(control, 'trace');
  expect((await decisions(20))[19]).toHaveProperty('tid');
  await using third = new AskedCaller({ socket, id: 'third' });
  const ofThird = { make: async () => third.ask('mkdir /line'), count: 1 };
  expect(await linesOf(agent, 'call-answered', ofThird)).toHaveLength(1);

  await askAt(control, 'error');
  expect(await decisions(0)).toEqual([]);
  expect(await said(0)).toEqual([]);
  await using last = new AskedCaller({ socket, id: 'last' });
  const ofLast = { make: async () => last.ask('mkdir /line'), count: 0 };
  expect(await linesOf(agent, 'call-answered', ofLast)).toEqual([]);
});

test('log-level: many callers on all workers have all of their lines', async () => {
  await using agent = await ControlledAgent.start(talking, json);
  // slowly: a pipe that is full loses lines
  const load = { socket: agent.socket, threads: 4, calls: 20, pauseUs: 5000, call: 'getpgid:0' };
  const containers = 3;
  await using stack = new AsyncDisposableStack();
  const callers = Array.from({ length: containers }, (_, index) =>
    stack.use(new TimedCalls({ ...load, id: `c${index}` })),
  );
  for (const caller of callers) await caller.ready();
  await askAt(agent.control, 'debug');
  for (const caller of callers) caller.begin();
  const results = await Promise.all(callers.map(async (caller) => caller.result()));
  const calls = results.reduce((sum, result) => sum + result.calls, 0);
  const told = (): number =>
    agent.process.records.filter(({ event }) => event === 'call-answered').length;
  expect(calls).toBeGreaterThan(0);
  await until('a line for each call', () => (told() >= calls ? true : undefined));
});

test('log-level: a recording that goes on has its calls once', async () => {
  using folder = new TemporaryFolder();
  const file = folder.at('calls');
  await using agent = await ControlledAgent.start(talking, json);
  await using caller = new AskedCaller({ socket: agent.socket, id: 'recorded' });
  await caller.ask('mkdir /line');
  const where = [`-control-socket=${agent.control}`, '-container=recorded', '-o', file];
  await using recording = new RunningCommand([seccompagent, 'record', ...where]);
  await until('a recording', () => (existsSync(file) && statSync(file).size > 0) || undefined);
  await caller.ask('mkdir /line');
  await askAt(agent.control, 'debug');
  await caller.ask('mkdir /line');
  await askAt(agent.control, 'info');
  recording.kill('SIGINT');
  expect((await recording.ended).code).toBe(0);
  const { stdout } = await runCommand([seccompagent, 'record', 'show', '-json', file]);
  const kinds = stdout.match(/(?<="kind":")\w+(?=")/gu);
  expect(kinds?.filter((kind) => kind !== 'header')).toEqual(['call', 'call', 'end']);
});

test.for([
  [['loud'], ['"loud"', 'debug']],
  [['inf'], ['info']],
  [['json'], ['"json"', '-log']],
  [['debug,color'], ['"color"', '-log']],
  [[','], ['trace']],
  [['info', 'debug'], []],
  [['-log=info'], []],
] as const)('log-level %j: is refused, and changes nothing', async ([words, named]) => {
  const result = await askAt('/nowhere', ...words);
  expect(result).toEqual(failed('AGENT_USAGE', ...named, 'seccompagent log-level -help'));
  expect(result.stdout).toBe('');
});

test('log-level: nobody but root may ask, and without an agent it says so', async () => {
  await using agent = await ControlledAgent.start(json);
  const ids = [`--reuid=${nobody}`, `--regid=${nobody}`, '--clear-groups'];
  const words = ['log-level', `-control-socket=${agent.control}`, 'debug'];
  const refused = await runCommand(['setpriv', ...ids, seccompagent, ...words]);
  expect(refused).toEqual(failed('AGENT_CONTROL', agent.control));
  expect(await factsAt(agent.control)).toEqual({ level: 'info' });
  using folder = new TemporaryFolder();
  const none = folder.at('control.sock');
  expect(await askAt(none, 'debug')).toEqual(failed('AGENT_CONTROL', none, '-control-socket'));
});

test('log-level: malformed requests are refused', async () => {
  await using agent = await ControlledAgent.start(json);
  for (const path of ['/log-level', '/log-level?level=', '/log-level?level=json']) {
    const asked = request({ socketPath: agent.control, method: 'POST', path }).end();
    const [response]: readonly IncomingMessage[] = await once(asked, 'response');
    expect(response?.statusCode).toBe(400);
    response?.resume();
  }
  expect(await factsAt(agent.control)).toEqual({ level: 'info' });
});
