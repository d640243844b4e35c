// SPDX-License-Identifier: Apache-2.0
// A program that starts an agent in its process, and prints how much memory it takes there to compile
// one function and to compile six, in bytes, as JSON. Node's flags say which compiler does it, and
// that it does it at once.
import { writeFileSync } from 'node:fs';

import { startInProcess } from './in-process-agent.ts';
import { mostResidentBytes, residentBytes } from './process-memory.ts';
import { coreModule, instruction } from './wasm-binary.ts';

/** Each takes the optimizing compiler some 30 MiB. */
function dearFunctions(count: number): Uint8Array {
  const functions = Array.from({ length: count }, (_, index) => ({
    name: `dear${index}`,
    signature: ':',
    body: Array.from({ length: 12_000 }, () => instruction.call(index)).flat(),
  }));
  return coreModule({ functions });
}

function peakFor(count: number): number {
  const module = dearFunctions(count);
  // the peak counts from now on
  writeFileSync('/proc/self/clear_refs', '5');
  const before = residentBytes(process.pid);
  void new WebAssembly.Module(module);
  return mostResidentBytes(process.pid) - before;
}

await using _running = await startInProcess({ kind: 'named', name: 'none' });
process.stdout.write(`${JSON.stringify({ one: peakFor(1), six: peakFor(6) })}\n`);
