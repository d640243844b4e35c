// SPDX-License-Identifier: Apache-2.0
// One container as one worker sees it: its registry, and the instances of its handlers.
import { AgentError } from '../errors.ts';
import { continueAction, fail } from '../handler/action.ts';
import type { Action, FinalAction } from '../handler/action.ts';
import type { CallHost } from '../handler/capability.ts';
import type { LoadedComponent } from '../handler/direct.ts';
import { HandlerInstance } from '../handler/instance.ts';
import { isAsked } from '../registry/registry.ts';
import type { Registry, RegistryHandler } from '../registry/registry.ts';
import type { ReceivedCall } from './received-call.ts';
import type { Syscall } from './syscalls.ts';

export interface ContainerParts {
  readonly registry: Registry;
  /** Finds a component by its digest. */
  readonly component: (digest: string) => LoadedComponent;
  /** What a handler's instance may ask the host for. */
  readonly hostFor: (handler: RegistryHandler, registry: Registry) => CallHost;
}

/** A place in the chain: the instance is made on first use and again after it broke. */
interface Link {
  readonly handler: RegistryHandler;
  instance: HandlerInstance | undefined;
}

export class Container {
  readonly registry: Registry;
  readonly #parts: ContainerParts;
  readonly #links: readonly Link[];
  readonly #chains: Map<Syscall, readonly Link[]> = new Map();
  readonly #default: FinalAction;
  readonly failure: FinalAction;

  constructor(parts: ContainerParts) {
    this.registry = parts.registry;
    this.#parts = parts;
    this.#links = this.registry.handlers.map((handler) => ({ handler, instance: undefined }));
    const { defaultAction, failureErrno } = this.registry;
    this.#default = defaultAction === 'continue' ? continueAction : fail(defaultAction);
    this.failure = fail(failureErrno);
  }

  /**
   * Asks the chain.
   * @throws AgentError when a handler fails; its instance is given up
   */
  decide(call: ReceivedCall, syscall: Syscall): FinalAction {
    for (const link of this.#chainOf(syscall)) {
      const action = this.#ask(link, call, syscall);
      if (action.kind !== 'next') return action;
    }
    return this.#default;
  }

  /** The answer to a call whose architecture or number nobody knows. */
  decideUnknown(): FinalAction {
    // a registry with handlers may want to refuse what it can't name here
    return this.#links.length === 0 ? this.#default : this.failure;
  }

  #ask(link: Link, call: ReceivedCall, syscall: Syscall): Action {
    try {
      return this.#instanceOf(link).ask(call, syscall);
    } catch (cause) {
      const handler = link.handler.name;
      if (!(cause instanceof AgentError)) {
        throw new AgentError('AGENT_HANDLER_FAILED', 'handler failed', { cause, handler });
      }
      throw new AgentError(cause.code, cause.message, { cause: cause.cause, handler });
    }
  }

  #chainOf(syscall: Syscall): readonly Link[] {
    const known = this.#chains.get(syscall);
    if (known !== undefined) return known;
    const chain = this.#links.filter(({ handler }) => isAsked(handler, syscall.family));
    this.#chains.set(syscall, chain);
    return chain;
  }

  #instanceOf(link: Link): HandlerInstance {
    if (link.instance !== undefined && !link.instance.isBroken) return link.instance;
    const { handler } = link;
    link.instance = new HandlerInstance(
      this.#parts.component(handler.digest),
      handler.settings,
      this.#parts.hostFor(handler, this.registry),
    );
    return link.instance;
  }
}
