// SPDX-License-Identifier: Apache-2.0
// Answers of the addon to calls that exceeded their deadline.
import { actingLink } from '../native.ts';
import { defaultFailure, failureErrno } from '../registry/policy.ts';
import type { FailurePolicy } from '../registry/policy.ts';
import type { Ending } from './decision-reader.ts';

/**
 * @param link of the event `overdue`
 * @param failure of the container's registry; undefined: it is gone
 */
export function overdueEnding(link: number, failure: FailurePolicy = defaultFailure): Ending {
  const isActing = link === actingLink;
  const errno = isActing ? 'ETIMEDOUT' : failureErrno(failure);
  return {
    answer: errno === undefined ? { kind: 'continue' } : { kind: 'errno', errno },
    failure: 'deadline',
    handler: isActing ? -1 : link - 1,
  };
}
