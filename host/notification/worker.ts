// SPDX-License-Identifier: Apache-2.0
// Entry of a worker thread: runs the loop until the receiver is stopped.
import { parentPort, receiveMessageOnPort, workerData } from 'node:worker_threads';

import { AgentError } from '../errors.ts';
import type { LoadedComponent } from '../handler/direct.ts';
import { createLog } from '../log.ts';
import { loadNative } from '../native.ts';
import { Loop } from './loop.ts';
import type { WorkerInput, WorkerMessage } from './pool.ts';

function start(): void {
  const port = parentPort;
  if (port === null) throw new AgentError('AGENT_USAGE', 'worker.ts runs in a worker thread only');
  // made by the pool
  const { receiver, log } = workerData as WorkerInput;
  const send = (message: WorkerMessage): void => {
    port.postMessage(message);
  };
  const components = new Map<string, LoadedComponent>();
  /** The loop never returns to the event loop, so components are fetched when one is missing. */
  const component = (digest: string): LoadedComponent => {
    for (;;) {
      const known = components.get(digest);
      if (known !== undefined) return known;
      const received = receiveMessageOnPort(port);
      if (received === undefined) {
        throw new AgentError('AGENT_HANDLER_FAILED', `no component with the digest ${digest}`);
      }
      const sent = received.message as LoadedComponent;
      components.set(sent.digest, sent);
    }
  };
  using loop = new Loop({
    native: loadNative(),
    receiver,
    log: createLog(log),
    component,
    onEnded: (token) => {
      send({ kind: 'ended', token });
    },
    onExited: (token) => {
      send({ kind: 'exited', token });
    },
  });
  send({ kind: 'ready' });
  loop.run();
}

start();
