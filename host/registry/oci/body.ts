// SPDX-License-Identifier: Apache-2.0
// Reads what a server sends, up to a limit.
import type { Readable } from 'node:stream';

import { AgentError } from '../../errors.ts';

export interface BodyLimit {
  readonly limit: number;
  /** Begins the messages. */
  readonly what: string;
  readonly progress?: (bytes: number) => void;
}

/**
 * @throws AgentError AGENT_OCI when it is larger, or breaks off
 */
export async function readBody(
  body: Readable,
  { limit, what, progress }: BodyLimit,
): Promise<Buffer> {
  const chunks: Buffer[] = [];
  let bytes = 0;
  try {
    for await (const chunk of body) {
      if (!Buffer.isBuffer(chunk)) continue;
      bytes += chunk.length;
      if (bytes > limit) break;
      chunks.push(chunk);
      progress?.(bytes);
    }
  } catch (cause) {
    throw new AgentError('AGENT_OCI', `${what} broke off after ${bytes} bytes`, { cause });
  }
  if (bytes <= limit) return Buffer.concat(chunks);
  throw new AgentError('AGENT_OCI', `${what} has more than ${limit} bytes`);
}
