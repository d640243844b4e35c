// SPDX-License-Identifier: Apache-2.0
// Malformed answers of an API server.
import { AgentError } from '../errors.ts';

export class MalformedAnswer extends AgentError {
  constructor(what: string, cause?: unknown) {
    super('AGENT_KUBERNETES', what, cause === undefined ? {} : { cause });
  }
}
