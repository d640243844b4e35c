// SPDX-License-Identifier: Apache-2.0
// A call as handlers that export `any` get it.

/** One trapped call, whatever the syscall. What its arguments say: `callArguments()`. */
export class Call {
  constructor(
    /** The kernel's name of the syscall: `mkdirat`. */
    readonly syscall: string,
    /** The family it belongs to, which is the name of the export that answers it: `mkdir`. */
    readonly family: string,
    private readonly register0: u64,
    private readonly register1: u64,
    private readonly register2: u64,
    private readonly register3: u64,
    private readonly register4: u64,
    private readonly register5: u64,
  ) {}

  /** An argument register as it came, 0 to 5; there is no other: a trap. */
  register(index: i32): u64 {
    switch (index) {
      case 0:
        return this.register0;
      case 1:
        return this.register1;
      case 2:
        return this.register2;
      case 3:
        return this.register3;
      case 4:
        return this.register4;
      case 5:
        return this.register5;
      default:
        throw new RangeError('a call has six registers');
    }
  }
}
