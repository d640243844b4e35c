// SPDX-License-Identifier: Apache-2.0
// POST /record of the control socket: the recording is the answer, and goes on while whoever asked
// holds the request open.
import type { IncomingMessage, ServerResponse } from 'node:http';

import { AgentError } from '../errors.ts';
import type { EndReason } from '../recording/recording-format.ts';
import { RecordingWriter } from '../recording/recording-writer.ts';
import type { Tap } from '../recording/tapes.ts';

export type StopRecording = (reason: EndReason) => Promise<void>;

/** Request for a recording. */
export interface RecordingWish {
  readonly container: string;
  /** Undefined: any number. */
  readonly calls: number | undefined;
  /** Whether values of settings are written too. */
  readonly hasValues: boolean;
}

export function recordingPath({ container, calls, hasValues }: RecordingWish): string {
  const query = new URLSearchParams({
    container,
    ...(calls === undefined ? {} : { calls: String(calls) }),
    ...(hasValues ? { values: 'yes' } : {}),
  });
  return `/record?${query.toString()}`;
}

function wishOf({ url = '' }: IncomingMessage): RecordingWish {
  const { searchParams } = new URL(url, 'http://localhost');
  const container = searchParams.get('container');
  const calls = searchParams.get('calls') ?? undefined;
  if (container === null || !/^[1-9]\d{0,8}$/u.test(calls ?? '1')) {
    throw new AgentError('AGENT_RECORDING', 'a container is needed, and calls are a number from 1');
  }
  return {
    container,
    calls: calls === undefined ? undefined : Number(calls),
    hasValues: searchParams.get('values') === 'yes',
  };
}

/** Resolves once it is written down for nobody any more. @throws AgentError AGENT_RECORDING */
export async function recordOver(
  request: IncomingMessage,
  response: ServerResponse,
  record: (containerId: string, tap: Tap) => StopRecording,
): Promise<void> {
  const { container, calls, hasValues } = wishOf(request);
  response.setHeader('content-type', 'application/vnd.msgpack');
  response.setHeader('connection', 'close');
  const writer = new RecordingWriter({ into: response, maxCalls: calls, hasValues });
  const stop = record(container, writer);
  const asked = new Promise<EndReason>((resolve) => {
    const end = (): void => {
      resolve('asked');
    };
    request.once('end', end).resume();
    response.once('close', end);
  });
  await stop(await Promise.race([asked, writer.enough.then((): EndReason => 'calls')]));
}
