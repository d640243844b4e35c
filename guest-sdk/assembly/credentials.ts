// SPDX-License-Identifier: Apache-2.0
// Who a caller is.

/** Similar to the ids of credentials(7). */
export class Ids {
  constructor(
    readonly real: u32,
    readonly effective: u32,
    readonly saved: u32,
    readonly filesystem: u32,
  ) {}
}

/** Sets of Linux capabilities, a bit for each, see capabilities(7). */
export class LinuxCapabilities {
  constructor(
    readonly inheritable: u64,
    readonly permitted: u64,
    readonly effective: u64,
    readonly bounding: u64,
    readonly ambient: u64,
  ) {}
}

/** Ids are those of the host's user namespace. */
export class Credentials {
  constructor(
    readonly uid: Ids,
    readonly gid: Ids,
    readonly groups: StaticArray<u32>,
    readonly umask: u32,
    readonly noNewPrivileges: bool,
    readonly capabilities: LinuxCapabilities,
  ) {}
}
