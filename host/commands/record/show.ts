// SPDX-License-Identifier: Apache-2.0
// `seccompagent record show`: a recording, as people and programs read it.
import { once } from 'node:events';

import { AgentError } from '../../errors.ts';
import { RecordingReader } from '../../recording/recording-reader.ts';
import { ShownRecording } from '../../replay/shown-recording.ts';
import type { ShownEntry } from '../../replay/shown-recording.ts';
import { counted, escaped, shownLines } from '../../terminal-text.ts';
import { parseWords, usage } from '../../text/command-line.ts';

/** A recording may be larger than memory. */
async function print(text: string): Promise<void> {
  if (!process.stdout.write(`${text}\n`)) await once(process.stdout, 'drain');
}

/**
 * Prints what there is of it.
 * @throws AgentError AGENT_USAGE, AGENT_RECORDING: also behind the last whole entry of one that is cut off
 */
export async function showRecording(words: readonly string[]): Promise<number> {
  const { values, rest } = parseWords(words, { json: { type: 'boolean' } });
  const [file, ...more] = rest;
  if (file === undefined || more.length > 0) usage('exactly one recording is needed');
  const show =
    values.get('json') === true
      ? async ({ facts }: ShownEntry) => print(escaped(JSON.stringify(facts())))
      : async ({ lines }: ShownEntry) => print(shownLines(lines()));
  const reader = await RecordingReader.open(file);
  const shown = new ShownRecording(reader.header);
  await show(shown.header());
  for await (const entry of reader.entries()) await show(shown.entry(entry));
  if (reader.end === undefined) {
    const calls = counted(shown.calls, 'call');
    throw new AgentError('AGENT_RECORDING', `${file} is incomplete: it is cut off after ${calls}`);
  }
  await show(shown.end(reader.end));
  return 0;
}
