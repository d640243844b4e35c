// SPDX-License-Identifier: Apache-2.0
// What crosses between the main thread and the workers: all of it is made by this very process.
import { parentPort, receiveMessageOnPort, workerData } from 'node:worker_threads';
import type { MessagePort } from 'node:worker_threads';

import { pack, unpack } from 'msgpackr';

import { AgentError } from '../errors.ts';
import type { LoadedComponent } from '../handler/direct.ts';
import type { LogOptions } from '../log.ts';
import type { ReceiverHandle } from '../native.ts';
import type { Registry } from '../registry/registry.ts';

/** What a worker thread starts with. */
export interface WorkerInput {
  readonly receiver: ReceiverHandle;
  readonly log: LogOptions;
}

/** What a worker thread tells. */
export type WorkerMessage =
  | { readonly kind: 'ready' }
  | { readonly kind: 'ended'; readonly token: number }
  | { readonly kind: 'exited'; readonly token: number };

/** In a worker thread: its input and its way to the main thread. */
export function workerInput(): { readonly input: WorkerInput; readonly port: MessagePort } {
  if (parentPort === null) throw new AgentError('AGENT_USAGE', 'this runs in a worker thread only');
  return { input: workerData as WorkerInput, port: parentPort };
}

/** The next component that the main thread has sent, without waiting for any. */
export function receiveComponent(port: MessagePort): LoadedComponent | undefined {
  return receiveMessageOnPort(port)?.message as LoadedComponent | undefined;
}

/** A registry travels with its listener, through the addon. */
export function encodeRegistry(registry: Registry): Uint8Array {
  return pack(registry);
}

export function decodeRegistry(bytes: Uint8Array): Registry {
  return unpack(bytes) as Registry;
}
