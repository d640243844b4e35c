// SPDX-License-Identifier: Apache-2.0
// `seccompagent record`: what handlers are asked, ask and answer, into a file.
import type { ClientRequest } from 'node:http';
import { PassThrough } from 'node:stream';

import type { Agent } from '../agent.ts';
import { numberOf, parseWords, textOf, usage } from '../text/command-line.ts';
import type { OptionTable } from '../text/command-line.ts';
import { answerTo, ask } from '../control/control-client.ts';
import { defaultControlSocket } from '../control/control-socket.ts';
import { recordingPath } from '../control/recording-request.ts';
import { failureLine } from '../errors.ts';
import { runCommandOf, runOptions, splitCommand } from './options.ts';
import type { RunCommand } from './options.ts';
import { RecordingWriter } from '../recording/recording-writer.ts';
import { RecordingFile, save } from '../recording/saved-recording.ts';
import type { SavedRecording } from '../recording/saved-recording.ts';
import { endText } from '../replay/shown-recording.ts';
import { callProgress } from './call-progress.ts';
import { showRecording } from './record/show.ts';
import { runCommand } from './run.ts';
import type { Tool } from './command.ts';

/** Time limit for the end of a recording. */
const endMs = 10_000;

const options: OptionTable = {
  ...runOptions,
  o: { type: 'string' },
  container: { type: 'string' },
  seconds: { type: 'string' },
  calls: { type: 'string' },
  'with-metadata': { type: 'boolean' },
  'control-socket': { type: 'string' },
};

interface Limits {
  readonly calls: number | undefined;
  readonly seconds: number | undefined;
  readonly hasValues: boolean;
}

interface OfContainer extends Limits {
  readonly container: string;
  readonly socket: string;
}

function tell(file: string, { calls, end }: SavedRecording): number {
  if (end === undefined) {
    process.stderr.write(`seccompagent: ${file} is incomplete, with ${calls} calls\n`);
    return 1;
  }
  process.stderr.write(`${file}: ${endText({ ...end, calls })}\n`);
  return 0;
}

/** Resolves when the recording is to end. */
async function endOf(seconds: number | undefined): Promise<void> {
  return new Promise((resolve) => {
    const end = (): void => {
      resolve();
    };
    for (const signal of ['SIGINT', 'SIGTERM'] as const) process.once(signal, end);
    if (seconds !== undefined) setTimeout(end, seconds * 1000).unref();
  });
}

async function endLater(asked: ClientRequest, seconds: number | undefined): Promise<void> {
  await endOf(seconds);
  asked.end();
  setTimeout(() => asked.destroy(), endMs).unref();
}

async function recordContainer(path: string, wish: OfContainer): Promise<number> {
  await using file = await RecordingFile.open(path);
  const { socket, seconds } = wish;
  const asked = ask({ socket, method: 'POST', path: recordingPath(wish) });
  asked.flushHeaders();
  void endLater(asked, seconds);
  try {
    return tell(path, await save(await answerTo(asked, socket), file, callProgress()));
  } finally {
    asked.destroy();
  }
}

/** Goes on when the recording cannot: the command is what somebody wants to be done. */
async function recordCommand(path: string, wish: RunCommand, limits: Limits): Promise<number> {
  await using file = await RecordingFile.open(path);
  const into = new PassThrough();
  const saved = save(into, file, callProgress()).catch((thrown: unknown) => {
    process.stderr.write(failureLine(thrown));
    into.destroy();
    return undefined;
  });
  const code = await runCommand(wish, (agent, containerId) =>
    observed(agent, containerId, { into, limits }),
  );
  into.end();
  const recording = await saved;
  const own = recording === undefined ? 1 : tell(path, recording);
  return code === 0 ? own : code;
}

function observed(
  agent: Agent,
  containerId: string,
  { into, limits }: { readonly into: PassThrough; readonly limits: Limits },
): () => Promise<void> {
  const { calls, seconds, hasValues } = limits;
  const writer = new RecordingWriter({ into, maxCalls: calls, hasValues });
  const stop = agent.record(containerId, writer, 'to come');
  void writer.enough.then(async () => stop('calls'));
  if (seconds !== undefined) setTimeout(() => void stop('asked'), seconds * 1000).unref();
  return async () => stop('container');
}

async function run(words: readonly string[]): Promise<number> {
  if (words[0] === 'show') return showRecording(words.slice(1));
  const { own, command } = splitCommand(words);
  const { values, rest } = parseWords(own, options);
  if (rest.length > 0) usage(`unexpected argument "${rest[0] ?? ''}"; put the command after --`);
  const path = textOf(values, 'o') ?? usage('record needs -o FILE');
  const limits = {
    calls: numberOf(values, 'calls'),
    seconds: numberOf(values, 'seconds'),
    hasValues: values.get('with-metadata') === true,
  };
  const container = textOf(values, 'container');
  if (container === undefined) {
    if (command.length === 0) usage('record needs -container ID, or a command after --');
    return recordCommand(path, runCommandOf(values, command), limits);
  }
  const wrong = [
    'resolver',
    'bundle',
    'bundle-shadow',
    'metadata',
    'config',
    'syscalls',
    'allow-stale',
    'log',
  ].find((name) => values.has(name));
  if (wrong !== undefined) usage(`-${wrong} applies to a command, not to -container`);
  if (command.length > 0) usage('record takes -container or a command, not both');
  const socket = textOf(values, 'control-socket') ?? defaultControlSocket;
  return recordContainer(path, { container, socket, ...limits });
}

export const record: Tool = {
  usage: `Usage: seccompagent record -o FILE [options] -- COMMAND ARGS…
       seccompagent record -o FILE [options] -container ID
       seccompagent record show [-json] FILE

Records the calls that handlers receive, their capability calls and their answers into FILE: those of a
command, run as by seccompagent run, or of a container of a running agent. Recording ends with the
command or the container, or on SIGINT or SIGTERM. Mount options, values of extended attributes, state
that handlers keep, caller memory and values of settings are not recorded. As under run, the command is
root beside the agent, and is not confined.

show prints a recording: its container and handlers, and each call with its answer, the handlers that
were asked, and their capability calls. Of a recording that is cut off it prints what there is, and exits
with 1.

Options:
  -o FILE             the recording; created or emptied, readable for its owner alone
  -seconds N          stop after N seconds
  -calls N            stop after N calls
  -with-metadata      also record the values that metadata sets, which may be secrets
  -resolver NAME, -bundle LIST, -bundle-shadow LIST, -metadata KEY=VALUE, -config FILE,
  -allow-stale, -syscalls LIST, -log LIST
                      for a command: as for seccompagent run
  -container ID       a container of a running agent; a unique prefix of its id is enough
  -control-socket PATH
                      the control socket of that agent (default ${defaultControlSocket})
  -json               for show: print lines of JSON, one for each entry
  -help
`,
  run,
};
