// SPDX-License-Identifier: Apache-2.0
// Puts a recording into a file, as it comes.
import { constants } from 'node:fs';
import type { Stats } from 'node:fs';
import { open, rm } from 'node:fs/promises';
import type { FileHandle } from 'node:fs/promises';
import { basename, dirname, join } from 'node:path';
import { PassThrough } from 'node:stream';

import { decodeIter } from 'msgpackr';

import { AgentError, systemCodeOf } from '../errors.ts';
import { OpenFolder } from '../files/open-folder.ts';
import { isEntry } from './recording-format.ts';
import type { EndEntry } from './recording-format.ts';

/** Contents of a finished file. */
export interface SavedRecording {
  readonly calls: number;
  /** Undefined: it is cut off. */
  readonly end: EndEntry | undefined;
}

const ownerOnly = 0o600;

function cannotWrite(file: string, cause: unknown): AgentError {
  const isFull = systemCodeOf(cause) === 'ENOSPC';
  const what = isFull ? `${file} is cut off: the disk is full` : `cannot write ${file}`;
  return new AgentError('AGENT_RECORDING', what, { cause });
}

/**
 * Opens what is there already. Somebody else may have put it there, to have something destroyed by
 * root or to read along: it is written only if it is a file of our own, or a device.
 */
async function openExisting(path: string): Promise<FileHandle> {
  const { O_WRONLY, O_NOFOLLOW, O_NONBLOCK } = constants;
  const handle = await open(path, O_WRONLY | O_NOFOLLOW | O_NONBLOCK).catch((cause: unknown) => {
    if (systemCodeOf(cause) === 'ELOOP') throw new Error('it is a symbolic link');
    throw cause;
  });
  const fault = faultOf(await handle.stat());
  if (fault === undefined) return handle;
  await handle.close();
  throw new Error(fault);
}

function faultOf(status: Stats): string | undefined {
  if (status.isCharacterDevice()) return undefined;
  if (!status.isFile()) return 'it exists and is not a regular file';
  if (status.uid !== process.geteuid?.()) return 'it exists and belongs to another user';
  return status.nlink === 1 ? undefined : 'it exists and has other hard links';
}

interface OpenFile {
  readonly handle: FileHandle;
  readonly isNew: boolean;
}

/** Readable for its owner alone. */
async function openOrMake(path: string): Promise<OpenFile> {
  const { O_WRONLY, O_CREAT, O_EXCL } = constants;
  try {
    return { handle: await open(path, O_WRONLY | O_CREAT | O_EXCL, ownerOnly), isNew: true };
  } catch (thrown) {
    if (systemCodeOf(thrown) !== 'EEXIST') throw thrown;
    return { handle: await openExisting(path), isNew: false };
  }
}

/** An existing one is emptied only when there is something to put into it. */
export class RecordingFile implements AsyncDisposable {
  readonly #path: string;
  readonly #folder: OpenFolder;
  readonly #handle: FileHandle;
  readonly #isNew: boolean;
  #isEmpty = true;

  private constructor(path: string, folder: OpenFolder, { handle, isNew }: OpenFile) {
    this.#path = path;
    this.#folder = folder;
    this.#handle = handle;
    this.#isNew = isNew;
  }

  /** @throws AgentError AGENT_RECORDING */
  static async open(path: string): Promise<RecordingFile> {
    try {
      using unlessOpened = new DisposableStack();
      const folder = unlessOpened.use(new OpenFolder(dirname(path)));
      const file = await openOrMake(join(folder.path, basename(path)));
      unlessOpened.move();
      return new RecordingFile(path, folder, file);
    } catch (cause) {
      throw cannotWrite(path, cause);
    }
  }

  /** @throws AgentError AGENT_RECORDING */
  async write(bytes: Uint8Array): Promise<void> {
    try {
      if (this.#isEmpty) await this.#empty();
      this.#isEmpty = false;
      let rest = bytes;
      while (rest.length > 0) {
        const { bytesWritten } = await this.#handle.write(rest);
        rest = rest.subarray(bytesWritten);
      }
    } catch (cause) {
      throw cannotWrite(this.#path, cause);
    }
  }

  async [Symbol.asyncDispose](): Promise<void> {
    using folder = this.#folder;
    await this.#handle.close();
    if (!this.#isNew || !this.#isEmpty) return;
    await rm(join(folder.path, basename(this.#path)), { force: true });
  }

  async #empty(): Promise<void> {
    // a device has no length, and its rights are not ours to change
    if (!(await this.#handle.stat()).isFile()) return;
    await this.#handle.chmod(ownerOnly);
    await this.#handle.truncate();
  }
}

async function countEntries(
  source: AsyncIterable<Uint8Array>,
  onCall: (calls: number) => void,
): Promise<SavedRecording> {
  let calls = 0;
  let end: EndEntry | undefined;
  try {
    for await (const entry of decodeIter(source, { useRecords: false })) {
      if (!isEntry(entry)) continue;
      if (entry.kind === 'end') end = entry;
      if (entry.kind === 'call') onCall((calls += 1));
    }
  } catch {
    // it is cut off, and the end is missing
  }
  return { calls, end };
}

/**
 * Saves all that comes, until nothing comes any more.
 * @param onCall told how many calls are there
 * @throws AgentError AGENT_RECORDING: the file cannot be written
 */
export async function save(
  source: AsyncIterable<Uint8Array>,
  file: RecordingFile,
  onCall: (calls: number) => void,
): Promise<SavedRecording> {
  const counted = new PassThrough();
  const result = countEntries(counted, onCall);
  try {
    for await (const chunk of source) {
      await file.write(chunk);
      counted.write(chunk);
    }
  } catch (thrown) {
    // whoever sends has gone: what is there is there
    if (thrown instanceof AgentError) throw thrown;
  } finally {
    counted.end();
  }
  return result;
}
