// SPDX-License-Identifier: Apache-2.0
// One instance of a handler: for one container and one worker. Anything thrown out of it ends it.
import { AgentError } from '../errors.ts';
import { inbox } from '../native.ts';
import { canPerform, whyNotPerformed } from '../syscalls/family-table.ts';
import type { ReceivedCall } from '../call/received-call.ts';
import type { Syscall } from '../syscalls/syscalls.ts';
import {
  continueAction,
  delayed,
  failureByOrdinal,
  longestDelayMs,
  nextAction,
  performAction,
  valueAction,
  zeroAction,
} from '../call/action.ts';
import type { Action, Decision, DescriptorAction, FinalAction } from '../call/action.ts';
import { interfaceName } from './interface-name.ts';
import type { Host } from '../call/host.ts';
import { hostFunction } from '../call/host-functions.ts';
import { placeName } from './call-names.ts';
import { instantiate, instantiateComposition, linkTrampoline } from './core-exports.ts';
import type { CoreExports, HostFunctions, Trampoline, TrampolineFunction } from './core-exports.ts';
import { capabilities } from './capabilities/offered.ts';
import type { LoadedComponent } from './direct.ts';
import { Guest } from './guest.ts';
import { pointerFault, settledByPointers } from '../call/pointer-fault.ts';
import { anyFunction } from './trampoline.ts';
import type { Outcome } from './trampoline.ts';

/** Name and value of each setting. */
export type Settings = readonly (readonly [key: string, value: string])[];

/** variant action: the tag, then a payload aligned to 8. */
/** result<_, string>: the tag, then pointer and length. */
const configureResultSize = 12;
const pairSize = 16;
/** Of what a handler says about its settings, which goes into logs and events. */
const maxRefusalCharacters = 1024;

/** Way to ask about one syscall: a function of the trampoline and its arguments. */
interface Way {
  readonly ask: TrampolineFunction;
  readonly syscallName: number;
  readonly familyName: number;
}

export class HandlerInstance {
  readonly #component: LoadedComponent;
  readonly #exports: CoreExports;
  readonly #guest: Guest;
  #trampoline: Trampoline | undefined;
  readonly #ways: Map<Syscall, Way> = new Map();
  /** Callers often repeat a syscall. */
  #lastSyscall: Syscall | undefined;
  #lastWay: Way | undefined;
  #isBroken = false;

  /**
   * Instantiates and configures.
   * @throws AgentError AGENT_HANDLER_FAILED, AGENT_SETTING_INVALID
   */
  constructor(component: LoadedComponent, settings: Settings, host: Host) {
    let guest: Guest | undefined;
    const imports = importsFor(component, host, () => {
      if (guest === undefined) throw new WebAssembly.RuntimeError('host call while starting');
      guest.requireCall();
      return guest;
    });
    const exports = this.#guarded('instantiate', () => instantiateCode(component, imports));
    this.#component = component;
    this.#exports = exports;
    this.#guest = new Guest(exports.memory, exports.reallocate, component.encoding);
    guest = this.#guest;
    if (component.isConfigurable) this.#configure(settings);
  }

  get isBroken(): boolean {
    return this.#isBroken;
  }

  /** Bytes besides its memory. */
  get besideMemory(): number {
    return this.#component.instanceBytes;
  }

  /** All of it. When it grows there is another one, and this one is detached. */
  get memory(): ArrayBuffer {
    return this.#exports.memory.buffer;
  }

  /**
   * Asks the handler about a call: its export for the family, else `any`.
   * @throws AgentError AGENT_HANDLER_FAILED, AGENT_CALLER; the instance is then broken
   */
  ask(call: ReceivedCall, syscall: Syscall): Action {
    if (this.#isBroken) throw failed('instance was used after it broke');
    const linked = this.#trampoline;
    const trampoline = linked?.inboxMemory === call.memory ? linked : this.#link(call.memory);
    const way = syscall === this.#lastSyscall ? this.#lastWay : this.#recall(syscall, trampoline);
    if (way === undefined) return nextAction;
    // set before and cleared after: a termination runs no catch clause
    this.#isBroken = true;
    let action: Action;
    try {
      const outcome = way.ask(way.syscallName, way.familyName);
      action =
        outcome < 0
          ? (settledByPointers(call, syscall) ?? pointerFault(call.pointerLength(-1 - outcome)))
          : this.#lift(outcome, trampoline);
      if (action === performAction) this.#checkPerform(call, syscall);
    } catch (cause) {
      throw cause instanceof AgentError
        ? cause
        : new AgentError('AGENT_HANDLER_FAILED', `handler failed at ${syscall.name}`, { cause });
    }
    this.#isBroken = false;
    return action;
  }

  #link(inboxMemory: WebAssembly.Memory): Trampoline {
    const guest = this.#guest;
    const trampoline = this.#guarded('link', () =>
      linkTrampoline(this.#component.trampoline, this.#exports, {
        inboxMemory,
        misaligned: () => guest.trap('misaligned pointer from the handler'),
      }),
    );
    guest.inCall = trampoline.inCall;
    this.#trampoline = trampoline;
    this.#ways.clear();
    this.#lastSyscall = undefined;
    return trampoline;
  }

  #recall(syscall: Syscall, trampoline: Trampoline): Way | undefined {
    let way = this.#ways.get(syscall);
    if (way === undefined) {
      way = this.#wayTo(syscall, trampoline);
      if (way !== undefined) this.#ways.set(syscall, way);
    }
    this.#lastSyscall = syscall;
    this.#lastWay = way;
    return way;
  }

  /** The export for the family, else `any`; undefined when there is neither. */
  #wayTo(syscall: Syscall, trampoline: Trampoline): Way | undefined {
    const { answers, encoding } = this.#component;
    const isTyped = answers.includes(syscall.family);
    const ask = trampoline.function(isTyped ? syscall.key : anyFunction);
    if (ask === undefined) return undefined;
    if (isTyped) return { ask, syscallName: 0, familyName: 0 };
    const { buffer } = trampoline.inboxMemory;
    return {
      ask,
      syscallName: placeName(buffer, syscall.name, encoding),
      familyName: placeName(buffer, syscall.family, encoding),
    };
  }

  #lift(outcome: Outcome, trampoline: Trampoline): Action {
    switch (outcome & 0xff) {
      case 0:
        return outcome >>> 24 === 0 ? this.#liftValue(trampoline.payload.value) : zeroAction;
      case 1:
        return this.#liftFailure((outcome >>> 8) & 0xff);
      case 2:
        return continueAction;
      case 3:
        return nextAction;
      case 4:
        return this.#liftLate((outcome >>> 16) & 0xff, trampoline);
      case 5:
        return performAction;
      case 6:
        return this.#liftDescriptor(trampoline.payload.value);
      default:
        return this.#guest.trap('action has no such case');
    }
  }

  /** A handler that lets the host do what it can't, or has not seen, is wrong. */
  #checkPerform(call: ReceivedCall, { name, family, parameters }: Syscall): void {
    if (!canPerform(family)) {
      this.#guest.trap(`the host cannot perform ${name}${whyNotPerformed(family)}`);
    }
    const isUnread = parameters.some(
      ({ source }) =>
        (source.from === 'bytes' || source.from === 'field') &&
        call.pointerLength(source.index) === inbox.notRead,
    );
    if (isUnread) this.#guest.trap(`perform of ${name} needs the interface "arguments"`);
  }

  /** record given: the index, and a bool behind it. */
  #liftDescriptor(payload: bigint): DescriptorAction {
    return {
      kind: 'descriptor',
      descriptor: Number(BigInt.asUintN(32, payload)),
      isCloseOnExec: ((payload >> 32n) & 0xffn) !== 0n,
    };
  }

  #liftLate(tag: number, { payload, late }: Trampoline): Decision {
    const answer = this.#liftLateAnswer(tag, late.value);
    const milliseconds = BigInt.asUintN(64, payload.value);
    return (
      delayed(milliseconds, answer) ??
      this.#guest.trap(`delay of ${milliseconds} ms is more than ${longestDelayMs}`)
    );
  }

  #liftLateAnswer(tag: number, payload: bigint): FinalAction {
    switch (tag) {
      case 0:
        return this.#liftValue(payload);
      case 1:
        return this.#liftFailure(Number(payload & 0xffn));
      case 2:
        return continueAction;
      default:
        return this.#guest.trap('late answer has no such case');
    }
  }

  #liftValue(value: bigint): FinalAction {
    return valueAction(value) ?? this.#guest.trap(`value(${value}) would be taken for an error`);
  }

  #liftFailure(ordinal: number): FinalAction {
    return failureByOrdinal(ordinal) ?? this.#guest.trap(`errno has no case ${ordinal}`);
  }

  #configure(settings: Settings): void {
    const call = this.#exports.function('configure');
    const postReturn = this.#exports.function('cabi_post_configure');
    if (call === undefined) throw failed('export configure is missing');
    const reason = this.#guarded('configure', () => {
      const guest = this.#guest;
      const list = guest.allocateItems(settings.length, pairSize, 4);
      settings.forEach((pair, index) => {
        pair.forEach((text, half) => {
          const encoded = guest.encode(text);
          const pointer = guest.putText(encoded);
          const at = list + index * pairSize + half * 8;
          guest.setU32(at, pointer);
          guest.setU32(at + 4, encoded.length);
        });
      });
      const pointer = call(list, settings.length);
      const offset = guest.checked(pointer, configureResultSize, 4);
      const isRefusal = guest.u8(offset) !== 0;
      const text = isRefusal
        ? guest.text(guest.u32(offset + 4), guest.u32(offset + 8), maxRefusalCharacters)
        : undefined;
      postReturn?.(pointer);
      return text;
    });
    if (reason !== undefined) {
      this.#isBroken = true;
      throw new AgentError('AGENT_SETTING_INVALID', `handler rejected its settings: ${reason}`);
    }
  }

  #guarded<T>(step: string, work: () => T): T {
    this.#isBroken = true;
    let result: T;
    try {
      result = work();
    } catch (cause) {
      throw cause instanceof AgentError ? cause : failed(`cannot ${step}`, cause);
    }
    this.#isBroken = false;
    return result;
  }
}

function failed(message: string, cause?: unknown): AgentError {
  return new AgentError('AGENT_HANDLER_FAILED', message, cause === undefined ? {} : { cause });
}

function instantiateCode({ code }: LoadedComponent, imports: HostFunctions): CoreExports {
  return code.kind === 'direct'
    ? instantiate(code.module, imports)
    : instantiateComposition(code.composition, imports);
}

/** All that an instance may import, by its interfaces. */
const offered = capabilities.map(({ name, functions }) => ({
  name,
  module: interfaceName(name),
  functions: [...functions].map(([key, { link }]) => ({ key, link, of: hostFunction(name, key) })),
}));

function importsFor(component: LoadedComponent, host: Host, guest: () => Guest): HostFunctions {
  const imports: HostFunctions = {};
  for (const { name, module, functions } of offered) {
    if (!component.imports.includes(name)) continue;
    const linked: Record<string, WebAssembly.ImportValue> = {};
    for (const { key, link, of } of functions) linked[key] = link(guest, host, of);
    imports[module] = linked;
  }
  return imports;
}
