// SPDX-License-Identifier: Apache-2.0
// Why there can be no registry for a container, and what its calls get.
import type { Bundle } from '../bundles/bundle.ts';
import { AgentError, messageOf, passingCodeOf } from '../errors.ts';
import type { AgentErrorCode } from '../errors.ts';
import { refusalErrno, strictestFailure } from '../registry/policy.ts';
import type { Policies } from '../registry/policy.ts';
import type { ErrnoName } from '../syscalls/errno.ts';

export class ContainerRefusal extends AgentError {
  /** All of its calls fail with it. */
  readonly errno: ErrnoName;

  constructor(code: AgentErrorCode, message: string, errno: ErrnoName) {
    super(code, message);
    this.errno = errno;
  }
}

/** An error of a container becomes a refusal, with the errno of the known bundles. */
export function refusing<T>(policies: Policies, bundles: readonly Bundle[], work: () => T): T {
  try {
    return work();
  } catch (cause) {
    if (!(cause instanceof AgentError) || cause instanceof ContainerRefusal) throw cause;
    const errno = refusalErrno(strictestFailure(bundles, policies));
    throw new ContainerRefusal(passingCodeOf(cause) ?? cause.code, messageOf(cause), errno);
  }
}
