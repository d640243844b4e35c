// SPDX-License-Identifier: Apache-2.0
// `npm run bench`: what Seccomp Agent costs beside the floor, and whether it reaches its aims.
//
// Ratios are taken within a round, where the machine was the same for both, and their median is
// told: quote those, as absolute figures are the machine's.
import { writeFileSync } from 'node:fs';
import { constants } from 'node:os';
import { parseArgs } from 'node:util';

import { messageOf } from '../../host/errors.ts';
import { buildTestBundles } from '../support/test-bundles.ts';
import { buildAgent } from './agents.ts';
import { type JudgedAim, aimRow, judge } from './aims.ts';
import { acting } from './groups/acting.ts';
import { fairness } from './groups/fairness.ts';
import type { Group, MakeGroup } from './groups/group.ts';
import { handlerLoad } from './groups/handler-load.ts';
import { idleContainers } from './groups/idle.ts';
import { latency } from './groups/latency.ts';
import { macro } from './groups/macro.ts';
import { many } from './groups/many.ts';
import { chooseCpus, describeMachine, renice } from './machine.ts';
import { type Limits, type Measured, runRounds } from './rounds.ts';
import { printMedians, printTable } from './table.ts';

const groups: ReadonlyMap<string, MakeGroup> = new Map([
  ['latency', latency],
  ['act', acting],
  ['many', many],
  ['fair', fairness],
  ['idle', idleContainers],
  ['load', handlerLoad],
  ['macro', macro],
]);

const usage = `usage: npm run bench -- [options]
  --group NAME   only this group: ${[...groups.keys()].join(', ')}; may be given again
  --rounds N     at most so many rounds of each group
  --seconds N    start no round of a group that would end later than this
  --json FILE    also write everything that was measured
  --help
All of it takes about eleven minutes. The exit status is 1 when something could not be measured, and
2 for a usage error; an aim that is missed is only told.`;

interface Command {
  readonly names: readonly string[];
  readonly limits: Partial<Limits>;
  readonly jsonFile: string | undefined;
}

interface GroupResult {
  readonly name: string;
  readonly group: Group;
  readonly measured: Measured;
  readonly aims: readonly JudgedAim[];
}

function positiveInteger(option: string, text: string): number {
  const value = Number(text);
  if (!Number.isSafeInteger(value) || value < 1) {
    throw new Error(`${option} wants a positive whole number, not ${text}`);
  }
  return value;
}

function parseCommand(): Command | 'help' {
  const { values } = parseArgs({
    options: {
      group: { type: 'string', multiple: true, default: [] },
      rounds: { type: 'string' },
      seconds: { type: 'string' },
      json: { type: 'string' },
      help: { type: 'boolean', default: false },
    },
  });
  if (values.help) return 'help';
  const unknown = values.group.find((name) => !groups.has(name));
  if (unknown !== undefined) {
    throw new Error(`unknown group ${unknown}: known are ${[...groups.keys()].join(', ')}`);
  }
  const { rounds, seconds } = values;
  return {
    names: [...groups.keys()].filter(
      (name) => values.group.length === 0 || values.group.includes(name),
    ),
    limits: {
      ...(rounds === undefined ? {} : { rounds: positiveInteger('--rounds', rounds) }),
      ...(seconds === undefined ? {} : { seconds: positiveInteger('--seconds', seconds) }),
    },
    jsonFile: values.json,
  };
}

async function runGroup(name: string, group: Group, limits: Limits): Promise<GroupResult> {
  const measured = await runRounds(group.measurements, limits);
  const { rounds } = measured;
  const ofRounds = `medians over ${rounds.length} ${rounds.length === 1 ? 'round' : 'rounds'}`;
  console.log(`${name}: ${group.title}; ${ofRounds}\n`);
  const names = group.measurements.map((measurement) => measurement.name);
  printMedians(names, group.columns, rounds);
  console.log();
  return { name, group, measured, aims: group.aims.map((aim) => judge(aim, rounds)) };
}

function printSummary(results: readonly GroupResult[]): void {
  const head = ['case', 'measured (least to most)', 'aim', 'met'];
  printTable([head, ...results.flatMap(({ aims }) => aims.map(aimRow))], 'left');
  for (const note of results.flatMap(({ group }) => group.notes ?? [])) console.log(`\n${note}`);
}

function writeJson(file: string, results: readonly GroupResult[], isReniced: boolean): void {
  const content = {
    machine: describeMachine(isReniced),
    groups: results.map(({ name, group, measured, aims }) => ({
      name,
      title: group.title,
      rounds: measured.rounds.map((round) => Object.fromEntries(round)),
      failures: Object.fromEntries(measured.failures),
      notes: group.notes ?? [],
      aims: aims.map(({ aim, ...judged }) => ({ ...aim, ...judged })),
    })),
  };
  writeFileSync(file, `${JSON.stringify(content, undefined, 2)}\n`);
}

async function run({ names, limits, jsonFile }: Command): Promise<void> {
  const isReniced = renice();
  const cpus = chooseCpus();
  buildAgent();
  await buildTestBundles();
  const results: GroupResult[] = [];
  for (const [name, makeGroup] of groups) {
    if (!names.includes(name)) continue;
    const group = makeGroup(cpus);
    results.push(await runGroup(name, group, { ...group.limits, ...limits }));
  }
  printSummary(results);
  if (jsonFile !== undefined) writeJson(jsonFile, results, isReniced);
  for (const { name, measured } of results) {
    for (const [measurement, reason] of measured.failures) {
      console.error(`not measured: ${name}: ${measurement}: ${reason}`);
      process.exitCode = 1;
    }
  }
}

/** So that what waits for our exit is done when we are told to end, too. */
function exitOnSignals(): void {
  for (const name of ['SIGINT', 'SIGTERM'] as const) {
    process.once(name, () => process.exit(128 + constants.signals[name]));
  }
}

async function main(): Promise<void> {
  let command: Command | 'help';
  try {
    command = parseCommand();
  } catch (error) {
    console.error(`bench: ${messageOf(error)}\n${usage}`);
    process.exitCode = 2;
    return;
  }
  if (command === 'help') {
    console.log(usage);
  } else {
    exitOnSignals();
    await run(command);
  }
}

await main();
