// SPDX-License-Identifier: Apache-2.0
// Common parts of `replay` and `bench`: a recording, and the handlers for its calls.
import { listOf, numberOf, parseWords, textOf, textsOf, usage } from '../text/command-line.ts';
import { createLog } from '../log/log.ts';
import type { OptionTable } from '../text/command-line.ts';
import { RecordingReader } from '../recording/recording-reader.ts';
import { identityOf, missingSettings, settingsFor } from '../replay/replayed-container.ts';
import type { Resolution } from '../resolvers/resolver.ts';
import { makeAnswering } from './agent.ts';
import { checkStaleComponents, staleOptions, staleUsage } from './stale-components.ts';

const common: OptionTable = {
  bundle: { type: 'string' },
  config: { type: 'string' },
  ...staleOptions,
  metadata: { type: 'string', multiple: true },
  patience: { type: 'string' },
  json: { type: 'boolean' },
};

/** Much more than any handler is allowed, on whatever machine: this is no measurement. */
const defaultPatienceSeconds = 20;

/** For the usage of both. */
export const recordingOptions: string = `  -bundle LIST        bundles in chain order, by name or folder (default: those of the recording)
${staleUsage}  -metadata KEY=VALUE a setting of the bundles, as in a line of listenerMetadata; may be
                      repeated; it replaces that of the recording
  -config FILE        as for seccompagent
  -patience SECONDS   time limit for handlers (default ${defaultPatienceSeconds})
`;

export interface ReplayWish {
  readonly reader: RecordingReader;
  readonly resolution: Resolution;
  readonly patienceMs: number;
  readonly values: ReadonlyMap<string, unknown>;
}

function settingOf(line: string): readonly [key: string, value: string] {
  const at = line.indexOf('=');
  const key = line.slice(0, Math.max(at, 0));
  if (key === '') usage('-metadata needs KEY=VALUE');
  if (key === 'BUNDLE') usage('-metadata BUNDLE=… is not allowed: name the bundles with -bundle');
  return [key, line.slice(at + 1)];
}

/** Each may have several lines, as under `run`. */
function settingsOf(values: ReadonlyMap<string, unknown>): ReadonlyMap<string, string> {
  const lines = textsOf(values, 'metadata').join('\n').split('\n');
  return new Map(lines.filter((line) => line !== '').map((line) => settingOf(line)));
}

/**
 * Opens the recording, and finds out who is asked.
 * @throws AgentError AGENT_USAGE, AGENT_RECORDING, AGENT_BUNDLE_INVALID, AGENT_BUNDLE_STALE,
 *   AGENT_SETTING_INVALID
 */
export async function openRecording(
  words: readonly string[],
  own: OptionTable = {},
): Promise<ReplayWish> {
  const { values, rest } = parseWords(words, { ...common, ...own });
  const [file, ...more] = rest;
  if (file === undefined || more.length > 0) usage('exactly one recording is needed');
  const said = settingsOf(values);
  const reader = await RecordingReader.open(file);
  const { header } = reader;
  const text = textOf(values, 'bundle');
  const selection = text === undefined ? header.bundles.map(({ name }) => name) : listOf(text);
  if (selection.length === 0) usage('the recording names no bundle: name one with -bundle');
  await checkStaleComponents(selection, {
    allowsStale: values.get('allow-stale') === true,
    log: createLog({ level: 'warn', format: 'text', isColored: false }),
  });
  const configFile = textOf(values, 'config');
  const choice = {
    resolver: 'none',
    selection,
    ...(configFile === undefined ? {} : { configFile }),
  };
  const { resolver, store } = await makeAnswering(choice, new AbortController().signal);
  const declared = selection
    .flatMap((reference) => store.referred(reference).settings)
    .map(({ key }) => key);
  for (const key of missingSettings(header, said).filter((each) => declared.includes(each))) {
    process.stderr.write(`the recording has no value for ${key}: add -metadata ${key}=VALUE\n`);
  }
  const resolution = resolver.resolve(identityOf(header, settingsFor(header, said)));
  return {
    reader,
    resolution,
    patienceMs: (numberOf(values, 'patience') ?? defaultPatienceSeconds) * 1000,
    values,
  };
}
