// SPDX-License-Identifier: Apache-2.0
// Writes what is recorded of a container, in the format of recording-format.ts.
import type { Writable } from 'node:stream';
import { isDeepStrictEqual } from 'node:util';

import { Packr } from 'msgpackr';

import { packageVersion } from '../package-root.ts';
import { Syscalls } from '../syscalls/syscalls.ts';
import type { RecordedCall } from './recorded-call.ts';
import { recordingFormat, recordingVersion } from './recording-format.ts';
import type { RecordedFacts } from './recorded-facts.ts';
import type { EndReason, RecordedRegistry, RecordingEntry } from './recording-format.ts';
import { redacted } from './redaction.ts';
import type { Tap } from './tapes.ts';

export interface RecordingWriterParts {
  /** Ended by the last entry. */
  readonly into: Writable;
  /** So many calls are enough. */
  readonly maxCalls?: number | undefined;
  /** Whether values of settings are written too, which may be secrets. */
  readonly hasValues: boolean;
}

function withoutValues(registry: RecordedRegistry): RecordedRegistry {
  const keys = Object.keys(registry.given);
  return { ...registry, given: Object.fromEntries(keys.map((key) => [key, null])) };
}

export class RecordingWriter implements Tap {
  readonly #parts: RecordingWriterParts;
  readonly #packr = new Packr({ useRecords: false, variableMapSize: true });
  readonly #syscalls = new Syscalls();
  /** Of calls that are not written yet: they take room until somebody has read them. */
  readonly #waiting: Set<() => void> = new Set();
  #registry: RecordedRegistry | undefined;
  #isEnded = false;
  #calls = 0;
  #onEnough: () => void = () => undefined;
  /** Resolves once there are so many calls as were asked for. */
  readonly enough: Promise<void> = new Promise((resolve) => {
    this.#onEnough = resolve;
  });

  constructor(parts: RecordingWriterParts) {
    this.#parts = parts;
    // whoever reads may go away at any time, which its end tells
    parts.into.on('error', () => undefined);
    parts.into.once('close', () => {
      this.#isEnded = true;
      for (const done of this.#waiting) done();
      this.#waiting.clear();
    });
  }

  begin({ container, registry: whole }: RecordedFacts): void {
    const registry = this.#parts.hasValues ? whole : withoutValues(whole);
    const isSame = isDeepStrictEqual(registry, this.#registry);
    const isFirst = this.#registry === undefined;
    this.#registry = registry;
    // the same answer for another listener of the container, too
    if (isSame) return;
    if (!isFirst) {
      this.#write({ kind: 'registry', ...registry });
      return;
    }
    this.#write({
      format: recordingFormat,
      version: recordingVersion,
      kind: 'header',
      agent: packageVersion(),
      container,
      ...registry,
    });
  }

  take(call: RecordedCall, done: () => void): void {
    if (this.#isEnded || this.#calls === this.#parts.maxCalls) {
      done();
      return;
    }
    this.#calls += 1;
    this.#waiting.add(done);
    this.#write({ kind: 'call', ...redacted(call, this.#syscalls) }, () => {
      if (this.#waiting.delete(done)) done();
    });
    if (this.#calls === this.#parts.maxCalls) this.#onEnough();
  }

  end(reason: EndReason, lost: number): void {
    if (this.#isEnded) return;
    this.#write({ kind: 'end', reason, calls: this.#calls, lost });
    this.#isEnded = true;
    this.#parts.into.end();
  }

  #write(entry: RecordingEntry, onWritten: () => void = () => undefined): void {
    if (this.#isEnded) onWritten();
    else this.#parts.into.write(this.#packr.pack(entry), onWritten);
  }
}
