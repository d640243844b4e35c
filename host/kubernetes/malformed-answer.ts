// SPDX-License-Identifier: Apache-2.0
// What an API server says that is none of its language.
import { AgentError } from '../errors.ts';

export class MalformedAnswer extends AgentError {
  constructor(what: string, cause?: unknown) {
    super('AGENT_KUBERNETES', what, cause === undefined ? {} : { cause });
  }
}
