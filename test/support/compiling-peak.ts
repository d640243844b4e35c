// SPDX-License-Identifier: Apache-2.0
// A program that starts an agent in its process, and prints how much memory it takes there to compile
// one function and to compile six, in bytes, as JSON. Node's flags say which compiler does it, and
// when. With the argument `modules`, each function is in a module of its own.
import { writeFileSync } from 'node:fs';
import { setTimeout as sleep } from 'node:timers/promises';

import { startInProcess } from './in-process-agent.ts';
import { maxResidentBytes, residentBytes } from './process-memory.ts';
import { coreModule, instruction } from './wasm-binary.ts';

/** Behind the function itself: br_if. */
const returnIf = [0x0d, 0];

/** Each takes the optimizing compiler some 30 MiB, and returns at once if it is told to. */
function dearFunctions(count: number, calls: number = 12_000): Uint8Array {
  const functions = Array.from({ length: count }, (_, index) => {
    const again = [...instruction.local(0), ...instruction.call(index)];
    const body = Array.from({ length: calls }, () => again).flat();
    return {
      name: `dear${index}`,
      signature: 'i:',
      body: [...instruction.local(0), ...returnIf, ...body],
    };
  });
  return coreModule({ functions });
}

const pauseMs = 300;

/** Until what was called often is compiled: nothing computes any more. */
async function untilIdle(): Promise<void> {
  for (let isIdle = false; !isIdle;) {
    const before = process.cpuUsage();
    await sleep(pauseMs);
    const { user, system } = process.cpuUsage(before);
    isIdle = user + system < (pauseMs * 1000) / 10;
  }
}

async function peakFor(modules: readonly Uint8Array[]): Promise<number> {
  await untilIdle();
  // the peak counts from now on
  writeFileSync('/proc/self/clear_refs', '5');
  const before = residentBytes(process.pid);
  for (const bytes of modules) {
    const { exports } = new WebAssembly.Instance(new WebAssembly.Module(bytes), {});
    const dear = exports['dear0'];
    for (let calls = 0; calls < 100; calls += 1) if (typeof dear === 'function') dear(1);
  }
  await untilIdle();
  return maxResidentBytes(process.pid) - before;
}

await using _running = await startInProcess({ kind: 'named', name: 'none' });
const hasModules = process.argv[2] === 'modules';
const one = await peakFor([dearFunctions(1)]);
const six = await peakFor(
  // V8 compiles the same module once
  hasModules
    ? Array.from({ length: 6 }, (_, index) => dearFunctions(1, 12_001 + index))
    : [dearFunctions(6)],
);
process.stdout.write(`${JSON.stringify({ one, six })}\n`);
