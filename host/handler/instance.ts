// SPDX-License-Identifier: Apache-2.0
// One instance of a handler: for one container and one worker. Anything thrown out of it ends it.
import { AgentError } from '../errors.ts';
import { inbox } from '../native.ts';
import type { ReceivedCall } from '../notification/received-call.ts';
import type { Parameter, Syscall } from '../notification/syscalls.ts';
import { continueAction, fail, failureByOrdinal, nextAction, valueAction } from './action.ts';
import type { Action } from './action.ts';
import { interfaceName } from './capability.ts';
import type { CallHost } from './capability.ts';
import { instantiate } from './core-exports.ts';
import type { CoreExport, CoreExports, CoreValue } from './core-exports.ts';
import { capabilities } from './direct.ts';
import type { LoadedComponent } from './direct.ts';
import { errnoNameOf } from './errno.ts';
import { Guest } from './guest.ts';
import type { EncodedText } from './guest.ts';

/** Name and value of each setting. */
export type Settings = readonly (readonly [key: string, value: string])[];

const actionSize = 16;
const actionPayload = 8;
/** result<_, string>: the tag, then pointer and length. */
const configureResultSize = 12;
const pairSize = 16;

const efault = fail('EFAULT');
/** Errors of a pointer that are the caller's own; others mean that we could not look. */
const faults: ReadonlyMap<number, Action> = new Map(
  (['EFAULT', 'ENAMETOOLONG', 'EINVAL'] as const).map((name) => {
    const action = fail(name);
    return [action.number, action];
  }),
);

/** An export and what is called after its result was read. */
interface Answer {
  readonly call: CoreExport;
  readonly postReturn: CoreExport | undefined;
}

export class HandlerInstance {
  readonly #guest: Guest;
  readonly #answers: Map<string, Answer> = new Map();
  readonly #any: Answer | undefined;
  readonly #names: Map<string, EncodedText> = new Map();
  readonly #values: CoreValue[] = [];
  #isBroken = false;

  /**
   * Instantiates and configures.
   * @throws AgentError AGENT_HANDLER_FAILED, AGENT_SETTING_INVALID
   */
  constructor(component: LoadedComponent, settings: Settings, host: CallHost) {
    let guest: Guest | undefined;
    const imports = importsFor(component, host, () => {
      if (guest === undefined) throw new WebAssembly.RuntimeError('host call while starting');
      return guest;
    });
    const exports = this.#guarded('instantiate', () => instantiate(component.module, imports));
    this.#guest = new Guest(exports.memory, exports.reallocate, component.encoding);
    guest = this.#guest;
    for (const name of component.answers) this.#answers.set(name, answerOf(exports, name));
    this.#any = this.#answers.get('any');
    if (component.isConfigurable) this.#configure(answerOf(exports, 'configure'), settings);
  }

  get isBroken(): boolean {
    return this.#isBroken;
  }

  /**
   * Asks the handler about a call: its export for the family, else `any`.
   * @throws AgentError AGENT_HANDLER_FAILED, AGENT_CALLER; the instance is then broken
   */
  ask(call: ReceivedCall, syscall: Syscall): Action {
    if (this.#isBroken) throw failed('instance was used after it broke');
    const typed = this.#answers.get(syscall.family);
    if (typed === undefined) return this.#askAny(call, syscall);
    // set before and cleared after: a termination runs no catch clause
    this.#isBroken = true;
    let action: Action;
    try {
      const fault = this.#lower(call, syscall.parameters);
      action = fault ?? this.#run(typed);
    } catch (cause) {
      throw this.#ended(cause, syscall);
    }
    this.#isBroken = false;
    return action;
  }

  #askAny(call: ReceivedCall, syscall: Syscall): Action {
    if (this.#any === undefined) return nextAction;
    this.#isBroken = true;
    let action: Action;
    try {
      const guest = this.#guest;
      const name = this.#name(syscall.name);
      const namePointer = guest.putText(name);
      const family = this.#name(syscall.family);
      const familyPointer = guest.putText(family);
      guest.isInCall = true;
      const pointer = this.#any.call(
        namePointer,
        name.length,
        familyPointer,
        family.length,
        call.register(0),
        call.register(1),
        call.register(2),
        call.register(3),
        call.register(4),
        call.register(5),
      );
      action = this.#finish(pointer, this.#any);
    } catch (cause) {
      throw this.#ended(cause, syscall);
    }
    this.#isBroken = false;
    return action;
  }

  #ended(cause: unknown, syscall: Syscall): AgentError {
    this.#guest.isInCall = false;
    return cause instanceof AgentError
      ? cause
      : new AgentError('AGENT_HANDLER_FAILED', `handler failed at ${syscall.name}`, { cause });
  }

  /** Syscall names are few, and encoded once. */
  #name(text: string): EncodedText {
    const known = this.#names.get(text);
    if (known !== undefined) return known;
    const encoded = this.#guest.encode(text);
    this.#names.set(text, encoded);
    return encoded;
  }

  /** Puts the parameters into `#values`; an action when a pointer is the caller's own mistake. */
  #lower(call: ReceivedCall, parameters: readonly Parameter[]): Action | undefined {
    const values = this.#values;
    values.length = 0;
    for (const { kind, index } of parameters) {
      if (index < 0) {
        values.push(0);
        if (kind === 'ulong') values[values.length - 1] = 0n;
        if (kind === 'source' || kind === 'mount-data') values.push(0, 0);
        continue;
      }
      switch (kind) {
        case 'mode':
          values.push(call.mode(index));
          break;
        case 'uint':
          values.push(call.low(index) | 0);
          break;
        case 'ulong':
          values.push(call.register(index));
          break;
        case 'path':
        case 'source':
        case 'mount-data': {
          const length = call.pointerLength(index);
          if (length < 0) {
            const fault =
              kind === 'path' || length !== inbox.null ? pointerFault(length) : undefined;
            if (fault !== undefined) return fault;
            values.push(0, 0, 0);
            break;
          }
          if (kind !== 'path') values.push(1);
          values.push(this.#guest.putBytes(call.bytes, call.pointerOffset(index), length), length);
          break;
        }
        case 'dirfd':
          break;
      }
    }
    return undefined;
  }

  #run(answer: Answer): Action {
    this.#guest.isInCall = true;
    return this.#finish(answer.call(...this.#values), answer);
  }

  #finish(pointer: number, { postReturn }: Answer): Action {
    const guest = this.#guest;
    guest.isInCall = false;
    const offset = guest.checked(pointer, actionSize, 8);
    const action = this.#lift(offset);
    postReturn?.(pointer);
    return action;
  }

  #lift(offset: number): Action {
    const guest = this.#guest;
    switch (guest.u8(offset)) {
      case 0: {
        const value = guest.s64(offset + actionPayload);
        return valueAction(value) ?? guest.trap(`value(${value}) would be taken for an error`);
      }
      case 1: {
        const ordinal = guest.u8(offset + actionPayload);
        return failureByOrdinal(ordinal) ?? guest.trap(`errno has no case ${ordinal}`);
      }
      case 2:
        return continueAction;
      case 3:
        return nextAction;
      default:
        return guest.trap('action has no such case');
    }
  }

  #configure({ call, postReturn }: Answer, settings: Settings): void {
    const reason = this.#guarded('configure', () => {
      const guest = this.#guest;
      const list = guest.allocate(Math.max(settings.length, 1) * pairSize, 4);
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
      const text = isRefusal ? guest.text(guest.u32(offset + 4), guest.u32(offset + 8)) : undefined;
      postReturn?.(pointer);
      return text;
    });
    if (reason !== undefined) {
      this.#isBroken = true;
      throw new AgentError('AGENT_SETTING_INVALID', `handler refuses its settings: ${reason}`);
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

function answerOf(exports: CoreExports, name: string): Answer {
  const call = exports.function(name);
  if (call === undefined) throw failed(`export ${name} is missing`);
  return { call, postReturn: exports.function(`cabi_post_${name}`) };
}

function failed(message: string, cause?: unknown): AgentError {
  return new AgentError('AGENT_HANDLER_FAILED', message, cause === undefined ? {} : { cause });
}

/** What the kernel would say to this pointer. */
function pointerFault(length: number): Action {
  if (length === inbox.null) return efault;
  const fault = faults.get(-length);
  if (fault !== undefined) return fault;
  throw new AgentError(
    'AGENT_CALLER',
    length === inbox.notRead
      ? 'a pointer that a handler needs was not read'
      : `cannot read the memory of the caller: ${errnoNameOf(-length) ?? -length}`,
  );
}

function importsFor(
  component: LoadedComponent,
  host: CallHost,
  guest: () => Guest,
): Record<string, Record<string, WebAssembly.ImportValue>> {
  const imports: Record<string, Record<string, WebAssembly.ImportValue>> = {};
  for (const { name, functions } of capabilities) {
    if (!component.imports.includes(name)) continue;
    const linked: Record<string, WebAssembly.ImportValue> = {};
    for (const [key, { link }] of functions) linked[key] = link(guest, host);
    imports[interfaceName(name)] = linked;
  }
  return imports;
}
