// SPDX-License-Identifier: Apache-2.0
// Why there can be no registry for a container, and what its calls get.
import { AgentError } from '../errors.ts';
import type { AgentErrorCode } from '../errors.ts';
import type { ErrnoName } from '../syscalls/errno.ts';

export class ContainerRefusal extends AgentError {
  /** All of its calls fail with it. */
  readonly errno: ErrnoName;

  constructor(code: AgentErrorCode, message: string, errno: ErrnoName) {
    super(code, message);
    this.errno = errno;
  }
}
