// SPDX-License-Identifier: Apache-2.0
// Numbers among the parameters of a call.
import type { Parameter } from '../syscalls/parameter-source.ts';
import type { ReceivedCall } from './received-call.ts';

/** Negative only where its form is signed. */
export function parameterNumber(call: ReceivedCall, { source }: Parameter): bigint {
  switch (source.from) {
    case 'constant':
      return BigInt(source.value);
    case 'field':
      return call.fieldNumber(source.index, source);
    case 'bytes':
      return 0n;
    case 'register':
      return call.argument(source.index, source.form);
  }
}
