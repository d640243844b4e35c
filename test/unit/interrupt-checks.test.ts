// SPDX-License-Identifier: Apache-2.0
// A5: a worker can be ended whatever its handler's code does: V8 looks for that before each
// instruction that may take long.
import { execFileSync } from 'node:child_process';

import { expect, test } from 'vitest';

import { compilerFlags } from '../../host/handler/compiling/compiler-flags.ts';
import { instantiate } from '../../host/handler/core-exports.ts';
import { limitedModule } from '../../host/handler/limited-module.ts';
import { coreModule, instruction, section, unsigned } from '../support/wasm-binary.ts';
import type { Bytes, CoreModule } from '../support/wasm-binary.ts';

const pages = 256;
/** All of its memory takes a millisecond. */
const fill: Bytes = [
  ...instruction.i32(0),
  ...instruction.i32(0),
  ...instruction.i32(pages * 65_536),
  0xfc,
  0x0b,
  0,
];
/** A quarter of a minute, at least. */
const times = 16_000;
const soonMs = 4000;

const row: Bytes = Array.from({ length: times }, () => fill).flat();
const count = instruction.local(0);
const loop: Bytes = [
  0x03,
  0x40,
  ...fill,
  ...count,
  ...instruction.i32(1),
  0x6a,
  0x22,
  0,
  ...instruction.i32(times),
  0x48,
  0x0d,
  0,
  0x0b,
];

function module(core: CoreModule): Uint8Array {
  return limitedModule(coreModule(core), pages);
}

function filling(body: Bytes): Uint8Array {
  return module({
    memories: [[1, ...unsigned(pages), ...unsigned(pages)]],
    functions: [{ name: 'fill', signature: ':', locals: 1, body }],
  });
}

/** Ends a worker that runs the module of its standard input; says how many milliseconds it takes. */
const program = `
import { once } from 'node:events';
import { buffer } from 'node:stream/consumers';
import { setTimeout as pause } from 'node:timers/promises';
import { Worker } from 'node:worker_threads';

const running = \`
import { parentPort, workerData } from 'node:worker_threads';
const { fill } = new WebAssembly.Instance(new WebAssembly.Module(workerData)).exports;
parentPort.postMessage('begins');
fill();
\`;
const url = new URL('data:text/javascript,' + encodeURIComponent(running));
const worker = new Worker(url, { workerData: await buffer(process.stdin) });
await once(worker, 'message');
// it has to be in there
await pause(500);
const began = performance.now();
await worker.terminate();
console.log(performance.now() - began);
`;

test.for([
  ['in a row', 'the baseline compiler', row, '--liftoff'],
  ['in a row', 'the optimizing compiler', row, '--no-liftoff'],
  ['in a loop', 'the baseline compiler', loop, '--liftoff'],
  ['in a loop', 'the optimizing compiler', loop, '--no-liftoff'],
] as const)('A5: a worker that fills its memory %s ends soon, with %s', ([, , body, flag]) => {
  const flags = [...compilerFlags, flag, '--input-type=module', '--eval', program];
  const took = execFileSync(process.execPath, flags, { input: filling(body), encoding: 'utf8' });
  expect(Number(took)).toBeLessThan(soonMs);
});

const two = [...instruction.i32(0), ...instruction.i32(1)];

/** Code of a function of one number, and what it gives for 3. */
test.for<readonly [what: string, body: Bytes, result: number]>([
  ['memory.grow', [...instruction.local(0), ...instruction.growMemory], 1],
  [
    'memory.fill',
    [...two, ...instruction.local(0), 0xfc, 0x0b, 0, ...instruction.i32(2), 0x2d, 0, 0],
    1,
  ],
  [
    'memory.copy',
    [...two, ...instruction.local(0), 0xfc, 0x0a, 0, 0, ...instruction.i32(0), 0x2d, 0, 0],
    8,
  ],
  ['table.grow', [0xd0, 0x70, ...instruction.local(0), 0xfc, 0x0f, 0], 2],
  [
    'table.fill',
    [
      ...instruction.i32(0),
      0xd0,
      0x70,
      ...instruction.i32(2),
      0xfc,
      0x11,
      0,
      ...instruction.i32(0),
      0x25,
      0,
      0xd1,
    ],
    1,
  ],
  [
    'table.copy',
    [...two, ...instruction.i32(1), 0xfc, 0x0e, 0, 0, ...instruction.i32(0), 0x25, 0, 0xd1],
    1,
  ],
  ['none', instruction.local(0), 3],
])('A5: interrupt checks: %s does what it did', ([, body, result]) => {
  const bytes = module({
    imports: [{ module: 'm', name: 'n', signature: 'I:' }],
    tables: [[0x70, 0, 2]],
    elements: [1],
    functions: [
      { name: 'other', signature: 'ii:i', body: instruction.local(1) },
      { name: 'it', signature: 'i:i', locals: 1, body },
      { name: 'last', signature: ':', body: [] },
    ],
    data: [7, 8, 9],
    memories: [[0, 1]],
  });
  const exports = instantiate(new WebAssembly.Module(bytes), { m: { n: () => undefined } });
  expect(exports.function('it')?.(3)).toBe(result);
  expect(exports.function('other')?.(5, 6)).toBe(6);
});

test('A5: interrupt checks: code that cannot take long stays as it is', () => {
  const core: CoreModule = {
    memories: [[1, 1, 1]],
    functions: [{ name: 'f', signature: ':', body: instruction.call(0) }],
  };
  expect(Buffer.compare(module(core), coreModule(core))).toBe(0);
});

test('A5: interrupt checks: each function has its own', () => {
  const grow = [...instruction.i32(0), ...instruction.growMemory, ...instruction.drop];
  const bytes = module({
    functions: [
      { name: 'f', signature: ':', body: grow },
      { name: 'g', signature: ':', body: [] },
      { name: 'h', signature: ':', body: [...grow, ...grow] },
    ],
  });
  const check = [0x41, 0, ...instruction.call(3)];
  const withChecks = [
    ...instruction.i32(0),
    ...check,
    ...instruction.growMemory,
    ...instruction.drop,
  ];
  const bodies = [
    [0, ...withChecks, 0x0b],
    [0, 0x0b],
    [0, ...withChecks, ...withChecks, 0x0b],
  ];
  const own = [0, 0x20, 0, 0x04, 0x40, 0x20, 0, ...instruction.call(3), 0x0b, 0x0b];
  const code = section(10, [4, ...[...bodies, own].flatMap((body) => [body.length, ...body])]);
  expect(Buffer.from(bytes).includes(Buffer.from(code))).toBe(true);
});
