// SPDX-License-Identifier: Apache-2.0
// `seccompagent bench`: how long handlers take for the calls of a recording.
import { numberOf } from '../text/command-line.ts';
import { AgentError } from '../errors.ts';
import { bench as measure } from '../replay/bench-thread.ts';
import type { Measured } from '../replay/measured-chain.ts';
import type { CallEntry } from '../recording/recording-format.ts';
import type { RecordingReader } from '../recording/recording-reader.ts';
import { callProgress } from './call-progress.ts';
import { openRecording, recordingOptions } from './recording-options.ts';
import type { Tool } from './command.ts';
import { report } from './report.ts';

const defaultSeconds = 3;
const warmUpMs = 500;
/** They are all kept in memory. */
const maxCalls = 50_000;

async function firstCalls(reader: RecordingReader): Promise<readonly CallEntry[]> {
  const calls: CallEntry[] = [];
  for await (const call of reader.calls()) {
    calls.push(call);
    if (calls.length === maxCalls) break;
  }
  if (calls.length > 0) return calls;
  throw new AgentError('AGENT_RECORDING', 'the recording is empty');
}

function row([syscall, calls, p50, p99]: readonly [string, string, string, string]): string {
  return `${syscall.padEnd(20)}${calls.padStart(8)}${p50.padStart(12)}${p99.padStart(12)}`;
}

function lineOf({ syscall, calls, samples, failures, p50Us, p99Us }: Measured): string {
  const failed = failures === 0 ? '' : `  ${failures} of ${samples} FAILED`;
  return row([syscall, String(calls), p50Us.toFixed(1), p99Us.toFixed(1)]) + failed;
}

function show(measured: readonly Measured[]): readonly string[] {
  const head = row(['system call', 'calls', 'p50 in µs', 'p99 in µs']);
  return [head, ...measured.map((each) => lineOf(each))];
}

async function run(words: readonly string[]): Promise<number> {
  const wish = await openRecording(words, { seconds: { type: 'string' } });
  const { registry, components } = wish.resolution;
  const calls = await firstCalls(wish.reader);
  const seconds = numberOf(wish.values, 'seconds') ?? defaultSeconds;
  const onCalls = callProgress();
  let done = 0;
  const measured = await measure({
    registry,
    components,
    calls,
    times: { warmUpMs, measureMs: seconds * 1000 },
    patienceMs: wish.patienceMs,
    onRound: () => {
      done += calls.length;
      onCalls(done);
    },
  });
  report(wish.values, { calls: calls.length, seconds, measured }, () => show(measured));
  const failed = measured.filter(({ failures }) => failures > 0).map(({ syscall }) => syscall);
  if (failed.length === 0) return 0;
  process.stderr.write(
    `seccompagent: handlers have failed at calls of ${failed.join(', ')}: their times are not valid\n`,
  );
  return 1;
}

export const bench: Tool = {
  usage: `Usage: seccompagent bench [options] FILE

Measures how long handlers take for each system call of a recording, on one warm thread and without
the host's own work. Capability calls get their recorded replies. Replays the first ${maxCalls} calls.
Exits with 1 if a handler fails.

Options:
${recordingOptions}  -seconds N          measure for N seconds (default ${defaultSeconds})
  -json               print JSON
  -help
`,
  run,
};
