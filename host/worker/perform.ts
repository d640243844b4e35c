// SPDX-License-Identifier: Apache-2.0
// The action `perform`: the host does a call as it was decoded, as the caller. All of it comes from
// the inbox, which is what the handler has seen.
import { AgentError } from '../errors.ts';
import { continueAction, fail, failureByNumber, valueAction, zeroAction } from '../call/action.ts';
import type { Decision } from '../call/action.ts';
import { HostRequest, gone } from '../call/host.ts';
import type { Host } from '../call/host.ts';
import { hostFunction, performingFunction } from '../call/host-functions.ts';
import { errnoNumber } from '../syscalls/errno.ts';
import { OperationRequest } from '../handler/operation-request.ts';
import { parameterNumber } from '../call/parameter-number.ts';
import { settledByPointers } from '../call/pointer-fault.ts';
import { arches, operation, operationNumber } from '../native.ts';
import type { Parameter } from '../syscalls/parameter-source.ts';
import { performPlan, whyNotPerformed } from '../syscalls/family-table.ts';
import type { OperationPart, PerformPlan } from '../syscalls/family-table.ts';
import type { ReceivedCall } from '../call/received-call.ts';
import type { Syscall } from '../syscalls/syscalls.ts';

const closeOnExec = 0o2000000n;
/** O_PATH of <fcntl.h>. */
const openPath = 0o10000000;
/** O_EXCL. */
const onlyNew = 0o200;
/** A helper performs the call, and answers it. */
export interface HandedAction {
  readonly kind: 'handed';
}

/** Somebody has made the file that was to be made: what the handler has looked up does not hold. */
export interface ChangedAction {
  readonly kind: 'changed';
}

const handedAction: HandedAction = { kind: 'handed' };
const changedAction: ChangedAction = { kind: 'changed' };
const pathOnly = fail('EOPNOTSUPP');
/** The index in `arches`. */
const i386 = arches.indexOf('i386');
const eintr = errnoNumber('EINTR');
const eexist = errnoNumber('EEXIST');
const erange = errnoNumber('ERANGE');

/** As new_decode_dev of the kernel has it. */
function majorOf(device: number): number {
  return (device & 0xfff00) >>> 8;
}

function minorOf(device: number): number {
  return (device & 0xff) | ((device >>> 12) & 0xfff00);
}

export class Performer {
  readonly #call: ReceivedCall;
  readonly #host: Host;
  /** By the operation; made when it is first needed. */
  readonly #requests: OperationRequest[] = [];
  readonly #write = new HostRequest(hostFunction('memory', 'write'));

  constructor(call: ReceivedCall, host: Host) {
    this.#call = call;
    this.#host = host;
  }

  /**
   * Result of the call.
   * @param mayHandOver nobody but the caller has to know
   * @throws AgentError AGENT_CALLER, AGENT_HANDLER_FAILED for what `canPerform` has not
   */
  perform(syscall: Syscall, mayHandOver: boolean): Decision | HandedAction | ChangedAction {
    const plan = performPlan(syscall.family);
    if (plan === undefined) {
      throw new AgentError(
        'AGENT_HANDLER_FAILED',
        `the host cannot perform ${syscall.name}${whyNotPerformed(syscall.family)}`,
      );
    }
    const settled = settledByPointers(this.#call, syscall);
    if (settled !== undefined) return settled;
    if (plan.continuesOfDescriptor === true && syscall.isOfDescriptor) return continueAction;
    const request = (this.#requests[plan.operation] ??= new OperationRequest(
      performingFunction(plan.operation),
    ));
    request.begin();
    request.memory = this.#call.bytes;
    if (plan.isOfDescriptor === true) request.setOfDescriptor();
    if (syscall.name === 'openat2') request.setStrict();
    if (plan.result === 'descriptor') request.setGiven();
    if (mayHandOver) request.setFinal();
    for (const parameter of syscall.parameters) {
      if (parameter.part !== undefined) this.#set(request, parameter, parameter.part);
    }
    return this.#do(request, plan, syscall);
  }

  #set(request: OperationRequest, parameter: Parameter, part: OperationPart): void {
    const { source } = parameter;
    switch (part) {
      case 'path':
      case 'second-path':
      case 'name':
      case 'value': {
        if (source.from !== 'bytes') {
          request.setText(part, 0, 0);
          return;
        }
        const { index, skip } = source;
        const length = this.#call.pointerLength(index) - skip;
        if (length >= 0) request.setText(part, this.#call.pointerOffset(index) + skip, length);
        else if (part === 'path') request.setOfDescriptor();
        break;
      }
      case 'device': {
        const device = Number(parameterNumber(this.#call, parameter));
        request.setDevice(majorOf(device), minorOf(device));
        break;
      }
      case 'length':
        request.setLength(parameterNumber(this.#call, parameter));
        break;
      case 'open-flags':
      case 'resolve':
        request.setWide(part, parameterNumber(this.#call, parameter));
        break;
      case 'mode':
      case 'first':
      case 'second':
      case 'at-flags':
      case 'xattr-flags':
      case 'own-flags':
        request.setNumber(part, Number(parameterNumber(this.#call, parameter)));
    }
  }

  #do(
    request: OperationRequest,
    plan: PerformPlan,
    syscall: Syscall,
  ): Decision | HandedAction | ChangedAction {
    if (plan.result === 'descriptor' && isPathOnly(request)) return ofPathOnly(syscall);
    const errno = request.check() || this.#host.call(request);
    if (errno === eexist && plan.operation === operation.open && !isExclusive(request)) {
      return changedAction;
    }
    if (errno !== 0) return failureOf(errno);
    if (request.numbers[operationNumber.isHanded] === 1) return handedAction;
    switch (plan.result) {
      case 'zero':
        return zeroAction;
      case 'descriptor':
        return this.#descriptor(request, syscall);
      case 'bytes':
        return this.#giveBack(request, syscall);
    }
  }

  #descriptor({ numbers }: OperationRequest, { parameters }: Syscall): Decision {
    const given = numbers[operationNumber.given] ?? -1;
    if (given >= 0) return valueAction(BigInt(given)) ?? zeroAction;
    const flags = parameters.find(({ name }) => name === 'flags');
    return {
      kind: 'descriptor',
      descriptor: numbers[operationNumber.descriptor] ?? 0,
      isCloseOnExec:
        flags !== undefined && (parameterNumber(this.#call, flags) & closeOnExec) !== 0n,
    };
  }

  /** Of getxattr(2) and listxattr(2): a room of 0 asks how much is needed. */
  #giveBack({ result, length }: OperationRequest, syscall: Syscall): Decision {
    const action = valueAction(BigInt(length)) ?? zeroAction;
    const size = this.#sizeOf(syscall);
    if (size === 0n) return action;
    if (BigInt(length) > size) return failureByNumber(erange);
    if (length === 0) return action;
    const index = syscall.arguments.findIndex(
      ({ kind }) =>
        kind.type === 'pointer' && (kind.memory === 'room' || kind.memory === 'room-of-struct'),
    );
    const write = this.#write;
    write.argument = index;
    write.bytes = result.subarray(0, length);
    const errno = this.#host.call(write);
    return errno === 0 ? action : failureOf(errno);
  }

  #sizeOf({ parameters }: Syscall): bigint {
    const size = parameters.find(({ name }) => name === 'size');
    const given = size === undefined ? 0n : parameterNumber(this.#call, size);
    // of 32-bit calls, which have nothing above
    return this.#call.arch === i386 ? BigInt.asUintN(32, given) : given;
  }
}

/**
 * The kernel installs no descriptor that was opened with O_PATH for another process. It is a name
 * alone: whatever is done with it is another call. In memory, though, the flags may be others by the
 * time that the kernel reads them.
 */
function ofPathOnly({ parameters }: Syscall): Decision {
  const flags = parameters.find(({ part }) => part === 'open-flags');
  return flags?.source.from === 'register' ? continueAction : pathOnly;
}

function isPathOnly({ numbers }: OperationRequest): boolean {
  return ((numbers[operationNumber.flags] ?? 0) & openPath) !== 0;
}

/** The kernel says EEXIST of no other open. */
function isExclusive({ numbers }: OperationRequest): boolean {
  return ((numbers[operationNumber.flags] ?? 0) & onlyNew) !== 0;
}

function failureOf(errno: number): Decision {
  return failureByNumber(errno === gone ? eintr : errno);
}
