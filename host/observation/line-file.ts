// SPDX-License-Identifier: Apache-2.0
// A file that lines are added to, for people who rotate it: by a signal, or by renaming it. Writing
// is never waited for: where the disk is slower than what comes, lines are lost whole, and counted.
import { constants } from 'node:fs';
import { open, stat } from 'node:fs/promises';
import type { FileHandle } from 'node:fs/promises';
import { setTimeout as pause } from 'node:timers/promises';

import { AgentError, messageOf, systemCodeOf } from '../errors.ts';
import type { AgentErrorCode } from '../errors.ts';

export interface LineFileParts {
  readonly path: string;
  /** Of the error when it cannot be opened at first. */
  readonly code: AgentErrorCode;
  /** Told of lines that had room, and could not be written before the end. */
  readonly onLost: (lines: number) => void;
  /** Told of lines that are in the file. */
  readonly onWritten: (lines: number) => void;
  /** Told what is wrong with the file, each time. */
  readonly onFailed: (reason: string) => void;
}

export type LineKind = 'usual' | 'other';

/** Of lines that wait to be written. */
const mostBytesWaiting = 16 * 1024 * 1024;
/** Of those that are of the usual kind. */
const mostUsualBytesWaiting = (mostBytesWaiting / 4) * 3;
/** Of one write. */
const mostBytesAtOnce = 1024 * 1024;
/** Whether the file was renamed is looked at so often while lines come. */
const lookEveryMs = 500;
/** After a failure it is tried again so much later. */
const firstRetryMs = 100;
const longestRetryMs = 5000;
/** At the end: how long the rest may take. */
const endPatienceMs = 3000;

const flags =
  constants.O_WRONLY |
  constants.O_APPEND |
  constants.O_CREAT |
  constants.O_NOFOLLOW |
  constants.O_NONBLOCK;
const ownerOnly = 0o600;

/** Only a file: what could block, or is read by somebody who waits, is none. */
async function openLines(path: string): Promise<FileHandle> {
  const file = await open(path, flags, ownerOnly);
  try {
    if ((await file.stat()).isFile()) return file;
    throw new Error(`${path} is no file`);
  } catch (thrown) {
    await file.close();
    throw thrown;
  }
}

export class LineFile implements AsyncDisposable {
  readonly #parts: LineFileParts;
  #file: FileHandle | undefined;
  #waiting: Buffer[] = [];
  #waitingBytes = 0;
  /** Of the first line that waits: so much of it is in the file already. */
  #written = 0;
  #writing: Promise<void> | undefined;
  #isReopening = false;
  #lookedAt = 0;
  #retryMs = firstRetryMs;
  readonly #ending = new AbortController();

  private constructor(parts: LineFileParts, file: FileHandle) {
    this.#parts = parts;
    this.#file = file;
  }

  /** @throws AgentError with the code of the parts */
  static async open(parts: LineFileParts): Promise<LineFile> {
    try {
      return new LineFile(parts, await openLines(parts.path));
    } catch (cause) {
      const hint = systemCodeOf(cause) === 'ENOENT' ? ': its folder has to be there' : '';
      throw new AgentError(parts.code, `cannot write to ${parts.path}${hint}`, { cause });
    }
  }

  /**
   * @param line without its end
   * @param ofKind those of the usual kind leave some of the room to others
   * @returns whether there was room: else it is lost
   */
  add(line: string, ofKind: LineKind): boolean {
    const bytes = Buffer.from(`${line}\n`);
    const most = ofKind === 'usual' ? mostUsualBytesWaiting : mostBytesWaiting;
    if (this.#waitingBytes + bytes.length > most) return false;
    this.#waiting.push(bytes);
    this.#waitingBytes += bytes.length;
    return true;
  }

  /** Writes what was added. */
  flush(): void {
    if (this.#waiting.length === 0 && !this.#isReopening) return;
    this.#writing ??= this.#write().finally(() => {
      this.#writing = undefined;
    });
  }

  /** Lines that are still to be written go into the file that has the name then. */
  reopen(): void {
    this.#isReopening = true;
    this.flush();
  }

  async [Symbol.asyncDispose](): Promise<void> {
    const patience = setTimeout(() => {
      this.#ending.abort();
    }, endPatienceMs);
    this.flush();
    await this.#writing;
    clearTimeout(patience);
    if (this.#waiting.length > 0) this.#parts.onLost(this.#waiting.length);
    await this.#file?.close();
  }

  async #write(): Promise<void> {
    while (this.#waiting.length > 0 || this.#isReopening) {
      try {
        await this.#follow();
        await this.#writeSome();
        this.#retryMs = firstRetryMs;
      } catch (thrown) {
        this.#parts.onFailed(messageOf(thrown));
        if (!(await this.#pause())) return;
      }
    }
  }

  /** @returns whether there is time to go on */
  async #pause(): Promise<boolean> {
    const waited = this.#retryMs;
    this.#retryMs = Math.min(2 * waited, longestRetryMs);
    return pause(waited, true, { signal: this.#ending.signal, ref: false }).catch(() => false);
  }

  /** Opens the file anew that has the name now, if it is another one. */
  async #follow(): Promise<void> {
    const isAsked = this.#isReopening || this.#file === undefined;
    if (!isAsked && performance.now() - this.#lookedAt < lookEveryMs) return;
    this.#lookedAt = performance.now();
    if (this.#file !== undefined && (await this.#isSame(this.#file))) {
      this.#isReopening = false;
      return;
    }
    const next = await openLines(this.#parts.path);
    this.#isReopening = false;
    await this.#leave();
    this.#file = next;
  }

  async #isSame(file: FileHandle): Promise<boolean> {
    const own = await file.stat();
    const named = await stat(this.#parts.path).catch(() => undefined);
    return named?.ino === own.ino && named.dev === own.dev;
  }

  /** A line of which a part was written is whole in the next file, and not in this one. */
  async #leave(): Promise<void> {
    const file = this.#file;
    this.#file = undefined;
    const part = this.#written;
    this.#written = 0;
    try {
      if (part > 0 && file !== undefined) await file.truncate((await file.stat()).size - part);
      await file?.close();
    } catch (thrown) {
      this.#parts.onFailed(messageOf(thrown));
    }
  }

  async #writeSome(): Promise<void> {
    const first = this.#waiting[0]?.subarray(this.#written);
    if (first === undefined || this.#file === undefined) return;
    const chunk = [first];
    let size = first.length;
    for (const line of this.#waiting.slice(1, 4096)) {
      if (size + line.length > mostBytesAtOnce) break;
      chunk.push(line);
      size += line.length;
    }
    const { bytesWritten } = await this.#file.write(Buffer.concat(chunk));
    this.#drop(bytesWritten);
  }

  #drop(bytesWritten: number): void {
    let left = this.#written + bytesWritten;
    let lines = 0;
    for (const line of this.#waiting) {
      if (line.length > left) break;
      left -= line.length;
      this.#waitingBytes -= line.length;
      lines += 1;
    }
    this.#waiting.splice(0, lines);
    this.#written = left;
    if (lines > 0) this.#parts.onWritten(lines);
  }
}
