// SPDX-License-Identifier: Apache-2.0
// `seccompagent replay`: the calls of a recording, once more, through another build.

import { failureFields, failureLine } from '../errors.ts';
import type { AgentErrorCode } from '../errors.ts';
import type { CallDifference } from '../replay/comparison.ts';
import { InputDescriber } from '../replay/described-input.ts';
import type { CallEntry } from '../recording/recording-format.ts';
import { encodeCall } from '../recording/recorded-call.ts';
import { ReplayThread } from '../replay/replay-thread.ts';
import type { ReplayOutcome } from '../replay/replay-thread.ts';
import { callProgress } from './call-progress.ts';
import { openRecording, recordingOptions } from './recording-options.ts';
import type { ReplayWish } from './recording-options.ts';
import type { Tool } from './command.ts';
import { report } from './report.ts';

/** So many calls are on their way to the thread that replays. */
const maxAsked = 64;
const chain = 1;

interface DifferentCall {
  /** Its place among the calls, from 1. */
  readonly call: number;
  readonly syscall: string;
  readonly differences: readonly CallDifference[];
}

interface ReplayReport {
  readonly calls: number;
  readonly different: readonly DifferentCall[];
  /** The recording has no end. */
  readonly isCutOff: boolean;
  /** Why not all of it was replayed. */
  readonly problem?: string;
  readonly code?: AgentErrorCode;
}

function differencesOf(outcome: ReplayOutcome): readonly CallDifference[] {
  if (outcome.kind === 'replayed') return outcome.differences;
  return [{ what: 'action', recorded: 'an answer', replayed: outcome.reason }];
}

interface Asked {
  readonly entry: CallEntry;
  readonly outcome: Promise<ReplayOutcome>;
}

interface Replayed {
  readonly report: ReplayReport;
  /** Undefined: all of it was replayed. */
  readonly failure: unknown;
}

async function replayAll({ reader, resolution, patienceMs }: ReplayWish): Promise<Replayed> {
  const { registry, components } = resolution;
  await using thread = new ReplayThread(patienceMs);
  thread.begin(chain, { registry, components, redaction: 'redacted' });
  const describer = new InputDescriber();
  const onCall = callProgress();
  const asked: Asked[] = [];
  const different: DifferentCall[] = [];
  let calls = 0;
  const takeOne = async (): Promise<void> => {
    const first = asked.shift();
    if (first === undefined) return;
    calls += 1;
    const differences = differencesOf(await first.outcome);
    onCall(calls);
    if (differences.length === 0) return;
    different.push({ call: calls, syscall: describer.describe(first.entry), differences });
  };
  let failure: unknown;
  try {
    for await (const entry of reader.calls()) {
      asked.push({ entry, outcome: thread.ask(chain, encodeCall(entry)) });
      if (asked.length >= maxAsked) await takeOne();
    }
  } catch (thrown) {
    failure = thrown;
  }
  while (asked.length > 0) await takeOne();
  if (failure !== undefined) {
    const { error: problem, code } = failureFields(failure);
    const why = code === undefined ? { problem } : { problem, code };
    return { report: { calls, different, isCutOff: false, ...why }, failure };
  }
  const isCutOff = reader.end === undefined;
  return { report: { calls, different, isCutOff }, failure };
}

function show({ calls, different }: ReplayReport): readonly string[] {
  const lines = different.flatMap(({ call, syscall, differences }) => [
    `call ${call}: ${syscall}`,
    ...differences.flatMap(({ what, recorded, replayed }) => [
      `  ${what}`,
      `    recorded  ${recorded}`,
      `    replayed  ${replayed}`,
    ]),
  ]);
  return [...lines, `${calls} calls replayed, ${different.length} differ`];
}

async function run(words: readonly string[]): Promise<number> {
  const wish = await openRecording(words);
  const { report: replayed, failure } = await replayAll(wish);
  report(wish.values, replayed, () => show(replayed));
  const { isCutOff, different } = replayed;
  if (isCutOff) process.stderr.write('the recording is incomplete: replayed up to its end\n');
  if (failure !== undefined) process.stderr.write(failureLine(failure));
  return different.length > 0 || failure !== undefined ? 1 : 0;
}

export const replay: Tool = {
  usage: `Usage: seccompagent replay [options] FILE

Replays the calls of a recording through handlers, without root or kernel. Capability calls get their
recorded replies and have no effect. Prints the differences in actions and capability calls, call by
call, and exits with 1 if there is one.

Options:
${recordingOptions}  -json               print JSON
  -help
`,
  run,
};
