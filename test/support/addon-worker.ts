// SPDX-License-Identifier: Apache-2.0
// Entry of a worker thread that uses the addon: it receives until the receiver is stopped. Its
// arguments say what else it does:
// `collect` collects garbage while it is attached, `detach` detaches at the end, `open` leaves a
// socket at the path that follows and a command behind, `compute` never ends with the first call:
// the number that follows is its deadline in milliseconds. `throw` makes calls that fail, and never
// receives.
import { readlinkSync } from 'node:fs';
import { basename } from 'node:path';
import { runInNewContext } from 'node:vm';

import { inbox, loadNative } from '../../host/native.ts';
import type { Native, WorkerHandle } from '../../host/native.ts';
import { ReceivedCall } from '../../host/call/received-call.ts';
import { workerInput } from '../../host/worker/thread-messages.ts';
import type { WorkerInput } from '../../host/worker/thread-messages.ts';

const garbageRounds = 5;

/** Attaches with an inbox and counters; nobody else need refer to the inbox. */
function attach(native: Native, input: WorkerInput, bytes: Uint8Array): WorkerHandle {
  return native.attachWorker(input.receiver, bytes, new Uint8Array(input.counters), input.id);
}

/** Needs V8's flag `--expose-gc`. */
function collectGarbage(): void {
  const collect: unknown = runInNewContext('gc');
  if (typeof collect !== 'function') throw new Error('gc is not exposed');
  for (let round = 0; round < garbageRounds; round += 1) collect();
}

function leaveOpen(native: Native, socketFile: string): void {
  native.listenSocket(socketFile, new Int32Array());
  native.launch(['sleep', '600'], [], ['/usr/bin/sleep', '/bin/sleep'], trappingNothing());
}

/** One call that nobody makes: number 1000 of this machine. */
function trappingNothing(): Uint8Array {
  const audit = process.arch === 'arm64' ? 0xc000_00b7 : 0xc000_003e;
  return new Uint8Array(Uint32Array.of(audit, 1000).buffer);
}

/** Endless work of a handler on a call. */
function compute(): never {
  for (;;);
}

/** The addon throws again and again, whenever it is that the thread is ended. */
function failForEver(native: Native, worker: WorkerHandle): never {
  native.detachWorker(worker);
  for (;;) {
    try {
      native.wakeAnother(worker);
    } catch {
      // as it should be
    }
  }
}

function run(): void {
  const { input, port } = workerInput();
  const words = process.argv.slice(2);
  const native = loadNative();
  const isComputing = words.includes('compute');
  const socketFile = words[words.indexOf('open') + 1];
  if (words.includes('open') && socketFile !== undefined) leaveOpen(native, socketFile);
  // as the agent's own workers have it: memory that goes with the thread
  const call = isComputing ? new ReceivedCall() : undefined;
  const worker = attach(native, input, call?.bytes ?? new Uint8Array(inbox.size));
  if (words.includes('collect')) collectGarbage();
  port.postMessage({ tid: basename(readlinkSync('/proc/thread-self')) });
  if (words.includes('throw')) failForEver(native, worker);
  const event = native.receiveFunction(worker)();
  if (words.includes('collect')) collectGarbage();
  if (words.includes('detach')) native.detachWorker(worker);
  call?.enter(2, Number(words[words.indexOf('compute') + 1]));
  port.postMessage({ event });
  if (isComputing) compute();
}

run();
