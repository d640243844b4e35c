// SPDX-License-Identifier: Apache-2.0
// The loop of one worker thread: receive, decode, decide and answer, all on this thread.
import { AgentError } from '../errors.ts';
import { fail } from '../call/action.ts';
import type { Decision } from '../call/action.ts';
import type { FailureReason } from '../counting/counters.ts';
import { eventKind, helperFailure } from '../native.ts';
import type { Native, WorkerHandle } from '../native.ts';
import { actBit } from '../observation/decision-layout.ts';
import { DecisionWriter } from '../observation/decision-writer.ts';
import type { DecisionBuffers } from '../observation/decision-writer.ts';
import { CallerHost, ScratchBuffers } from './caller-host.ts';
import type { WorkerSide } from './caller-host.ts';
import { callFailure, logFailure, ownFailure, reasonOf } from './call-failure.ts';
import { errnoOf } from './container.ts';
import type { Container } from './container.ts';
import { ContainerBuilder } from './container-builder.ts';
import type { BuilderParts } from './container-builder.ts';
import type { Chain } from './container.ts';
import { unnamedSlot } from '../counting/counters.ts';
import { crowdedWarning } from './crowded-warning.ts';
import { ReceivedCall } from '../call/received-call.ts';
import type { InstanceMemory } from './instance-memory.ts';
import { HandedCalls } from './handed-calls.ts';
import type { HandedCall } from './handed-calls.ts';
import { KeptContainers } from './kept-containers.ts';
import type { InstanceRoom } from './kept-containers.ts';
import { Performer } from './perform.ts';
import type { HandedAction } from './perform.ts';
import type { CallFailure } from './thread-messages.ts';
import { Syscalls } from '../syscalls/syscalls.ts';
import type { Syscall } from '../syscalls/syscalls.ts';

/** A call that takes longer is slow: others' calls must not wait so long for being received. */
const slowUs = 1000;
/** For a call of a container whose registry cannot be read. */
const noContainer = fail('EPERM');
/** By {@link helperFailure}. */
const performedFailures = new Map<number, AgentError>([
  [helperFailure.ended, actingFailed('a helper that acted for the caller has ended')],
  [helperFailure.couldNotAct, actingFailed('a helper could not act for the caller')],
  [helperFailure.notServed, actingFailed('a helper could not be served while it acted')],
]);
const performBit = actBit('perform');

function actingFailed(message: string): AgentError {
  return new AgentError('AGENT_CALLER', message);
}

export interface LoopParts extends BuilderParts {
  readonly native: Native;
  /** Names this worker in receiver events. */
  readonly id: number;
  readonly instanceRoom: InstanceRoom;
  readonly memory: InstanceMemory;
  readonly counters: SharedArrayBuffer;
  /** Called when components may be needed no more: a container has ended, or memory is short. */
  readonly fetchComponents: () => void;
  readonly onFailed: (failure: CallFailure) => void;
  readonly decisions: DecisionBuffers;
}

/** For one call, whose caller may have what it is about change all the time. */
const maxAsked = 16;
const isStillChanging = fail('EAGAIN');

export class Loop implements Disposable {
  readonly #parts: LoopParts;
  readonly #native: Native;
  readonly #worker: WorkerHandle;
  readonly #call = new ReceivedCall();
  readonly #syscalls = new Syscalls();
  readonly #containers: KeptContainers<Container>;
  /** Most calls come from where the one before came from. */
  #last: Container | undefined;
  /** Chain of the call before. */
  #lastChain: Chain | undefined;
  /** The syscall being answered: what capabilities act for. */
  #current: Syscall | undefined;
  readonly #decisions: DecisionWriter;
  readonly #side: WorkerSide;
  readonly #builder: ContainerBuilder;
  readonly #performer: Performer;
  readonly #handed = new HandedCalls();

  constructor(parts: LoopParts) {
    this.#parts = parts;
    this.#native = parts.native;
    this.#containers = new KeptContainers<Container>({
      room: parts.instanceRoom,
      memory: parts.memory,
      onCrowded: crowdedWarning(parts.log),
      onShort: () => {
        parts.native.tellShortage(this.#worker);
      },
    });
    this.#decisions = new DecisionWriter(parts.decisions, this.#call, this.#syscalls);
    this.#worker = parts.native.attachWorker(
      parts.receiver,
      this.#call.bytes,
      new Uint8Array(parts.counters),
      parts.id,
    );
    this.#side = {
      native: parts.native,
      worker: this.#worker,
      call: this.#call,
      current: () => this.#current,
      scratch: new ScratchBuffers(),
      onWriteRefused: () => {
        this.#last?.refusals?.writeRefused();
      },
      onLabelRefused: (label, errno) => {
        this.#last?.refusals?.labelRefused(label, errno);
      },
      onGroupsRefused: () => {
        this.#last?.refusals?.groupsRefused();
      },
    };
    this.#builder = new ContainerBuilder(parts, {
      side: this.#side,
      decisions: this.#decisions,
      containers: this.#containers,
    });
    this.#performer = new Performer(this.#call, new CallerHost(this.#side));
  }

  [Symbol.dispose](): void {
    this.#native.detachWorker(this.#worker);
  }

  /** Runs until the receiver is stopped, or this worker is one too many. */
  run(): void {
    const receive = this.#native.receiveFunction(this.#worker);
    for (;;) {
      switch (receive()) {
        case eventKind.notification:
          this.#answer();
          break;
        case eventKind.ended:
          this.#containers.end(this.#call.token);
          this.#handed.end(this.#call.token);
          this.#parts.slots.end(this.#call.token);
          this.#parts.fetchComponents();
          this.#last = undefined;
          break;
        case eventKind.performed:
          this.#hearPerformed();
          break;
        case eventKind.shortage:
          this.#parts.fetchComponents();
          this.#containers.hearShortage();
          // so that it is seen to be used when it calls again
          this.#last = undefined;
          break;
        default:
          return;
      }
    }
  }

  #answer(): void {
    if (this.#lastChain !== undefined) {
      this.#lastChain.isSlow = this.#call.previousTookUs > slowUs;
      this.#lastChain = undefined;
    }
    let container: Container | undefined;
    try {
      const { terms } = this.#call;
      container = this.#last?.terms === terms ? this.#last : this.#find(terms);
      if (container.watch !== undefined) this.#decisions.begin(container.watch);
      const decision = this.#decide(container);
      if (decision?.kind === 'handed') {
        const { token, tid } = this.#call;
        const { slots } = container;
        const handed = { token, tid, syscall: this.#current, container, slots };
        this.#call.answerHanded(this.#handed.keep(handed));
      } else {
        this.#answerWith(container, decision);
      }
    } catch (thrown) {
      this.#report(thrown, container);
      const answer = container?.failure ?? noContainer;
      this.#call.answerFailure(answer, container?.slots.of(errnoOf(answer)) ?? unnamedSlot);
      if (container?.watch !== undefined) this.#tell(container, answer, reasonOf(thrown));
    }
    this.#current = undefined;
    this.#lastChain = container?.chain;
  }

  #answerWith(container: Container, decision: Decision | undefined): void {
    const answer = decision ?? container.failure;
    const slot = container.slots.of(errnoOf(answer));
    if (decision === undefined) this.#call.answerFailure(answer, slot);
    else this.#call.answer(answer, slot);
    if (container.watch !== undefined) this.#tell(container, decision);
  }

  /** Undefined: the failure policy answers. */
  #decide(container: Container): Decision | HandedAction | undefined {
    const { tid, arch, number } = this.#call;
    if (tid === 0) {
      container.meetUnknown();
      throw new AgentError(
        'AGENT_CALLER',
        'the caller is outside of our pid namespace: run the agent in the host pid namespace',
      );
    }
    const syscall = this.#syscalls.find(arch, number);
    if (syscall === undefined) return container.decideUnknown();
    this.#current = syscall;
    for (let asked = 1; asked <= maxAsked; asked += 1) {
      const decision = container.decide(this.#call, syscall);
      if (decision?.kind !== 'perform') return decision;
      this.#decisions.act(performBit);
      // whoever watches is told what came of it
      const done = this.#performer.perform(syscall, container.watch === undefined);
      if (done.kind !== 'changed') return done;
    }
    return isStillChanging;
  }

  #find(terms: number): Container {
    const met = this.#containers.get(this.#call.token);
    const container = met?.terms === terms ? met : this.#meet();
    this.#containers.use(container);
    this.#last = container;
    return container;
  }

  /** The first call of a container on this worker, or the first one by another registry. */
  #meet(): Container {
    const container = this.#builder.build();
    this.#containers.add(this.#call.token, container);
    return container;
  }

  /** @param decision undefined: the failure policy has answered, since a handler is quarantined */
  #tell(container: Container, decision: Decision | undefined, failure?: FailureReason): void {
    const syscall = this.#current;
    this.#decisions.end(decision ?? container.failure, {
      handler: container.answeredBy,
      failure: failure ?? ownFailure(container, decision, syscall),
      syscall,
    });
  }

  #hearPerformed(): void {
    const call = this.#call;
    const handed = this.#handed.take(call.performedNumber);
    if (handed === undefined) {
      call.countPerformed(unnamedSlot);
      return;
    }
    const { container, slots } = handed;
    const failure = performedFailures.get(call.performedFailure);
    const errno = failure === undefined ? call.performedErrno : errnoOf(container.failure);
    call.countPerformed(slots.of(errno));
    if (failure !== undefined) this.#report(failure, container, handed);
  }

  /** @param of absent: the call that is answered */
  #report(thrown: unknown, container: Container | undefined, of?: HandedCall): void {
    const { token, tid, syscall } = of ?? {
      token: this.#call.token,
      tid: this.#call.tid,
      syscall: this.#current,
    };
    const callsUntold = container === undefined ? 0 : container.report();
    if (callsUntold !== undefined) {
      logFailure(this.#parts.log, thrown, { tid, syscall, container, callsUntold });
    }
    this.#parts.onFailed(callFailure(thrown, token));
  }
}
