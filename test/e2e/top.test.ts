// SPDX-License-Identifier: Apache-2.0
// Tests `seccompagent top` with agents that have something to do: its numbers, and its terminal.
import { expect, test } from 'vitest';

import { AgentProcess } from '../support/agent-process.ts';
import { AskedCaller } from '../support/asked-caller.ts';
import { RunningCommand, runCommand, seccompagent } from '../support/command.ts';
import type { CommandResult } from '../support/command.ts';
import { ControlledAgent } from '../support/controlled-agent.ts';
import { failed, naming } from '../support/failures.ts';
import { until } from '../support/polling.ts';
import { TemporaryFolder } from '../support/temporary-folder.ts';
import { Terminal } from '../support/terminal.ts';
import { testBundle } from '../support/test-bundles.ts';
import { TimedCalls } from '../support/timed-calls.ts';

const trap = `-bundle=${testBundle('trap')}`;
const workload = { namespace: 'shop', pod: 'web-1', container: 'nginx' };
const size = { rows: 12, columns: 140 };

async function topOnce(control: string, ...options: readonly string[]): Promise<CommandResult> {
  return runCommand([seccompagent, 'top', `-control-socket=${control}`, ...options]);
}

function topWords(control: string, ...options: readonly string[]): readonly string[] {
  return [seccompagent, 'top', `-control-socket=${control}`, '-interval=0.3', ...options];
}

/** The columns of a container's line. */
function columnsOf(text: string, id: string): readonly string[] {
  const line = text.split('\n').find((each) => each.startsWith(id));
  if (line === undefined) throw new Error(`no ${id} in ${text}`);
  return line.trim().split(/ {2,}/u);
}

const secondsOfUnit = new Map([
  ['s', 1],
  ['ms', 1e-3],
  ['µs', 1e-6],
]);

/** `12µs` as seconds. */
function secondsOf(text: string): number {
  const [, value = '', unit = ''] = /^(?<value>[\d.]+)(?<unit>s|ms|µs)$/u.exec(text) ?? [];
  return Number(value) * (secondsOfUnit.get(unit) ?? Number.NaN);
}

test('top: the numbers are those of the load', async () => {
  await using agent = await ControlledAgent.start(trap);
  const { socket, control } = agent;
  const load = { socket, calls: 0, threads: 2, pauseUs: 5000 };
  await using busy = new TimedCalls({ ...load, id: 'busy', call: 'mkdir:/x', workload });
  await using calm = new TimedCalls({ ...load, id: 'calm', call: 'getpgid:0' });
  for (const calls of [busy, calm]) {
    await calls.ready();
    calls.begin();
  }
  const began = performance.now();
  const { code, stdout, stderr } = await topOnce(control, '-once', '-interval=1.5');
  expect({ code, stderr }).toEqual({ code: 0, stderr: '' });
  const [head] = stdout.split('\n');
  expect(head).toEqual(naming(/ 0\.1\.0\b/u, ` ${agent.process.pid},`, / 2 /u));
  const [, name, calls, errors, failures, p50, p99, syscalls, handlers] = columnsOf(stdout, 'busy');
  expect({ name, failures, handlers }).toEqual({
    name: 'shop/web-1/nginx',
    failures: '0',
    handlers: 'trap',
  });
  expect(errors).toBe(calls);
  expect(syscalls).toMatch(new RegExp(`^mkdir(?:at)?:${calls}$`, 'u'));
  expect(columnsOf(stdout, 'calm').slice(1, 2)).toEqual(['-']);
  expect(columnsOf(stdout, 'calm').slice(3, 5)).toEqual(['0', '0']);
  expect(secondsOf(p50 ?? '')).toBeGreaterThan(1e-6);
  expect(secondsOf(p99 ?? '')).toBeGreaterThanOrEqual(secondsOf(p50 ?? ''));
  busy.finish();
  const made = await busy.result();
  const meanRate = (made.calls / (performance.now() - began)) * 1000;
  // the machine may be busy with other things for a part of the time
  expect(Number(calls)).toBeGreaterThan(meanRate / 3);
  expect(Number(calls)).toBeLessThan(meanRate * 3);
  expect(Number(calls)).toBeLessThan(400);
});

test('top: failures and handlers that are left alone are shown', async () => {
  await using agent = await ControlledAgent.start(trap);
  await using caller = new AskedCaller({ socket: agent.socket, id: 'broken' });
  await caller.ask('mkdir /x');
  await using top = new RunningCommand([
    seccompagent,
    'top',
    `-control-socket=${agent.control}`,
    '-interval=0.5',
    '-count=500',
  ]);
  await top.printed(/^broken /mu);
  for (let call = 0; call < 6; call += 1) await caller.ask('mkdir /trap');
  await top.printed(/^broken .* trap \(\w+\)$/mu);
  const [, failures] = await top.printed(
    /^broken +- +[\d.]+ +[\d.]+ +(?<failures>[\d.]*[1-9][\d.]*) /mu,
  );
  expect(Number(failures)).toBeGreaterThan(0);
});

test('top: -count writes so many tables, also into a pipe', async () => {
  await using agent = await ControlledAgent.start(trap);
  await using caller = new AskedCaller({ socket: agent.socket, id: 'one' });
  await caller.ask('mkdir /x');
  const { code, stdout } = await topOnce(agent.control, '-count=3', '--interval=0.2');
  expect(code).toBe(0);
  expect(stdout.match(/^one /gmu)).toHaveLength(3);
  expect(stdout.split('\n\n')).toHaveLength(3);
  expect(stdout).not.toContain('\u001b');
});

test.for([
  [['-sort=size'], ['-sort', 'calls, errors, failures, p50, p99, name']],
  [['-interval=0'], ['-interval', '0.1']],
  [['-interval=fast'], ['-interval', '0.1']],
  [
    ['-once', '-count=2'],
    ['-once', '-count'],
  ],
  [['-count=0'], ['-count']],
  [['c1'], []],
] as const)('top: %s is refused', async ([options, named]) => {
  const result = await topOnce('/nowhere', ...options);
  expect(result).toEqual(failed('AGENT_USAGE', ...named, 'seccompagent top -help'));
  expect(result.stdout).toBe('');
});

test('top: without an agent it says so', async () => {
  using folder = new TemporaryFolder();
  const result = await topOnce(folder.at('no.sock'));
  expect(result).toEqual(failed('AGENT_CONTROL', folder.at('no.sock'), '-control-socket'));
  expect(result.stdout).toBe('');
});

test('M6: top: names control no terminal', async () => {
  await using agent = await ControlledAgent.start(trap);
  // as they stand in the JSON that the caller sends
  const id = String.raw`a\u001b[2J`;
  const names = { namespace: '\u001b[31m', pod: 'p\u009b2J', container: 'c\nd\u202e' };
  await using caller = new AskedCaller({ socket: agent.socket, id, workload: names });
  await caller.ask('mkdir /x');
  const { stdout } = await topOnce(agent.control, '-once', '-interval=0.2');
  expect(stdout).toContain(String.raw`\u001b[31m/p\u009b2J/c\u000ad\u202e`);
  expect(stdout.replaceAll('\n', '')).not.toMatch(/[\p{Cc}\u202e]/u);

  await using terminal = new Terminal(topWords(agent.control), size);
  await terminal.shows(/^a\\u001b/u);
  expect(terminal.all).not.toContain('\u001b[2J');
  expect(terminal.all).not.toContain('\u202e');
  terminal.press('q');
  await terminal.ended();
});

interface TerminalEnd {
  readonly code: number | null;
  /** How often the other screen was taken, and given back. */
  readonly screens: readonly [taken: number, givenBack: number];
  readonly hasCursor: boolean;
  readonly wrapsLines: boolean;
  readonly hasItsSettings: boolean;
}

const restored: TerminalEnd = {
  code: 0,
  screens: [1, 1],
  hasCursor: true,
  wrapsLines: true,
  hasItsSettings: true,
};

/** Output of the command, once it has ended. */
async function endOf(terminal: Terminal): Promise<TerminalEnd> {
  const { code, stdout } = await terminal.ended();
  const times = (sequence: string): number => stdout.split(`\u001b[?${sequence}`).length - 1;
  const isOn = (mode: string): boolean =>
    stdout.lastIndexOf(`\u001b[?${mode}h`) > stdout.lastIndexOf(`\u001b[?${mode}l`);
  const [before, after] = terminal.settings;
  return {
    code,
    screens: [times('1049h'), times('1049l')],
    hasCursor: isOn('25'),
    wrapsLines: isOn('7'),
    hasItsSettings: before !== undefined && after === before,
  };
}

async function signalTop(terminal: Terminal, signal: NodeJS.Signals): Promise<void> {
  process.kill(await terminal.pidOf('top'), signal);
}

test.for([
  ['q', (terminal: Terminal): void => terminal.press('q')],
  ['Ctrl-C', (terminal: Terminal): void => terminal.press('\u0003')],
  ['SIGINT', async (terminal: Terminal): Promise<void> => signalTop(terminal, 'SIGINT')],
  ['SIGTERM', async (terminal: Terminal): Promise<void> => signalTop(terminal, 'SIGTERM')],
  ['SIGHUP', async (terminal: Terminal): Promise<void> => signalTop(terminal, 'SIGHUP')],
] as const)('top: %s ends it and gives the terminal back', async ([, end]) => {
  await using agent = await ControlledAgent.start(trap);
  await using terminal = new Terminal(topWords(agent.control), size);
  await terminal.shows(/^seccompagent 0/u);
  await end(terminal);
  expect(await endOf(terminal)).toEqual(restored);
});

/** The line below the first one: it names the key. */
function sortedBy(key: string): RegExp {
  return new RegExp(`^(?!seccompagent ).* ${key}\\b`, 'u');
}

test('top: arrows sort and scroll, and the screen follows its size', async () => {
  await using agent = await ControlledAgent.start(trap);
  const { socket, control } = agent;
  await using stack = new AsyncDisposableStack();
  for (let index = 10; index < 30; index += 1) {
    const caller = stack.use(new AskedCaller({ socket, id: `c${index}` }));
    await caller.ask('getpgid 0');
  }
  await using terminal = new Terminal(topWords(control, '-sort=name'), size);
  // two lines above, the titles, and nine containers
  const first = await terminal.shows(/^c10 /u);
  expect(first).toHaveLength(size.rows);
  expect(first[0]).toMatch(/ 20 .* \(1\D+9\)/u);
  expect(first.at(-1)).toMatch(/^c18 /u);

  terminal.press('\u001b[B\u001b[B');
  const scrolled = await terminal.shows(/^c20 /u);
  expect(scrolled[3]).toMatch(/^c12 /u);
  terminal.press('\u001b[A');
  expect((await terminal.shows(/\(2\D+10\)/u))[3]).toMatch(/^c11 /u);
  for (let press = 0; press < 40; press += 1) terminal.press('j');
  expect((await terminal.shows(/^c29 /u))[0]).toMatch(/\(12\D+20\)/u);

  terminal.press('\u001b[C');
  await terminal.shows(sortedBy('calls'));
  terminal.press('\u001b[D\u001b[D');
  await terminal.shows(sortedBy('p99'));

  await terminal.resize({ rows: 6, columns: 60 });
  const small = await terminal.shows(/\(\d+\D+\d+\)/u);
  await until('six lines', () => terminal.screen.length === 6 || undefined);
  expect(small[0]).toContain(' 20 ');
  await terminal.resize({ rows: 40, columns: 160 });
  await until('all lines', () => terminal.screen.length === 23 || undefined);
  expect(terminal.screen[0]).not.toMatch(/\(\d/u);
  terminal.press('q');
  expect(await endOf(terminal)).toEqual(restored);
});

test('top: 80 x 24 shows system calls and handlers, for pods and others', async () => {
  await using agent = await ControlledAgent.start(trap);
  const load = { socket: agent.socket, calls: 0, threads: 1, pauseUs: 5000 };
  const pod = { namespace: 'shop-frontend', pod: 'web-7d4b9c5f6d-x2x8z', container: 'nginx' };
  const ids = ['4f5a01c0ffee', 'c0ffee4f5a01'] as const;
  await using busy = new TimedCalls({
    ...load,
    id: ids[0].padEnd(64, '0'),
    call: 'mkdir:/x',
    workload: pod,
  });
  await using calm = new TimedCalls({ ...load, id: ids[1].padEnd(64, '0'), call: 'getpgid:0' });
  for (const calls of [busy, calm]) {
    await calls.ready();
    calls.begin();
  }
  await using terminal = new Terminal(topWords(agent.control), { rows: 24, columns: 80 });
  const screen = await terminal.shows(/^4f5a01c0ffee .* mkdir(?:at)?:\d/u);
  const lines = screen.map((line) => line.trimEnd());
  expect(Math.max(...lines.map((line) => Array.from(line).length))).toBeLessThanOrEqual(80);
  for (const id of ids) {
    const line = lines.find((each) => each.startsWith(`${id} `));
    expect(line).toMatch(/ (?:mkdir(?:at)?|getpgid):[\d.]+ +trap$/u);
  }
  // no handler fails
  expect(lines[2]).not.toContain('FAILED/S');
  terminal.press('q');
  expect(await endOf(terminal)).toEqual(restored);
});

test('top: an agent that goes is waited for, and shown when it is back', async () => {
  using folder = new TemporaryFolder();
  const [socket, control] = [folder.at('agent.socket'), folder.at('control.sock')];
  const start = async (): Promise<AgentProcess> =>
    AgentProcess.start(socket, `-control-socket=${control}`, trap);
  const first = await start();
  await using terminal = new Terminal(topWords(control), size);
  const [before = ''] = await terminal.shows(/^seccompagent 0/u);
  await first.stop('SIGKILL');
  const gone = await terminal.shows(new RegExp(` ${control}\\b`, 'u'));
  expect(gone.filter((line) => line !== '')).toHaveLength(1);

  await using second = await start();
  await using caller = new AskedCaller({ socket, id: 'after' });
  await caller.ask('mkdir /x');
  const back = await terminal.shows(/^after /u);
  expect(back[0]).not.toBe(before);
  await second.stop('SIGTERM');
  await terminal.shows(new RegExp(` ${control}\\b`, 'u'));
  terminal.press('q');
  expect(await endOf(terminal)).toEqual(restored);
});

test('top: an agent that does not answer does not keep anybody', async () => {
  await using agent = await ControlledAgent.start(trap);
  await using terminal = new Terminal(topWords(agent.control), size);
  await terminal.shows(/^seccompagent \d/u);
  agent.process.signal('SIGSTOP');
  // so that a look waits for it
  await until('a moment', () => undefined, 1000).catch(() => undefined);
  terminal.press('\u001b[C');
  await terminal.shows(sortedBy('errors'));
  terminal.press('q');
  expect(await endOf(terminal)).toEqual(restored);
  agent.process.signal('SIGCONT');
});

test('top: into a pipe it says when the agent is gone, and goes on', async () => {
  using folder = new TemporaryFolder();
  const [socket, control] = [folder.at('agent.socket'), folder.at('control.sock')];
  const options = [`-control-socket=${control}`, trap];
  const first = await AgentProcess.start(socket, ...options);
  const [program, ...words] = topWords(control);
  await using top = new RunningCommand([program ?? '', ...words]);
  await top.printed(/^seccompagent \d/mu);
  await first.stop('SIGKILL');
  await top.printed(new RegExp(` ${control}\\b.*\\n`, 'u'));
  await using _second = await AgentProcess.start(socket, ...options);
  await using caller = new AskedCaller({ socket, id: 'after' });
  await caller.ask('mkdir /x');
  await top.printed(/^after /mu);
  expect(top.stderr).toMatch(/^.*\n$/u);
  top.kill('SIGTERM');
  expect((await top.ended).code).toBe(0);
});
