// SPDX-License-Identifier: Apache-2.0
// Asks a running agent through its control socket.
import { request } from 'node:http';
import type { ClientRequest, IncomingMessage } from 'node:http';
import { text } from 'node:stream/consumers';

import { agentErrorCodes, AgentError, systemCodeOf } from '../errors.ts';
import type { AgentErrorCode } from '../errors.ts';

export interface ControlRequest {
  readonly socket: string;
  readonly method: 'GET' | 'POST';
  readonly path: string;
  /** Longest silence of the agent; absent: any. */
  readonly patienceMs?: number;
  /** Ends it. */
  readonly signal?: AbortSignal;
}

function unreachable(socket: string, cause: unknown): AgentError {
  if (cause instanceof AgentError) return cause;
  const code = systemCodeOf(cause);
  if (code === 'ENOENT' || code === 'ECONNREFUSED') {
    return new AgentError(
      'AGENT_CONTROL',
      `no agent listens on ${socket}: start the agent, or name its socket with -control-socket`,
    );
  }
  if (code === 'EACCES') {
    return new AgentError('AGENT_CONTROL', `${socket} requires root: use sudo`);
  }
  return new AgentError('AGENT_CONTROL', `cannot reach the agent on ${socket}`, { cause });
}

/** The command line of the agent is not that of the command that asks. */
function isCode(code: unknown): code is AgentErrorCode {
  return typeof code === 'string' && code !== 'AGENT_USAGE' && Object.hasOwn(agentErrorCodes, code);
}

/** The agent's refusal of a request. */
async function refusalOf(response: IncomingMessage): Promise<AgentError> {
  const body = await text(response);
  try {
    const said: { readonly error?: unknown; readonly code?: unknown } = JSON.parse(body);
    const code = isCode(said.code) ? said.code : 'AGENT_CONTROL';
    return new AgentError(code, typeof said.error === 'string' ? said.error : body);
  } catch {
    return new AgentError('AGENT_CONTROL', body);
  }
}

/**
 * Makes a request whose body is still to be sent.
 * @throws AgentError AGENT_CONTROL when nobody answers, or what the agent says against it, with its code
 */
export async function answerTo(asked: ClientRequest, socket: string): Promise<IncomingMessage> {
  const response = await new Promise<IncomingMessage>((resolve, reject) => {
    asked.once('response', resolve);
    asked.on('error', (cause) => {
      reject(unreachable(socket, cause));
    });
  });
  if (response.statusCode === 200) return response;
  throw await refusalOf(response);
}

export function ask({ socket, method, path, signal }: ControlRequest): ClientRequest {
  const ending = signal === undefined ? {} : { signal };
  return request({ socketPath: socket, method, path, agent: false, ...ending });
}

/** The body of the answer. @throws AgentError AGENT_CONTROL */
export async function askForText(asking: ControlRequest): Promise<string> {
  const asked = ask(asking);
  asked.end();
  const { socket, patienceMs } = asking;
  if (patienceMs !== undefined) {
    asked.setTimeout(patienceMs, () => {
      asked.destroy(new AgentError('AGENT_CONTROL', `the agent on ${socket} does not answer`));
    });
  }
  return text(await answerTo(asked, socket));
}
