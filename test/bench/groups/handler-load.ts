// SPDX-License-Identifier: Apache-2.0
// How long a handler takes to be there: loaded from its file, instantiated, and again after it had
// to be terminated.
import { execFile } from 'node:child_process';
import { constants } from 'node:os';
import { join } from 'node:path';
import { setTimeout } from 'node:timers/promises';
import { promisify } from 'node:util';

import { testBundle } from '../../support/test-bundles.ts';
import { type Aim, atMost } from '../aims.ts';
import { compiledModule, startAgentOfOneWorker } from '../agents.ts';
import type { Figures } from '../figures.ts';
import { EDOM, runLoad } from '../load.ts';
import type { CpuChoice } from '../machine.ts';
import type { Measurement } from '../rounds.ts';
import type { Group } from './group.ts';

/** The shipped handlers, with settings that each takes. */
const handlers = [
  { name: 'errno', setting: 'errno=EPERM' },
  { name: 'mkdir-suffix', setting: 'suffix=-suffix' },
  { name: 'mount', setting: 'filesystems=proc' },
] as const;

const { EPERM } = constants.errno;
const replacement = 'terminate and replace';
const replaceDeadlineMs = 15_000;
/** A call that is answered sooner was not ended by a deadline. */
const leastDeadlineMs = 100;

async function loadOnce(name: string, setting: string, cpus: string): Promise<Figures> {
  const program = compiledModule('test/bench/handler-load-once.ts');
  const component = join(testBundle(name), `${name}.wasm`);
  const command = ['-c', cpus, process.execPath, program, component, setting];
  const { stdout } = await promisify(execFile)('taskset', command);
  const parsed: unknown = JSON.parse(stdout);
  if (typeof parsed !== 'object' || parsed === null) throw new Error(`no times: ${stdout}`);
  const times = new Map<string, unknown>(Object.entries(parsed));
  return { coldMs: Number(times.get('coldMs')), instanceMs: Number(times.get('instanceMs')) };
}

/**
 * The only worker is held by a handler that loops for ever, is ended at the handler's deadline, and
 * replaced: another container, which calls all the time, waits for both.
 */
async function replaceWorker(cpus: string): Promise<Figures> {
  await using agent = await startAgentOfOneWorker({ bundle: 'hostile', cpus });
  const common = {
    socket: agent.socket,
    cpus,
    syscall: 'mkdir',
    containers: 1,
    deadlineMs: replaceDeadlineMs,
  } as const;
  const waiting = runLoad({
    ...common,
    expectedErrno: EDOM,
    warmUpCalls: 100,
    length: { kind: 'time', durationMs: 3000 },
  });
  await setTimeout(500);
  // after the deadline its handler is left alone for a while, so its next call fails at once
  const { firstMs } = await runLoad({
    ...common,
    expectedErrno: EPERM,
    firstPath: '/loop',
    warmUpCalls: 0,
    length: { kind: 'calls', calls: 1 },
  });
  const { loops } = await waiting;
  if (firstMs < leastDeadlineMs) {
    throw new Error(`the endless handler was answered for after ${firstMs.toFixed(1)} ms`);
  }
  if (loops?.maxNs === undefined) throw new Error('no call was timed');
  return { deadlineMs: firstMs, replaceMs: loops.maxNs / 1e6 - firstMs };
}

function aimsFor({ name }: { readonly name: string }): readonly Aim[] {
  return [
    {
      title: `handler ${name}: read, compile, first instance`,
      quantity: { kind: 'value', of: name, figure: 'coldMs' },
      limit: atMost(30),
    },
    {
      title: `handler ${name}: an instance of the compiled module`,
      quantity: { kind: 'value', of: name, figure: 'instanceMs' },
      limit: atMost(5),
    },
  ];
}

export function handlerLoad({ two }: CpuChoice): Group {
  const loads = handlers.map(({ name, setting }): Measurement => ({
    name,
    run: async () => loadOnce(name, setting, two()),
  }));
  return {
    title: 'handlers loaded in a new process each time; a worker replaced after a deadline',
    limits: { rounds: 11, seconds: 60 },
    measurements: [...loads, { name: replacement, run: async () => replaceWorker(two()) }],
    columns: ['coldMs', 'instanceMs', 'deadlineMs', 'replaceMs'],
    aims: [
      ...handlers.flatMap(aimsFor),
      {
        title: 'a worker terminated and replaced',
        quantity: { kind: 'value', of: replacement, figure: 'replaceMs' },
        limit: atMost(50),
      },
    ],
  };
}
