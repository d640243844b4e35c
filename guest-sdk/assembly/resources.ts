// SPDX-License-Identifier: Apache-2.0
// Resources of a container.

/** Amounts are bytes; what is not limited is the machine's. */
export class Resources {
  constructor(
    /** Seconds since its first process began. */
    readonly uptime: u64,
    /** The machine's, in parts of 65536. */
    readonly load1: u64,
    readonly load5: u64,
    readonly load15: u64,
    /** Limit of its cgroup and those above it. */
    readonly memory: u64,
    readonly memoryFree: u64,
    readonly memoryShared: u64,
    readonly swap: u64,
    readonly swapFree: u64,
    readonly processes: u64,
  ) {}
}
