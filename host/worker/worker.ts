// SPDX-License-Identifier: Apache-2.0
// Entry of a worker thread: runs the loop until the receiver is stopped.
import { AgentError } from '../errors.ts';
import type { LoadedComponent } from '../handler/direct.ts';
import { createLog } from '../log/log.ts';
import { loadNative } from '../native.ts';
import { beginThread } from '../process/own-thread.ts';
import { LossCounters, UnreadCounter } from '../recording/tape-room.ts';
import { InstanceMemory, ownProcess } from './instance-memory.ts';
import { LogRoom } from './log-room.ts';
import { Loop } from './loop.ts';
import { Quarantine } from './quarantine.ts';
import { TakenMessages } from './sent-components.ts';
import { CounterSlots } from '../counting/counter-slots.ts';
import { receiveComponent, workerInput } from './thread-messages.ts';
import type { WorkerMessage } from './thread-messages.ts';

function start(): void {
  beginThread();
  const { input, port } = workerInput();
  const send = (message: WorkerMessage, transferred: ArrayBuffer[] = []): void => {
    port.postMessage(message, transferred);
  };
  const components = new Map<string, LoadedComponent>();
  const taken = new TakenMessages(input.takenMessages);
  /** The loop never returns to the event loop, so what was sent is fetched when there is need. */
  const fetchComponents = (): void => {
    for (;;) {
      const sent = receiveComponent(port);
      if (sent === undefined) return;
      if ('forget' in sent) components.delete(sent.forget);
      else components.set(sent.id, sent);
      taken.add();
    }
  };
  const component = (id: string): LoadedComponent => {
    if (!components.has(id)) fetchComponents();
    const known = components.get(id);
    if (known !== undefined) return known;
    throw new AgentError('AGENT_HANDLER_FAILED', `no component ${id}`);
  };
  const native = loadNative();
  using loop = new Loop({
    native,
    receiver: input.receiver,
    log: createLog(input.log),
    id: input.id,
    instanceRoom: input.instanceRoom,
    memory: new InstanceMemory(input.memoryRoom, {
      ...ownProcess,
      residentBytes: native.residentBytes,
    }),
    counters: input.counters,
    slots: new CounterSlots({
      counters: input.counters,
      announce: (name) => {
        send({ kind: 'slot', ...name });
      },
      giveBack: (slots) => {
        send({ kind: 'slots given back', slots });
      },
    }),
    quarantine: new Quarantine(input.quarantine),
    logRoom: new LogRoom(input.logRoom),
    component,
    fetchComponents,
    onLinesDropped: (dropped) => {
      send({ kind: 'lines dropped', ...dropped });
    },
    onFailed: (failure) => {
      send({ kind: 'failed', ...failure });
    },
    onNote: (note) => {
      send({ kind: 'note', ...note });
    },
    losses: new LossCounters(input.tape.losses),
    decisions: input.decisions,
    unread: new UnreadCounter(input.tape.unread),
    onTaped: (taped) => {
      send({ kind: 'taped', ...taped }, [taped.bytes.buffer]);
    },
  });
  // it was not told of what was sent before it was attached
  fetchComponents();
  send({ kind: 'ready' });
  loop.run();
}

start();
