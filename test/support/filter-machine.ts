// SPDX-License-Identifier: Apache-2.0
// Runs a seccomp filter as the kernel would: classic BPF over struct seccomp_data, see
// seccomp(2) and the kernel's networking/filter.rst. It knows the instructions that our filters use.

/** SECCOMP_RET_* of <linux/seccomp.h>, and what goes with them. */
export type Verdict =
  | { readonly kind: 'allow' }
  | { readonly kind: 'notify' }
  | { readonly kind: 'errno'; readonly number: number };

const instructionSize = 8;
/** BPF_MAXINSNS. */
export const maxInstructions = 4096;

const code = { load: 0x20, jump: 0x05, jumpIfEqual: 0x15, answer: 0x06 } as const;
const action = { allow: 0x7fff_0000, notify: 0x7fc0_0000, errno: 0x0005_0000 } as const;
const offset = { number: 0, arch: 4 } as const;

export class FilterMachine {
  readonly #program: DataView;

  /** @param program struct sock_filter, one after the other */
  constructor(program: Uint8Array) {
    if (program.length === 0 || program.length % instructionSize !== 0) {
      throw new Error(`a filter is no ${program.length} bytes long`);
    }
    this.#program = new DataView(program.buffer, program.byteOffset, program.byteLength);
  }

  get length(): number {
    return this.#program.byteLength / instructionSize;
  }

  /** Decision of the filter on a call. */
  judge(arch: number, number: number): Verdict {
    let accumulator = 0;
    for (let at = 0; at < this.length; at += 1) {
      const place = at * instructionSize;
      const operand = this.#program.getUint32(place + 4, true);
      const opcode = this.#program.getUint16(place, true);
      switch (opcode) {
        case code.load:
          accumulator = FilterMachine.#field(operand, arch, number);
          break;
        case code.jump:
          at += operand;
          break;
        case code.jumpIfEqual:
          at += this.#program.getUint8(place + (accumulator === operand ? 2 : 3));
          break;
        case code.answer:
          return FilterMachine.#verdict(operand);
        default:
          throw new Error(`instruction ${at} has the unknown code ${opcode}`);
      }
    }
    throw new Error('the filter ends without an answer');
  }

  static #field(from: number, arch: number, number: number): number {
    if (from === offset.arch) return arch >>> 0;
    if (from === offset.number) return number >>> 0;
    throw new Error(`the filter loads from the offset ${from}`);
  }

  static #verdict(operand: number): Verdict {
    if (operand === action.allow) return { kind: 'allow' };
    if (operand === action.notify) return { kind: 'notify' };
    if ((operand & 0xffff_0000) === action.errno) {
      return { kind: 'errno', number: operand & 0xffff };
    }
    throw new Error(`the filter answers 0x${operand.toString(16)}`);
  }
}
