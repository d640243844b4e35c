// SPDX-License-Identifier: Apache-2.0
// The options that say who watches.
import { textOf, usage } from '../text/command-line.ts';
import type { FalcoOptions, FalcoOutput } from '../observation/falco/falco-watchers.ts';
import { standardOutput } from '../observation/line-file.ts';
import type { WatchOptions } from '../observation/observers.ts';

/** Socket of Falco's plugin, if nobody says anything else. */
export const defaultFalcoSocket = '/run/seccomp-agent-falco-plugin/seccomp-agent-falco-plugin.sock';

export const watchUsage: string = `  -audit-log FILE     write a line of JSON for each decision; SIGHUP reopens the file; "-" is
                      standard output, which the agent uses for nothing else
  -audit-arguments    include the arguments of calls, except secrets
  -falco-socket PATH  the socket of Falco's plugin, for containers with the middleware falco, or
                      none (default without -falco-output:
                      ${defaultFalcoSocket})
  -falco-output file:PATH or http://HOST…
                      send the events as lines of JSON, in the format of Falco's alerts
`;

function pathOf(option: string, text: string): string {
  if (text.startsWith('/') && !text.includes('\0')) return text;
  return usage(`"${text}" in -${option} is not an absolute path`);
}

function auditPathOf(text: string): string {
  return text === standardOutput ? text : pathOf('audit-log', text);
}

function urlOf(text: string): URL {
  const url = URL.parse(text);
  if (url === null) return usage(`-falco-output needs a valid URL`);
  // it would be in logs, and in the list of processes
  if (url.username !== '' || url.password !== '')
    usage('-falco-output must not contain a password');
  return url;
}

function outputOf(text: string): FalcoOutput {
  if (text.startsWith('file:')) {
    return { kind: 'file', path: pathOf('falco-output', text.slice('file:'.length)) };
  }
  if (/^https?:\/\//u.test(text)) return { kind: 'http', url: urlOf(text) };
  return usage('-falco-output must be file:PATH or http://HOST…');
}

function falcoOf(values: ReadonlyMap<string, unknown>): FalcoOptions {
  const given = textOf(values, 'falco-output');
  const output = given === undefined ? undefined : outputOf(given);
  const fallback = output === undefined ? defaultFalcoSocket : 'none';
  const socket = textOf(values, 'falco-socket') ?? fallback;
  return {
    ...(socket === 'none' ? {} : { socket: pathOf('falco-socket', socket) }),
    ...(output === undefined ? {} : { output }),
  };
}

/** @throws AgentError AGENT_USAGE */
export function watchOptionsOf(values: ReadonlyMap<string, unknown>): WatchOptions {
  const path = textOf(values, 'audit-log');
  const withArguments = values.get('audit-arguments') === true;
  if (path === undefined && withArguments) usage('-audit-arguments needs -audit-log');
  const falco = falcoOf(values);
  return path === undefined
    ? { falco }
    : { falco, audit: { path: auditPathOf(path), withArguments } };
}
