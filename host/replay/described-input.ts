// SPDX-License-Identifier: Apache-2.0
// A recorded call as people read it: `mkdir(path: "/a", mode: 511)`.
import type { DecodedArgument, DecodedValue } from '../call/received-call.ts';
import { ReceivedCall } from '../call/received-call.ts';
import { Syscalls } from '../syscalls/syscalls.ts';
import { describeBytes } from '../trial/described.ts';
import { showPlain } from '../trial/trial.ts';
import type { Plain } from '../trial/yaml-value.ts';
import { archIndex, restoreInput } from '../recording/recorded-call.ts';
import type { RecordedInput } from '../recording/recorded-call.ts';

const maxShown = 200;

function showValue(value: DecodedValue): string {
  switch (value.kind) {
    case 'integer':
      return String(value.value);
    case 'bytes':
      return showPlain(describeBytes(value.bytes)).slice(0, maxShown);
    case 'null':
      return 'NULL';
    case 'fault':
      return `(${value.errno})`;
    case 'unread':
      return '…';
  }
}

function describeValue(value: DecodedValue): Plain {
  switch (value.kind) {
    case 'integer':
      return value.value;
    case 'bytes':
      return describeBytes(value.bytes);
    case 'null':
      return null;
    case 'fault':
      return { fault: value.errno };
    case 'unread':
      return { unread: true };
  }
}

function shownRegisters({ registers }: RecordedInput): readonly string[] {
  return registers.map((register) => `0x${register.toString(16)}`);
}

export class InputDescriber {
  readonly #call = new ReceivedCall();
  readonly #syscalls = new Syscalls();

  describe(input: RecordedInput): string {
    const shown =
      this.#decoded(input)?.map(({ name, value }) => `${name}: ${showValue(value)}`) ??
      shownRegisters(input);
    return `${input.syscall}(${shown.join(', ')})`;
  }

  /** Arguments by their names, or the registers of a call whose arguments nobody knows. */
  describeArguments(input: RecordedInput): Plain {
    const decoded = this.#decoded(input);
    if (decoded === undefined) return shownRegisters(input);
    return Object.fromEntries(decoded.map(({ name, value }) => [name, describeValue(value)]));
  }

  #decoded(input: RecordedInput): readonly DecodedArgument[] | undefined {
    const syscall = this.#syscalls.find(archIndex(input), input.number);
    if (syscall === undefined || syscall.arguments.length === 0) return undefined;
    restoreInput(this.#call, input);
    return this.#call.decode(syscall);
  }
}
