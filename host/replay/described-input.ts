// SPDX-License-Identifier: Apache-2.0
// A recorded call as people read it: `mkdir(path: "/a", mode: 511)`.
import type { DecodedValue } from '../call/received-call.ts';
import { ReceivedCall } from '../call/received-call.ts';
import { Syscalls } from '../syscalls/syscalls.ts';
import { describeBytes } from '../trial/described.ts';
import { showPlain } from '../trial/trial.ts';
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

export class InputDescriber {
  readonly #call = new ReceivedCall();
  readonly #syscalls = new Syscalls();

  describe(input: RecordedInput): string {
    const syscall = this.#syscalls.find(archIndex(input), input.number);
    if (syscall === undefined || syscall.arguments.length === 0) {
      const registers = input.registers.map((register) => `0x${register.toString(16)}`);
      return `${input.syscall}(${registers.join(', ')})`;
    }
    restoreInput(this.#call, input);
    const shown = this.#call
      .decode(syscall)
      .map(({ name, value }) => `${name}: ${showValue(value)}`);
    return `${input.syscall}(${shown.join(', ')})`;
  }
}
