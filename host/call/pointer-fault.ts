// SPDX-License-Identifier: Apache-2.0
// What a call gets whose pointer could not be followed.
import { AgentError } from '../errors.ts';
import { inbox } from '../native.ts';
import { fail } from './action.ts';
import type { Failure, FinalAction } from './action.ts';
import { errnoNameOf } from '../syscalls/errno.ts';

const efault = fail('EFAULT');
/** Errors of a pointer that are the caller's own; others mean that we could not look. */
const faults: ReadonlyMap<number, FinalAction> = new Map(
  (['EFAULT', 'ENAMETOOLONG', 'EINVAL', 'E2BIG', 'ERANGE'] as const).map((name) => {
    const action = fail(name);
    return [action.number, action];
  }),
);

/** Whether this is what `pointerFault` has said, and no handler. */
export function isPointerFault(failure: Failure): boolean {
  return failure === efault || faults.get(failure.number) === failure;
}

/**
 * What the kernel would say to this pointer.
 * @param length what the inbox has in place of a length
 * @throws AgentError AGENT_CALLER
 */
export function pointerFault(length: number): FinalAction {
  if (length === inbox.null) return efault;
  const fault = faults.get(-length);
  if (fault !== undefined) return fault;
  throw new AgentError(
    'AGENT_CALLER',
    length === inbox.notRead
      ? 'a pointer that a handler needs was not read'
      : `cannot read the memory of the caller: ${errnoNameOf(-length) ?? -length}`,
  );
}
