// SPDX-License-Identifier: Apache-2.0
// A chain of handlers that is asked about recorded calls: nothing that it wants has an effect.
import { AgentError } from '../errors.ts';
import type { Host } from '../call/host.ts';
import type { LoadedComponent } from '../handler/direct.ts';
import { Container } from '../worker/container.ts';
import type { KeptContainers } from '../worker/kept-containers.ts';
import { ContainerSlots } from '../counting/counter-slots.ts';
import { limited } from '../worker/limited-host.ts';
import type { Quarantine } from '../worker/quarantine.ts';
import { ReceivedCall } from '../call/received-call.ts';
import type { Syscall, Syscalls } from '../syscalls/syscalls.ts';
import type { Registry } from '../registry/registry.ts';
import { CallTape } from '../recording/call-tape.ts';
import type { Redaction } from './comparison.ts';
import { archIndex, restoreInput } from '../recording/recorded-call.ts';
import type { RecordedCall, RecordedInput } from '../recording/recorded-call.ts';
import { AnswerPool, replayed } from './replayed-host.ts';
import type { Stopwatch } from './timed-host.ts';
import { taped } from '../recording/taped-host.ts';

export interface ReplayedChainParts {
  readonly registry: Registry;
  readonly component: (id: string) => LoadedComponent;
  readonly redaction: Redaction;
  readonly syscalls: Syscalls;
  /** A replay quarantines no handler. */
  readonly health: Quarantine;
  /** Containers that share the memory, and its token among them; absent: it is alone. */
  readonly kept?: { readonly all: KeptContainers<Container>; readonly token: number };
  /** Times the host; nothing is written down then. */
  readonly stopwatch?: Stopwatch;
}

/** @throws AgentError AGENT_RECORDING: it is of an agent with other tables */
function syscallOf(input: RecordedInput, syscalls: Syscalls): Syscall {
  const syscall = syscalls.find(archIndex(input), input.number);
  if (syscall?.name === input.syscall) return syscall;
  throw new AgentError(
    'AGENT_RECORDING',
    `there is no system call ${input.syscall} with the number ${input.number} on ${input.arch}`,
  );
}

export class ReplayedChain {
  readonly #parts: ReplayedChainParts;
  readonly #container: Container;
  readonly #call = new ReceivedCall();
  readonly #answers: AnswerPool;
  #current: Syscall | undefined;
  #replayed: RecordedCall | undefined;

  constructor(parts: ReplayedChainParts) {
    this.#parts = parts;
    this.#answers = new AnswerPool(parts.redaction);
    const { stopwatch } = parts;
    // which would be measured with the handlers
    const tape = stopwatch === undefined ? this.#tape() : undefined;
    this.#container = new Container({
      registry: parts.registry,
      terms: 0,
      place: parts.kept?.token ?? 0,
      quarantine: [],
      states: [],
      component: parts.component,
      hostFor: ({ grants }) => {
        const own = this.#host();
        const host = grants === undefined ? own : limited(own, grants, () => undefined);
        if (stopwatch !== undefined) return stopwatch.timed(host);
        return tape === undefined ? host : taped(host, tape);
      },
      tape,
      health: parts.health,
      slots: new ContainerSlots(() => undefined),
      onSlow: () => undefined,
      onStop: () => undefined,
      onQuarantined: () => undefined,
      mayReport: () => true,
      hasRoom: () => parts.kept?.all.hasRoom(this.#container) ?? true,
      onMemory: (change) => {
        parts.kept?.all.weigh(this.#container, change);
      },
    });
  }

  /**
   * The outcome of the same call now.
   * @throws AgentError AGENT_RECORDING
   */
  ask(recorded: RecordedCall): RecordedCall {
    const syscall = this.#prepare(recorded);
    this.#decide(syscall);
    return this.#replayed ?? tooMuch(recorded);
  }

  /** Those that are idle are given up. */
  #keep(): void {
    const { kept } = this.#parts;
    if (kept === undefined) return;
    if (kept.all.get(kept.token) === undefined) kept.all.add(kept.token, this.#container);
    kept.all.use(this.#container);
  }

  /** The same, for whoever wants to know how long it takes. */
  time(recorded: RecordedCall): { readonly tookNs: bigint; readonly hasFailed: boolean } {
    const syscall = this.#prepare(recorded);
    const began = process.hrtime.bigint();
    const hasFailed = !this.#decide(syscall);
    return { tookNs: process.hrtime.bigint() - began, hasFailed };
  }

  #prepare(recorded: RecordedCall): Syscall {
    this.#keep();
    const syscall = syscallOf(recorded, this.#parts.syscalls);
    restoreInput(this.#call, recorded);
    this.#answers.fill(recorded);
    this.#current = syscall;
    this.#replayed = undefined;
    return syscall;
  }

  /** @returns whether no handler has failed */
  #decide(syscall: Syscall): boolean {
    try {
      this.#container.decide(this.#call, syscall);
      return true;
    } catch (thrown) {
      // that it failed is on the tape
      if (thrown instanceof AgentError) return false;
      throw thrown;
    }
  }

  #tape(): CallTape {
    return new CallTape({
      onRecorded: (call) => {
        this.#replayed = call;
      },
      onLost: () => undefined,
    });
  }

  #host(): Host {
    const { containerId, annotations = [] } = this.#parts.registry;
    return replayed(this.#answers, {
      containerId,
      annotations,
      decodedArguments: () => (this.#current === undefined ? [] : this.#call.decode(this.#current)),
    });
  }
}

function tooMuch(recorded: RecordedCall): RecordedCall {
  return {
    ...recorded,
    asks: [],
    decision: {
      kind: 'failed',
      code: 'AGENT_HANDLER_FAILED',
      reason: 'the handler asks for more than can be written down',
    },
  };
}
