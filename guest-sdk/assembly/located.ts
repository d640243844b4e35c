// SPDX-License-Identifier: Apache-2.0
// What a path of the call leads to.

import { isAbove, isBelow } from './abi/folders';
import { FileStatus } from './file-status';
import { Path } from './path';

/** Found once, for this call alone: `perform` acts on just that. */
export class Located {
  constructor(
    /**
     * From the container's root, without symbolic links, `.` and `..`. Empty: it has no name any more,
     * or never had one; or a pipe or device is opened that the root does not lead to.
     */
    readonly path: Path,
    /** Whether something is there by that name. */
    readonly exists: bool,
    /** Whether it is where something is mounted. */
    readonly isMountPoint: bool,
    /** The mount that it is in, or that of its folder: a number that no other mount has. */
    readonly mount: u64,
    /** All numbers are 0 where nothing is there. */
    readonly status: FileStatus,
  ) {}

  /**
   * Whether it is this folder, or below it: an absolute path in the container, whose symbolic links are
   * followed. A trap where nobody can tell, so that the call fails.
   */
  isBelow(folder: string): bool {
    return isBelow(this.path, folder).value;
  }

  /** Whether this folder is there, or below it: who moves it away moves all that is below it. */
  isAbove(folder: string): bool {
    return isAbove(this.path, folder).value;
  }
}
