// SPDX-License-Identifier: Apache-2.0
// One container as one worker sees it: its registry, and the instances of its handlers.
import { AgentError } from '../errors.ts';
import type { AgentErrorCode } from '../errors.ts';
import { continueAction, fail } from '../call/action.ts';
import type { Action, ChainDecision, Decision, FinalAction } from '../call/action.ts';
import type { Host } from '../call/host.ts';
import type { LoadedComponent } from '../handler/direct.ts';
import { HandlerInstance } from '../handler/instance.ts';
import { failureErrno, isStop } from '../registry/policy.ts';
import type { ContainerStop, DefaultAction } from '../registry/policy.ts';
import { isAsked } from '../registry/registry.ts';
import type { Registry, RegistryHandler } from '../registry/registry.ts';
import { withKeys } from '../registry/setting-keys.ts';
import { answerRule } from './answer-rules.ts';
import type { AnswerRule } from './answer-rules.ts';
import type { CallerRefusals } from './caller-refusals.ts';
import { RingShare } from '../observation/ring-share.ts';
import type { CallTape } from '../recording/call-tape.ts';
import { unknownSyscall } from '../counting/counters.ts';
import type { Kept } from './kept-containers.ts';
import type { Quarantine } from './quarantine.ts';
import type { ReceivedCall } from '../call/received-call.ts';
import type { AnswerSlots, ContainerSlots } from '../counting/counter-slots.ts';
import type { Syscall } from '../syscalls/syscalls.ts';
import type { CommonDigests, CommonParts, SharedRegistry } from './thread-messages.ts';

export interface ContainerParts extends SharedRegistry {
  /** Of what others may have of its registry, too; absent: nobody asks. */
  readonly digests?: CommonDigests;
  /** As of `SharedRegistry`. */
  readonly user?: number | undefined;
  /** Names the registry: as `ReceivedCall.terms`. */
  readonly terms: number;
  /** Finds a component by its id. */
  readonly component: (id: string) => LoadedComponent;
  /** Host of a handler's instance. */
  readonly hostFor: (handler: RegistryHandler, index: number) => Host;
  readonly health: Quarantine;
  readonly slots: ContainerSlots;
  /** Writes down what its handlers do; undefined: nobody wants to know. */
  readonly tape?: CallTape | undefined;
  /** Told before something that may take long. */
  readonly onSlow: () => void;
  /** Notified when a handler is quarantined. */
  readonly onQuarantined: (handler: RegistryHandler, milliseconds: number) => void;
  /** Told of a call that no handler has answered, before it fails. */
  readonly onStop: (stop: ContainerStop) => void;
  /** Whether one more failed call of the container may be told of. */
  readonly mayReport: () => boolean;
  /** Whether there is memory for another instance. */
  readonly hasRoom: () => boolean;
  /** Told how many bytes more its instances take now; below zero: less. */
  readonly onMemory: (change: number) => void;
  /** Warns of operations refused for its callers; absent: nobody reads the log. */
  readonly refusals?: CallerRefusals;
}

/** A place in the chain: the instance is made on first use and again after it broke. */
export interface Link {
  readonly handler: RegistryHandler;
  readonly index: number;
  /** Of its state in the quarantine. */
  readonly health: number;
  /** Limits of its answers; undefined: none. */
  readonly rule: AnswerRule | undefined;
  instance: HandlerInstance | undefined;
  /** Of the instance, as it was weighed last: once the memory grows, this one is detached. */
  memory: ArrayBuffer;
  /** Bytes of the instance. */
  bytes: number;
}

/** Handlers asked about a syscall, and the counters of their answers. */
export interface Chain {
  readonly syscall: Syscall;
  readonly links: readonly Link[];
  /** Of the links, and behind them that of the default. */
  readonly slots: readonly AnswerSlots[];
  /** The last call took long, so the next one may: others are to receive meanwhile. */
  isSlow: boolean;
}

function defaultActionAnswer(action: DefaultAction): FinalAction {
  if (action === 'continue') return continueAction;
  return fail(isStop(action) ? 'EPERM' : action);
}

/** Not the handler's: such as memory of a caller that cannot be read. */
const othersFaults: readonly AgentErrorCode[] = ['AGENT_CALLER', 'AGENT_MEMORY'];
const noHandler = -1;
const noMemory = new ArrayBuffer(0);
/** Approximate bytes of a chain, and of each of its handlers. */
const chainBytes = 512;
const linkBytes = 32;
/** Of one that could not even begin: nobody knows, but it is no more than that as a rule. */
const unknownBytes = 16 * 2 ** 20;

export class Container implements Kept {
  readonly registry: Registry;
  readonly digests: CommonDigests | undefined;
  /** By these digests. */
  readonly common: CommonParts;
  /** Receiver of its decisions; undefined: none. */
  readonly watch: RingShare | undefined;
  /** User that sent it; undefined: root. */
  readonly peerUid: number | undefined;
  readonly terms: number;
  readonly refusals: CallerRefusals | undefined;
  readonly #parts: ContainerParts;
  readonly #links: readonly Link[];
  readonly #chains: Map<Syscall, Chain> = new Map();
  #chainsBytes = 0;
  readonly #default: FinalAction;
  /** Stop that goes with the default action. */
  readonly #stop: ContainerStop | undefined;
  /** Number of failed calls that nobody was told of. */
  #untold = 0;
  readonly failure: FinalAction;
  /** Of calls whose number nobody knows. */
  readonly #unknownSlots: AnswerSlots;
  /** The handler that is asked, or has answered: its place in the registry; -1: none. */
  answeredBy: number = noHandler;
  /** Counters of the call that was decided last. */
  #slots: AnswerSlots;
  readonly instances: number;
  readonly place: number;
  memoryBytes = 0;
  lastUse = 0;
  /** The chain that was asked last. */
  chain: Chain | undefined;

  constructor(parts: ContainerParts) {
    this.registry = parts.registry;
    this.peerUid = parts.user;
    this.digests = parts.digests;
    this.common = { ...parts.registry, handlers: parts.base ?? parts.registry.handlers };
    this.watch = parts.watch === undefined ? undefined : new RingShare(parts.watch);
    this.terms = parts.terms;
    this.refusals = parts.refusals;
    this.#parts = parts;
    this.instances = this.registry.handlers.length;
    this.place = parts.place;
    this.#links = this.registry.handlers.map((handler, index) => ({
      handler,
      index,
      health: parts.quarantine[index] ?? -1,
      rule: handler.grants === undefined ? undefined : answerRule(handler.grants),
      instance: undefined,
      memory: noMemory,
      bytes: 0,
    }));
    const { defaultAction, failure } = this.registry;
    this.#stop = isStop(defaultAction) ? defaultAction : undefined;
    this.#default = defaultActionAnswer(defaultAction);
    const errno = failureErrno(failure);
    this.failure = errno === undefined ? continueAction : fail(errno);
    this.#unknownSlots = parts.slots.answersOf(unknownSyscall);
    this.#slots = this.#unknownSlots;
  }

  /** Counters of the call that was decided last. */
  get slots(): AnswerSlots {
    return this.#slots;
  }

  /**
   * Asks the chain.
   * @returns undefined when the failure policy has to answer: a handler that failed too often was
   *   not even asked
   * @throws AgentError when a handler fails; its instance is given up
   */
  decide(call: ReceivedCall, syscall: Syscall): ChainDecision | undefined {
    const { tape } = this.#parts;
    return tape === undefined
      ? this.#decide(call, syscall)
      : tape.record(call, syscall, () => this.#decide(call, syscall));
  }

  #decide(call: ReceivedCall, syscall: Syscall): ChainDecision | undefined {
    const chain = this.#chainOf(syscall);
    const { links, slots } = chain;
    this.chain = chain;
    if (chain.isSlow) this.#parts.onSlow();
    let place = 0;
    for (const link of links) {
      this.#slots = slots[place] ?? this.#unknownSlots;
      this.answeredBy = link.index;
      if (!this.#parts.health.mayAsk(link.health, link.handler.deadlineMs)) return undefined;
      const action = this.#ask(link, call, syscall);
      if (action.kind !== 'next') return action;
      place += 1;
    }
    this.#slots = slots[place] ?? this.#unknownSlots;
    this.answeredBy = noHandler;
    return this.#byDefault();
  }

  #byDefault(): FinalAction {
    if (this.#stop !== undefined) this.#parts.onStop(this.#stop);
    return this.#default;
  }

  giveUp(): void {
    for (const link of this.#links) this.#release(link);
    this.#chains.clear();
    this.chain = undefined;
    this.#countBytes(-this.#chainsBytes);
    this.#chainsBytes = 0;
  }

  #release(link: Link): void {
    link.instance = undefined;
    link.memory = noMemory;
    this.#count(link, 0);
  }

  /** The instance is new, or its memory has grown. */
  #weigh(link: Link): void {
    if (link.instance === undefined) return;
    link.memory = link.instance.memory;
    this.#count(link, link.memory.byteLength + link.instance.besideMemory);
  }

  #count(link: Link, bytes: number): void {
    const change = bytes - link.bytes;
    link.bytes = bytes;
    this.#countBytes(change);
  }

  #countBytes(change: number): void {
    if (change === 0) return;
    this.memoryBytes += change;
    this.#parts.onMemory(change);
  }

  /** Nobody knows what the call is. */
  meetUnknown(): void {
    this.answeredBy = noHandler;
    this.#slots = this.#unknownSlots;
  }

  /**
   * A call has failed that the log is to tell of.
   * @returns how many before it were not told of; undefined: neither is this one
   */
  report(): number | undefined {
    if (!this.#parts.mayReport()) {
      this.#untold += 1;
      return undefined;
    }
    const untold = this.#untold;
    this.#untold = 0;
    return untold;
  }

  /** The answer to a call whose architecture or number nobody knows. */
  decideUnknown(): FinalAction {
    this.meetUnknown();
    // a registry with handlers may want to refuse what it can't name here
    const isDefault = this.#links.length === 0 || this.#stop !== undefined;
    return isDefault ? this.#byDefault() : this.failure;
  }

  #ask(link: Link, call: ReceivedCall, syscall: Syscall): Action {
    const { handler, index } = link;
    const { tape } = this.#parts;
    call.enter(index, handler.deadlineMs);
    let action: Action;
    try {
      const instance = this.#instanceOf(link);
      action =
        tape === undefined
          ? instance.ask(call, syscall)
          : tape.asking(index, () => instance.ask(call, syscall));
      link.rule?.(action, syscall);
    } catch (cause) {
      throw this.#failureOf(link, cause);
    }
    if (link.memory.byteLength === 0) this.#weigh(link);
    this.#parts.health.succeeded(link.health);
    return action;
  }

  #failureOf(link: Link, cause: unknown): AgentError {
    const { handler, health } = link;
    const code = cause instanceof AgentError ? cause.code : undefined;
    if (link.instance !== undefined) this.#weigh(link);
    else if (code !== 'AGENT_MEMORY') this.#count(link, unknownBytes);
    this.#release(link);
    if (code !== undefined && othersFaults.includes(code)) this.#parts.health.left(health);
    else {
      const milliseconds = this.#parts.health.failed(health);
      if (milliseconds > 0) this.#parts.onQuarantined(handler, milliseconds);
    }
    const { name } = handler;
    if (!(cause instanceof AgentError)) {
      return new AgentError('AGENT_HANDLER_FAILED', 'handler failed', { cause, handler: name });
    }
    return new AgentError(cause.code, cause.message, { cause: cause.cause, handler: name });
  }

  #chainOf(syscall: Syscall): Chain {
    if (this.chain?.syscall === syscall) return this.chain;
    const known = this.#chains.get(syscall);
    if (known !== undefined) return known;
    const links = this.#links.filter(({ handler }) => isAsked(handler, syscall.family));
    const { slots } = this.#parts;
    const chain: Chain = {
      syscall,
      links,
      slots: [
        ...links.map(({ handler }) => slots.answersOf(syscall.name, handler)),
        slots.answersOf(syscall.name),
      ],
      // instances are made first
      isSlow: links.length > 0,
    };
    this.#chains.set(syscall, chain);
    const bytes = chainBytes + links.length * linkBytes;
    this.#chainsBytes += bytes;
    this.#countBytes(bytes);
    return chain;
  }

  #instanceOf(link: Link): HandlerInstance {
    if (link.instance !== undefined && !link.instance.isBroken) return link.instance;
    const { handler } = link;
    this.#release(link);
    if (!this.#parts.hasRoom()) {
      throw new AgentError(
        'AGENT_MEMORY',
        'no handler is started: the agent has hardly any memory left; raise its memory limit',
      );
    }
    link.instance = namingKeys(
      handler,
      () =>
        new HandlerInstance(
          this.#parts.component(handler.component),
          handler.settings,
          this.#parts.hostFor(handler, link.index),
        ),
    );
    return link.instance;
  }
}

/** Errors in settings name the keys that people have written. */
function namingKeys<T>({ settingKeys = [] }: RegistryHandler, make: () => T): T {
  try {
    return make();
  } catch (thrown) {
    if (!(thrown instanceof AgentError) || thrown.code !== 'AGENT_SETTING_INVALID') throw thrown;
    throw new AgentError(thrown.code, withKeys(thrown.message, settingKeys));
  }
}

/** Errno of the answer; 0: no error. */
export function errnoOf(answer: Decision): number {
  const final = answer.kind === 'delay' ? answer.answer : answer;
  return final.kind === 'fail' ? final.number : 0;
}
