// SPDX-License-Identifier: Apache-2.0
// Reads recordings, whoever has written them.
import { decodeIter } from 'msgpackr';

import { AgentError } from '../errors.ts';
import { streamRegularFile } from '../files/regular-file.ts';
import { isEntry, isRecording, isRestorable, recordingVersion } from './recording-format.ts';
import type {
  CallEntry,
  EndEntry,
  HeaderEntry,
  RecordingEntry,
  RegistryEntry,
} from './recording-format.ts';

/** It is read in pieces; what has no end is no recording. */
const maxBytes = 16 * 2 ** 30;

function refuse(file: string, what: string, cause?: unknown): never {
  throw new AgentError('AGENT_RECORDING', `${file} ${what}`, cause === undefined ? {} : { cause });
}

export class RecordingReader {
  readonly #file: string;
  readonly header: HeaderEntry;
  readonly #entries: AsyncIterator<unknown, void>;
  #end: EndEntry | undefined;
  #hasFailed = false;

  private constructor(file: string, header: HeaderEntry, entries: AsyncIterator<unknown, void>) {
    this.#file = file;
    this.header = header;
    this.#entries = entries;
  }

  /** @throws AgentError AGENT_RECORDING */
  static async open(file: string): Promise<RecordingReader> {
    const entries = unpacked(file);
    let first: unknown;
    try {
      ({ value: first } = await entries.next());
    } catch (cause) {
      return refuse(file, 'cannot be read as a recording', cause);
    }
    if (!isRecording(first)) return refuse(file, 'is no recording');
    if (first.version > recordingVersion) {
      return refuse(
        file,
        `is a recording of version ${first.version}; this seccompagent reads version ${recordingVersion}: use a newer seccompagent`,
      );
    }
    if (!isEntry(first) || first.kind !== 'header') return refuse(file, 'has a broken header');
    return new RecordingReader(file, first, entries);
  }

  /** Undefined, once all is read: the recording is cut off. */
  get end(): EndEntry | undefined {
    return this.#end;
  }

  /** @throws AgentError AGENT_RECORDING for an entry that is broken */
  async *calls(): AsyncGenerator<CallEntry, void, undefined> {
    for await (const entry of this.entries()) if (entry.kind === 'call') yield entry;
  }

  /** All behind the header and before the end. @throws AgentError AGENT_RECORDING, as `calls` */
  async *entries(): AsyncGenerator<CallEntry | RegistryEntry, void, undefined> {
    for (let place = 2; ; place += 1) {
      const entry = await this.#next(place);
      if (entry === undefined) return;
      if (entry.kind === 'end') {
        this.#end = entry;
        return;
      }
      if (entry.kind !== 'header') yield entry;
    }
  }

  async #next(place: number): Promise<RecordingEntry | undefined> {
    if (this.#hasFailed) return undefined;
    const { value, done } = await this.#entries.next().catch((cause: unknown) => {
      this.#hasFailed = true;
      return refuse(this.#file, `is broken behind its entry ${place - 1}`, cause);
    });
    if (done === true) return undefined;
    const entry: unknown = value;
    if (isEntry(entry) && (entry.kind !== 'call' || isRestorable(entry))) return entry;
    this.#hasFailed = true;
    return refuse(this.#file, `has a broken entry, number ${place}`);
  }
}

/** Whether the file ends within a value, which is how a recording that was not ended ends. */
function isCutOff(thrown: unknown): boolean {
  return thrown instanceof Error && 'incomplete' in thrown && thrown.incomplete === true;
}

/** The msgpack values of a file; one that is cut off at its end is none. */
async function* unpacked(file: string): AsyncGenerator<unknown, void, undefined> {
  try {
    yield* decodeIter(streamRegularFile(file, { maxBytes }), { useRecords: false });
  } catch (thrown) {
    if (!isCutOff(thrown)) throw thrown;
  }
}
