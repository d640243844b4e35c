// SPDX-License-Identifier: Apache-2.0
// Children that work on what a stranger has written can be ended by nobody, and what has ended one
// from outside is not taken for what it has done.
import { spawn } from 'node:child_process';
import type { ChildProcessWithoutNullStreams } from 'node:child_process';
import { once } from 'node:events';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { text } from 'node:stream/consumers';

import { expect, test } from 'vitest';

import { failureOf } from '../../host/handler/child-end.ts';
import { underLimits } from '../../host/handler/child-limits.ts';
import { compilingLimits, compilingProgram } from '../../host/handler/compiling/compiling.ts';
import { transpilingLimits, transpilingProgram } from '../../host/handler/jco/transpile.ts';
import { runProgramSync } from '../../host/program.ts';
import type { Program } from '../../host/program.ts';
import { runCommand } from '../support/command.ts';
import { naming } from '../support/failures.ts';
import { patient } from '../support/patience.ts';
import { until } from '../support/polling.ts';

const generator = join(import.meta.dirname, '../support/prying-generator.mjs');
const request = { modules: [], interfaces: [], exports: [] };
const nobody = '65534';

/** It waits for what it is to work on. */
function start({ command: [program, ...args] }: Program): ChildProcessWithoutNullStreams {
  return spawn(program, args, { env: {}, cwd: '/' });
}

/** Once it is not root any more. */
async function userOf(child: ChildProcessWithoutNullStreams): Promise<string> {
  return until('the child to be another user', () => {
    const status = readFileSync(`/proc/${child.pid}/status`, 'utf8');
    const [user] = /(?<=^Uid:\t)\d+/mu.exec(status) ?? [];
    return user === '0' ? undefined : user;
  });
}

test.for<readonly [string, () => Program]>([
  ['compiles', () => compilingProgram([], 'baseline', compilingLimits)],
  [
    'links',
    () =>
      transpilingProgram({
        component: Uint8Array.of(),
        request,
        jco: { generator, version: '0' },
        limits: transpilingLimits,
      }),
  ],
])(
  'child users: one that %s is a user of its own, whom no other may signal',
  async ([, program]) => {
    const [one, other] = [start(program()), start(program())];
    const users = [await userOf(one), await userOf(other)];
    expect(new Set([...users, nobody]).size).toBe(3);

    const asNobody = [
      'setpriv',
      `--reuid=${nobody}`,
      `--regid=${nobody}`,
      '--clear-groups',
    ] as const;
    const { code, stderr } = await runCommand([
      ...asNobody,
      'kill',
      '-KILL',
      String(one.pid),
      String(other.pid),
    ]);

    expect(code).toBe(1);
    expect(stderr.match(/not permitted/gu)).toHaveLength(2);
    for (const child of [one, other]) {
      const ended = once(child, 'exit');
      child.stdin.end('end');
      expect(await ended).toEqual([0, null]);
    }
  },
);

test('child users: where their user namespace has no other, they are nobody', async () => {
  const program = compilingProgram([], 'baseline', compilingLimits);
  const few = ['unshare', '--user', '--map-users=0,0,65536', '--map-groups=0,0,65536'] as const;
  const child = start({ ...program, command: [...few, ...program.command] });
  expect(await userOf(child)).toBe(nobody);
  child.stdin.end();
  expect(await text(child.stdout)).toMatch(/^ready\ncompiled/u);
});

test.for<readonly [string, string, string]>([
  ['its limit', 'echo ready; while :; do :; done', 'bad'],
  ['its limit before it was ready', 'while :; do :; done', 'unknown'],
  ['another process', 'echo ready; kill -XCPU $$; sleep 10', 'unknown'],
])('child users: a child that was ended by %s says so much', ([, script, kind]) => {
  const limits = { ...compilingLimits, processorSeconds: 1 };
  const end = runProgramSync({
    command: underLimits(limits, ['/bin/sh', '-c', script]),
    environment: {},
    limitMs: patient(30_000),
  });
  expect(end.why).toEqual(naming('SIGXCPU'));
  expect(failureOf(end, { given: limits, usual: limits }).kind).toBe(kind);
});
