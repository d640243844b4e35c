// SPDX-License-Identifier: Apache-2.0
// GET and POST /log-level of the control socket.
import { AgentError } from '../errors.ts';
import { isLogLevel } from '../log/log-events.ts';
import type { LogLevel } from '../log/log-events.ts';

/** As it is told. */
export interface LogLevelStatus {
  readonly level: LogLevel;
  /** Of a request that changes it; that of the agent until then. */
  readonly before?: LogLevel;
}

/** The level of a running agent. */
export interface ChangeableLogLevel {
  readonly level: LogLevel;
  /** @returns the level before */
  readonly change: (level: LogLevel) => Promise<LogLevel>;
}

export const logLevelPath = '/log-level';

export function logLevelChangePath(level: LogLevel): string {
  return `${logLevelPath}?level=${level}`;
}

/** @throws AgentError AGENT_CONTROL */
export async function changeLogLevel(
  url: string,
  logLevel: ChangeableLogLevel,
): Promise<LogLevelStatus> {
  const level = new URL(url, 'http://localhost').searchParams.get('level') ?? '';
  if (!isLogLevel(level)) throw new AgentError('AGENT_CONTROL', 'a level of the log is needed');
  const before = await logLevel.change(level);
  return { level, before };
}
