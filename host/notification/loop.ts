// SPDX-License-Identifier: Apache-2.0
// The loop of one worker thread: receive, decode, decide and answer, all on this thread.
import { AgentError, messageOf } from '../errors.ts';
import { fail } from '../handler/action.ts';
import type { FinalAction } from '../handler/action.ts';
import type { CallHost } from '../handler/capability.ts';
import type { LoadedComponent } from '../handler/direct.ts';
import type { Logger } from '../log.ts';
import { eventKind, tokenOf } from '../native.ts';
import type { Native, ReceiverHandle, WorkerHandle } from '../native.ts';
import type { Registry, RegistryHandler } from '../registry/registry.ts';
import { Container } from './container.ts';
import { ReceivedCall, currentDirectory } from './received-call.ts';
import { decodeRegistry } from './thread-messages.ts';
import { Syscalls } from './syscalls.ts';
import type { Syscall } from './syscalls.ts';

export interface LoopParts {
  readonly native: Native;
  readonly receiver: ReceiverHandle;
  readonly log: Logger;
  /** Finds a component by its digest. */
  readonly component: (digest: string) => LoadedComponent;
  /** A listener's last user is gone; called by one worker only. */
  readonly onEnded: (token: number) => void;
  /** A watched process has ended. */
  readonly onExited: (token: number) => void;
}

export class Loop implements Disposable {
  readonly #parts: LoopParts;
  readonly #native: Native;
  readonly #worker: WorkerHandle;
  readonly #call = new ReceivedCall();
  readonly #syscalls = new Syscalls();
  readonly #containers: Map<number, Container> = new Map();
  /** The syscall being answered: what capabilities act for. */
  #current: Syscall | undefined;
  /** Asked once: the way of a call must not cost what nobody reads. */
  readonly #isTraced: boolean;

  constructor(parts: LoopParts) {
    this.#parts = parts;
    this.#native = parts.native;
    this.#isTraced = parts.log.isLevelEnabled('trace');
    this.#worker = parts.native.attachWorker(parts.receiver, this.#call.bytes);
  }

  [Symbol.dispose](): void {
    this.#native.detachWorker(this.#worker);
  }

  /** Runs until the receiver is stopped. */
  run(): void {
    for (;;) {
      switch (this.#native.receive(this.#worker)) {
        case eventKind.notification:
          this.#answer();
          break;
        case eventKind.ended:
          this.#containers.delete(this.#call.token);
          if (this.#call.isFirst) this.#parts.onEnded(this.#call.token);
          break;
        case eventKind.exited:
          this.#parts.onExited(this.#call.token);
          break;
        default:
          return;
      }
    }
  }

  #answer(): void {
    let container: Container | undefined;
    try {
      container = this.#containers.get(this.#call.token) ?? this.#meet();
      const action = this.#decide(container);
      this.#call.answer(action);
      if (this.#isTraced) this.#trace(container, action);
    } catch (thrown) {
      this.#report(thrown, container);
      this.#call.answer(container?.failure ?? fail('EPERM'));
    }
    this.#current = undefined;
  }

  #decide(container: Container): FinalAction {
    const { tid, arch, number } = this.#call;
    if (tid === 0) {
      throw new AgentError(
        'AGENT_CALLER',
        'the caller is outside of our pid namespace: run the agent in the host pid namespace',
      );
    }
    const syscall = this.#syscalls.find(arch, number);
    if (syscall === undefined) return container.decideUnknown();
    this.#current = syscall;
    return container.decide(this.#call, syscall);
  }

  /** The first call of a container on this worker. */
  #meet(): Container {
    const { token } = this.#call;
    const bytes = this.#native.listenerRegistry(this.#worker, tokenOf(token));
    const container = new Container({
      registry: decodeRegistry(bytes),
      component: this.#parts.component,
      hostFor: (handler, registry) => this.#hostFor(handler, registry),
    });
    this.#containers.set(token, container);
    return container;
  }

  #trace({ registry }: Container, action: FinalAction): void {
    const answer = action.kind === 'fail' ? action.errno : action.kind;
    const syscall = this.#current?.name ?? this.#call.number;
    const { tid } = this.#call;
    this.#parts.log.trace(
      { container: registry.containerId, syscall, tid, answer },
      'call answered',
    );
  }

  #report(thrown: unknown, container: Container | undefined): void {
    this.#parts.log.error(
      {
        container: container?.registry.containerId,
        syscall: this.#current?.name,
        tid: this.#call.tid,
        handler: thrown instanceof AgentError ? thrown.handler : undefined,
        code: thrown instanceof AgentError ? thrown.code : undefined,
        error: messageOf(thrown),
      },
      'call failed by the agent',
    );
  }

  #hostFor(handler: RegistryHandler, registry: Registry): CallHost {
    const native = this.#native;
    const worker = this.#worker;
    const call = this.#call;
    const log = this.#parts.log.child({ handler: handler.name, container: registry.containerId });
    return {
      mkdir: (memory, offset, length, mode) =>
        actAsCaller('mkdir', () =>
          native.mkdirAsCaller(worker, this.#dirfd(), memory, offset, length, mode),
        ),
      mount: (memory, ranges) =>
        actAsCaller('mount', () => native.mountAsCaller(worker, memory, ranges)),
      log: (level, message) => {
        log[level](message);
      },
      decodedArguments: () => (this.#current === undefined ? [] : call.decode(this.#current)),
    };
  }

  #dirfd(): number {
    return this.#current === undefined ? currentDirectory : this.#call.dirfd(this.#current);
  }
}

/** What fails here is ours: errors of the caller's own are values. */
function actAsCaller(operation: string, act: () => number): number {
  try {
    return act();
  } catch (cause) {
    throw new AgentError('AGENT_CALLER', `cannot ${operation} for the caller`, { cause });
  }
}
