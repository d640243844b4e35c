// SPDX-License-Identifier: Apache-2.0
// The answer to a call whose pointer could not be followed.
import { AgentError } from '../errors.ts';
import { inbox } from '../native.ts';
import { fail, zeroAction } from './action.ts';
import type { Failure, FinalAction } from './action.ts';
import type { ReceivedCall } from './received-call.ts';
import { errnoNameOf } from '../syscalls/errno.ts';
import { currentDirectory } from '../syscalls/kinds/dirfd.ts';
import type { WhenNull } from '../syscalls/parameter-source.ts';
import type { Syscall } from '../syscalls/syscalls.ts';

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

/** Whether a pointer of NULL is one that the kernel could not follow. */
function isNullFault(call: ReceivedCall, whenNull: WhenNull): boolean {
  if (typeof whenNull === 'string') return whenNull === 'fault';
  return (call.low(whenNull.descriptor) | 0) === currentDirectory;
}

/**
 * The kernel's answer to the pointers alone; undefined: none yet.
 * @throws AgentError AGENT_CALLER
 */
export function settledByPointers(
  call: ReceivedCall,
  { followed }: Syscall,
): FinalAction | undefined {
  for (const { index, whenNull, isNothingAsked } of followed) {
    const length = call.pointerLength(index);
    if (length === inbox.null) {
      if (isNullFault(call, whenNull)) return pointerFault(length);
      continue;
    }
    if (length < 0) return pointerFault(length);
    if (isNothingAsked === undefined) continue;
    const offset = call.pointerOffset(index);
    if (isNothingAsked(call.bytes.subarray(offset, offset + length))) return zeroAction;
  }
  return undefined;
}

/**
 * The errno of the kernel for this pointer.
 * @param length the value of the inbox in place of a length
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
