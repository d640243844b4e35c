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

/** With room for so many bytes; it grows in steps, and never beyond the limit. */
function withRoom(buffer: Buffer, bytes: number, limit: number): Buffer {
  if (bytes <= buffer.length) return buffer;
  const larger = Buffer.alloc(Math.min(limit, Math.max(bytes, 2 * buffer.length)));
  buffer.copy(larger);
  return larger;
}

/**
 * Copies the body: a server may send it in chunks of a byte, each of which is an object.
 * @throws AgentError AGENT_OCI when it is larger, or breaks off
 */
export async function readBody(
  body: Readable,
  { limit, what, progress }: BodyLimit,
): Promise<Buffer> {
  let buffer: Buffer = Buffer.alloc(0);
  let bytes = 0;
  try {
    for await (const chunk of body) {
      if (!Buffer.isBuffer(chunk)) continue;
      const start = bytes;
      bytes += chunk.length;
      if (bytes > limit) break;
      buffer = withRoom(buffer, bytes, limit);
      chunk.copy(buffer, start);
      progress?.(bytes);
    }
  } catch (cause) {
    throw new AgentError('AGENT_OCI', `${what} broke off after ${bytes} bytes`, { cause });
  }
  if (bytes <= limit) return buffer.subarray(0, bytes);
  throw new AgentError('AGENT_OCI', `${what} has more than ${limit} bytes`);
}
