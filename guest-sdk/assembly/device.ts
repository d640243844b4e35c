// SPDX-License-Identifier: Apache-2.0
// Which device a node stands for.

/** Similar to makedev(3). */
export class Device {
  constructor(
    readonly major: u32,
    readonly minor: u32,
  ) {}

  /** Whether it is the device with these numbers. */
  equals(major: u32, minor: u32): bool {
    return this.major == major && this.minor == minor;
  }
}
