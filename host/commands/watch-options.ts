// SPDX-License-Identifier: Apache-2.0
// The options that say who watches.
import { parseByteSize } from '../text/byte-size.ts';
import { numberOf, textOf, usage } from '../text/command-line.ts';
import type { FalcoOptions, FalcoOutput } from '../observation/falco/falco-watchers.ts';
import { standardOutput } from '../observation/line-file.ts';
import type { WatchOptions } from '../observation/observers.ts';
import { defaultBounds } from '../observation/rotated-files.ts';
import type { FileBounds } from '../observation/rotated-files.ts';

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
  -container-rate SIZE
                      bytes per second that a container may add to the audit log and to a file of
                      -falco-output, such as 1MiB, or none for no limit (default 128KiB)
  -rotate-size SIZE   rotate these files at this size, or none (default 100MiB)
  -rotate-files N     keep N rotated files, from FILE.1 to FILE.N (default 10)
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

function outputOf(text: string, bounds: FileBounds): FalcoOutput {
  if (text.startsWith('file:')) {
    return { kind: 'file', path: pathOf('falco-output', text.slice('file:'.length)), bounds };
  }
  if (/^https?:\/\//u.test(text)) return { kind: 'http', url: urlOf(text) };
  return usage('-falco-output must be file:PATH or http://HOST…');
}

/** @returns undefined: "none" */
function sizeOf(
  values: ReadonlyMap<string, unknown>,
  option: string,
  fallback: number | undefined,
): number | undefined {
  const text = textOf(values, option);
  if (text === undefined) return fallback;
  if (text === 'none') return undefined;
  return parseByteSize(text) ?? usage(`-${option} needs a size, such as 16MiB, or none`);
}

const mostRotated = 1000;

function boundsOf(values: ReadonlyMap<string, unknown>): FileBounds {
  const rotateFiles = numberOf(values, 'rotate-files') ?? defaultBounds.rotateFiles;
  if (rotateFiles > mostRotated) usage(`-rotate-files needs a number from 1 to ${mostRotated}`);
  return {
    rotateBytes: sizeOf(values, 'rotate-size', defaultBounds.rotateBytes),
    rotateFiles,
    bytesPerSecond: sizeOf(values, 'container-rate', defaultBounds.bytesPerSecond),
  };
}

function falcoOf(values: ReadonlyMap<string, unknown>, bounds: FileBounds): FalcoOptions {
  const given = textOf(values, 'falco-output');
  const output = given === undefined ? undefined : outputOf(given, bounds);
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
  const bounds = boundsOf(values);
  const falco = falcoOf(values, bounds);
  const unused = path === undefined && falco.output?.kind !== 'file';
  for (const option of ['container-rate', 'rotate-size', 'rotate-files']) {
    if (unused && values.has(option)) {
      usage(`-${option} needs -audit-log or -falco-output=file:PATH`);
    }
  }
  return path === undefined
    ? { falco }
    : { falco, audit: { path: auditPathOf(path), withArguments, bounds } };
}
