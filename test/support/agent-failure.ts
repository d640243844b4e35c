// SPDX-License-Identifier: Apache-2.0
// The AgentError of a failure that a test expects.
import { AgentError } from '../../host/errors.ts';

/**
 * The AgentError that `work` throws. Anything else that it throws is thrown on.
 * @throws Error when it throws nothing
 */
export function failureOf(work: () => unknown): AgentError {
  const failure = failureOrNone(work);
  if (failure === undefined) throw new Error('nothing was thrown');
  return failure;
}

/** The same for work that may also succeed; undefined when it does. */
export function failureOrNone(work: () => unknown): AgentError | undefined {
  try {
    work();
  } catch (thrown) {
    if (thrown instanceof AgentError) return thrown;
    throw thrown;
  }
  return undefined;
}
