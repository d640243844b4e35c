// SPDX-License-Identifier: Apache-2.0
// Status of a file.

import { Device } from './device';

/** Similar to what statx(2) tells. */
export class FileStatus {
  constructor(
    /** The device that holds it. */
    readonly holder: Device,
    readonly inode: u64,
    /** Its type and permissions. */
    readonly mode: u32,
    readonly links: u64,
    /**
     * In the host's user namespace, as the caller's credentials are; 0xffffffff: it has no number in
     * the caller's, or the one that all have there that have none (65534).
     */
    readonly uid: u32,
    /** The same of its group. */
    readonly gid: u32,
    /** The device that it stands for, where it is one. */
    readonly device: Device,
    readonly size: u64,
    /** In units of 512 bytes. */
    readonly blocks: u64,
    /** Nanoseconds since 1970. */
    readonly accessed: i64,
    /** Nanoseconds since 1970. */
    readonly modified: i64,
    /** Nanoseconds since 1970. */
    readonly changed: i64,
    /** `ST_NODEV` and others of statvfs(3): how the file system is mounted. */
    readonly mountFlags: u64,
  ) {}
}
