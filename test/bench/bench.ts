// SPDX-License-Identifier: Apache-2.0
// `npm run bench`: what an answer of Seccomp Agent costs beside the floor, in one interleaved run.
//
// Every case runs once in each round, in random order, with its agent started anew. Ratios are
// taken within a round, where the machine was the same for both, and their median is told: quote
// those, as absolute figures are the machine's.

import { spawnSync } from 'node:child_process';
import { randomInt } from 'node:crypto';
import { readFileSync, writeFileSync } from 'node:fs';
import { constants, cpus, release, setPriority } from 'node:os';
import { parseArgs } from 'node:util';

import { buildTestBundles } from '../support/test-bundles.ts';
import { type StartedAgent, startAgent, startBare } from './agents.ts';
import { type LoadResult, type LoadSize, type LoadSyscall, runLoad } from './load.ts';

const usage = `usage: bench.ts [options]
  --many         8 containers on CPUs 0 and 1, by time, in place of one on CPU 0
  --rounds N     at most so many rounds (15)
  --seconds N    start no round that would end later than this (50)
  --calls N      calls of a run (20000), without --many
  --case NAME    only this case; may be given again
  --json FILE    also write everything that was measured
  --help`;

interface BenchCase {
  readonly name: string;
  /** Runs only when asked for by --case. */
  readonly isOptional: boolean;
  readonly syscall: LoadSyscall;
  readonly expectedErrno: number;
  readonly start: () => Promise<StartedAgent>;
}

const { EBADMSG } = constants.errno;
const cases: readonly BenchCase[] = [
  {
    name: 'bare-errno',
    isOptional: false,
    syscall: 'getpgid',
    expectedErrno: EBADMSG,
    start: () => startBare('errno'),
  },
  {
    name: 'bare-read',
    isOptional: false,
    syscall: 'chmod',
    expectedErrno: EBADMSG,
    start: () => startBare('read'),
  },
  {
    name: 'agent-errno',
    isOptional: false,
    syscall: 'getpgid',
    expectedErrno: EBADMSG,
    start: () => startAgent('errno'),
  },
  {
    name: 'agent-errno-after-read',
    isOptional: false,
    syscall: 'chmod',
    expectedErrno: EBADMSG,
    start: () => startAgent('errno-after-read'),
  },
  {
    name: 'bare-continue',
    isOptional: true,
    syscall: 'getpgid',
    expectedErrno: 0,
    start: () => startBare('continue'),
  },
];

/** What is compared: the agent's case and the floor that does as much. */
const comparisons = [
  ['agent-errno', 'bare-errno'],
  ['agent-errno-after-read', 'bare-read'],
] as const;

const ratioKeys = ['p50Ns', 'p99Ns', 'callsPerSecond'] as const;
type RatioKey = (typeof ratioKeys)[number];

interface Setting {
  readonly cpus: string;
  readonly size: LoadSize;
  readonly rounds: number;
  readonly budgetSeconds: number;
}

type Round = ReadonlyMap<string, LoadResult>;

interface Spread {
  readonly median: number;
  readonly least: number;
  readonly most: number;
}

interface Ratio {
  readonly name: string;
  readonly of: Readonly<Record<RatioKey, Spread>>;
}

interface Command {
  readonly setting: Setting;
  readonly chosen: readonly BenchCase[];
  readonly jsonFile: string | undefined;
}

function parseCommand(): Command | 'help' {
  const { values } = parseArgs({
    options: {
      many: { type: 'boolean', default: false },
      rounds: { type: 'string', default: '15' },
      seconds: { type: 'string', default: '50' },
      calls: { type: 'string', default: '20000' },
      case: { type: 'string', multiple: true, default: [] },
      json: { type: 'string' },
      help: { type: 'boolean', default: false },
    },
  });
  if (values.help) return 'help';
  for (const name of values.case) {
    if (!cases.some((known) => known.name === name)) {
      throw new Error(
        `unknown case ${name}: known are ${cases.map((known) => known.name).join(', ')}`,
      );
    }
  }
  return {
    setting: {
      cpus: values.many ? '0,1' : '0',
      size: values.many
        ? { containers: 8, warmUpCalls: 1000, length: { kind: 'time', durationMs: 1000 } }
        : {
            containers: 1,
            warmUpCalls: 20_000,
            length: { kind: 'calls', calls: positiveInteger('--calls', values.calls) },
          },
      rounds: positiveInteger('--rounds', values.rounds),
      budgetSeconds: positiveInteger('--seconds', values.seconds),
    },
    chosen: cases.filter(({ name, isOptional }) =>
      values.case.length > 0 ? values.case.includes(name) : !isOptional,
    ),
    jsonFile: values.json,
  };
}

function positiveInteger(option: string, text: string): number {
  const value = Number(text);
  if (!Number.isSafeInteger(value) || value < 1) {
    throw new Error(`${option} wants a positive whole number, not ${text}`);
  }
  return value;
}

/** Pins this thread, and so every process that it starts. */
function pinTo(cpuList: string): void {
  const arguments_ = ['-c', '-p', cpuList, `${process.pid}`];
  const { error, status, stderr } = spawnSync('taskset', arguments_, { encoding: 'utf8' });
  if (status !== 0) throw new Error(`cannot pin to CPU ${cpuList}: ${error?.message ?? stderr}`);
}

/** Raises the priority of every process started from here on, where that is allowed. */
function renice(): boolean {
  try {
    setPriority(-10);
    return true;
  } catch (error) {
    console.error(`running without a raised priority: ${messageOf(error)}`);
    return false;
  }
}

function messageOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}

/** Starts each agent once: those that cannot be started are left out, with the reason. */
async function leaveOutUnstartable(
  chosen: readonly BenchCase[],
): Promise<{ startable: readonly BenchCase[]; leftOut: ReadonlyMap<string, string> }> {
  const startable: BenchCase[] = [];
  const leftOut = new Map<string, string>();
  for (const benchCase of chosen) {
    try {
      const agent = await benchCase.start();
      await agent.stop();
      startable.push(benchCase);
    } catch (error) {
      leftOut.set(benchCase.name, messageOf(error));
    }
  }
  return { startable, leftOut };
}

function checkPinned(agent: StartedAgent, setting: Setting): void {
  const status = readFileSync(`/proc/${agent.pid}/status`, 'utf8');
  const allowed = /^Cpus_allowed_list:\s*(.*)$/m.exec(status)?.[1];
  if (allowed !== setting.cpus.replace('0,1', '0-1')) {
    throw new Error(`the agent runs on CPU ${allowed}, not on ${setting.cpus}`);
  }
}

async function runCase(benchCase: BenchCase, setting: Setting): Promise<LoadResult> {
  const agent = await benchCase.start();
  try {
    checkPinned(agent, setting);
    const { syscall, expectedErrno } = benchCase;
    return await runLoad({ agent, syscall, expectedErrno, size: setting.size });
  } finally {
    await agent.stop();
  }
}

function shuffled<T>(items: readonly T[]): readonly T[] {
  return items
    .map((item) => ({ item, key: randomInt(2 ** 47) }))
    .toSorted((left, right) => left.key - right.key)
    .map(({ item }) => item);
}

async function runRounds(
  chosen: readonly BenchCase[],
  setting: Setting,
): Promise<readonly Round[]> {
  const rounds: Round[] = [];
  const startMs = performance.now();
  let longestRoundMs = 0;
  while (rounds.length < setting.rounds) {
    const roundStartMs = performance.now();
    if (roundStartMs - startMs + longestRoundMs > setting.budgetSeconds * 1000) break;
    const round = new Map<string, LoadResult>();
    for (const benchCase of shuffled(chosen)) {
      round.set(benchCase.name, await runCase(benchCase, setting));
    }
    rounds.push(round);
    longestRoundMs = Math.max(longestRoundMs, performance.now() - roundStartMs);
  }
  return rounds;
}

function spreadOf(values: readonly number[]): Spread {
  const sorted = values.toSorted((left, right) => left - right);
  const at = (index: number): number => sorted[index] ?? Number.NaN;
  const middle = (sorted.length - 1) / 2;
  return {
    median: (at(Math.floor(middle)) + at(Math.ceil(middle))) / 2,
    least: at(0),
    most: at(sorted.length - 1),
  };
}

function medianOf(rounds: readonly Round[], name: string, key: keyof LoadResult): number {
  return spreadOf(rounds.map((round) => round.get(name)?.[key] ?? Number.NaN)).median;
}

function ratiosOf(rounds: readonly Round[]): readonly Ratio[] {
  return comparisons.flatMap(([ours, floor]) => {
    const pairs = rounds.flatMap((round) => {
      const [numerator, denominator] = [round.get(ours), round.get(floor)];
      return numerator && denominator ? [{ numerator, denominator }] : [];
    });
    if (pairs.length === 0) return [];
    const spread = (key: RatioKey): Spread =>
      spreadOf(pairs.map(({ numerator, denominator }) => numerator[key] / denominator[key]));
    return [
      {
        name: `${ours} / ${floor}`,
        of: {
          p50Ns: spread('p50Ns'),
          p99Ns: spread('p99Ns'),
          callsPerSecond: spread('callsPerSecond'),
        },
      },
    ];
  });
}

function printTable(header: readonly string[], rows: readonly (readonly string[])[]): void {
  const widths = header.map((title, column) =>
    Math.max(title.length, ...rows.map((row) => row[column]?.length ?? 0)),
  );
  for (const row of [header, ...rows]) {
    const cells = row.map((cell, column) => {
      const width = widths[column] ?? 0;
      return column === 0 ? cell.padEnd(width) : cell.padStart(width);
    });
    console.log(cells.join('  ').trimEnd());
  }
}

function describe({ cpus: cpuList, size }: Setting, rounds: number): string {
  const length =
    size.length.kind === 'calls' ? `${size.length.calls} calls` : `${size.length.durationMs} ms`;
  const containers = size.containers === 1 ? 'container' : 'containers';
  return (
    `${size.containers} ${containers} and the agent on CPU ${cpuList}, ${length} a run, ` +
    `medians over ${rounds} ${rounds === 1 ? 'round' : 'rounds'}`
  );
}

function printResults(names: readonly string[], rounds: readonly Round[]): void {
  const microseconds = (name: string, key: keyof LoadResult): string =>
    (medianOf(rounds, name, key) / 1000).toFixed(2);
  const whole = (name: string, key: keyof LoadResult): string =>
    medianOf(rounds, name, key).toFixed(0);
  printTable(
    ['case', 'p50 µs', 'p90 µs', 'p99 µs', 'max µs', 'calls/s', 'least', 'most'],
    names.map((name) => [
      name,
      microseconds(name, 'p50Ns'),
      microseconds(name, 'p90Ns'),
      microseconds(name, 'p99Ns'),
      microseconds(name, 'maxNs'),
      whole(name, 'callsPerSecond'),
      whole(name, 'least'),
      whole(name, 'most'),
    ]),
  );
}

function printedSpread({ median, least, most }: Spread): string {
  return `${median.toFixed(2)} (${least.toFixed(2)} to ${most.toFixed(2)})`;
}

function printRatios(ratios: readonly Ratio[]): void {
  if (ratios.length === 0) return;
  console.log();
  printTable(
    ['ratio', 'p50', 'p99', 'calls/s'],
    ratios.map(({ name, of }) => [name, ...ratioKeys.map((key) => printedSpread(of[key]))]),
  );
}

async function main(): Promise<void> {
  const command = parseCommand();
  if (command === 'help') {
    console.log(usage);
    return;
  }
  const { setting, chosen, jsonFile } = command;
  pinTo(setting.cpus);
  const isReniced = renice();
  await buildTestBundles();
  const { startable, leftOut } = await leaveOutUnstartable(chosen);
  if (startable.length === 0)
    throw new Error(`no case can run: ${[...leftOut.values()].join('; ')}`);
  const rounds = await runRounds(startable, setting);
  const ratios = ratiosOf(rounds);

  console.log(`${describe(setting, rounds.length)}\n`);
  printResults(
    startable.map(({ name }) => name),
    rounds,
  );
  printRatios(ratios);
  if (jsonFile !== undefined) {
    const machine = { kernel: release(), cpu: cpus()[0]?.model, node: process.version, isReniced };
    const measured = {
      setting,
      machine,
      rounds: rounds.map((round) => Object.fromEntries(round)),
      ratios,
      leftOut: Object.fromEntries(leftOut),
    };
    writeFileSync(jsonFile, `${JSON.stringify(measured, undefined, 2)}\n`);
  }
  for (const [name, reason] of leftOut) console.error(`left out ${name}: ${reason}`);
  if (leftOut.size > 0) process.exitCode = 1;
}

await main();
