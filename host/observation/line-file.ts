// SPDX-License-Identifier: Apache-2.0
// A file that lines are added to. It is rotated by its size, and people may rotate it: by a signal, or
// by renaming it. Writing is never waited for: lines beyond a container's rate, or beyond what the disk
// takes, are lost whole, and counted.
import { constants, fstatSync, write } from 'node:fs';
import { open, stat } from 'node:fs/promises';
import type { FileHandle } from 'node:fs/promises';
import { setTimeout as pause } from 'node:timers/promises';
import { promisify } from 'node:util';

import { AgentError, messageOf, systemCodeOf } from '../errors.ts';
import type { AgentErrorCode } from '../errors.ts';
import { escaped } from '../terminal-text.ts';
import { FairRoom } from './fair-room.ts';
import { LineRates } from './line-rates.ts';
import type { LineKind, LineOwner } from './line-rates.ts';
import { defaultBounds, rotate } from './rotated-files.ts';
import type { FileBounds } from './rotated-files.ts';

/** In place of a path. */
export const standardOutput = '-';

export interface LineFileParts {
  /** Or `standardOutput`. */
  readonly path: string;
  readonly bounds?: FileBounds | undefined;
  /** Of the error when it cannot be opened at first. */
  readonly code: AgentErrorCode;
  /** Told of lines that had room, and could not be written before the end. */
  readonly onLost: (lines: number) => void;
  /** Told of lines that are in the file. */
  readonly onWritten: (lines: number) => void;
  /** Told of an earlier file that is gone, by its bytes. */
  readonly onRemoved?: (bytes: number) => void;
  /** Told what is wrong with the file, each time. */
  readonly onFailed: (reason: string) => void;
}

interface Line {
  readonly bytes: Buffer;
  readonly owner: LineOwner;
}

/** Of lines about the file. */
const fileItself: LineOwner = {};

/** Of lines that wait to be written. */
const maxBytesWaiting = 16 * 1024 * 1024;
/** Of those that are of the usual kind. */
const maxUsualBytesWaiting = (maxBytesWaiting / 4) * 3;
/** Of one write. */
const maxBytesAtOnce = 1024 * 1024;
/** PIPE_BUF: so much goes into a pipe as a whole, whoever else writes to it. */
const maxBytesOfPipe = 4096;
/** A pipe that is full is looked at again so much later. */
const fullPipeMs = 5;
/** Whether the file was renamed is looked at so often while lines come. */
const lookEveryMs = 500;
/** After a failure it is tried again so much later. */
const firstRetryMs = 100;
const longestRetryMs = 5000;
/** At the end: how long the rest may take. */
const endPatienceMs = 3000;
/** And a write that nothing holds up. */
const lastWriteMs = 200;

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
    throw new Error(`${path} is not a regular file`);
  } catch (thrown) {
    await file.close();
    throw thrown;
  }
}

const stdoutFd = 1;
const writeTo = promisify(write);

/** An output that is never opened anew. */
interface Output {
  write(bytes: Buffer): Promise<{ readonly bytesWritten: number }>;
  close(): Promise<void>;
}

/**
 * An output that is also the standard output of others stays as it is for them: a pipe is opened once
 * more, so that no slow reader blocks. Other outputs are written to as they are, by one thread at most.
 */
async function openStandardOutput(): Promise<Output> {
  const asItIs: Output = {
    write: (bytes) => writeTo(stdoutFd, bytes),
    close: () => Promise.resolve(),
  };
  if (!fstatSync(stdoutFd).isFIFO()) return asItIs;
  const { O_WRONLY, O_NONBLOCK } = constants;
  return open(`/proc/self/fd/${stdoutFd}`, O_WRONLY | O_NONBLOCK).catch(() => asItIs);
}

export class LineFile implements AsyncDisposable {
  readonly #parts: LineFileParts;
  #file: FileHandle | undefined;
  /** In place of a file. */
  readonly #output: Output | undefined;
  #waiting: Line[] = [];
  readonly #room: FairRoom<LineOwner> = new FairRoom(maxBytesWaiting);
  readonly #bounds: FileBounds;
  readonly #rates: LineRates | undefined;
  /** Of the file. */
  #size = 0;
  /** Of the first line that waits: so much of it is in the file already. */
  #written = 0;
  #writing: Promise<void> | undefined;
  #isReopening = false;
  #lookedAt = 0;
  #isStuck = false;
  #retryMs = firstRetryMs;
  readonly #ending = new AbortController();

  private constructor(
    parts: LineFileParts,
    { file, output }: { readonly file?: FileHandle; readonly output?: Output },
  ) {
    this.#parts = parts;
    this.#bounds = parts.bounds ?? defaultBounds;
    const { bytesPerSecond } = this.#bounds;
    this.#rates = bytesPerSecond === undefined ? undefined : new LineRates(bytesPerSecond);
    this.#file = file;
    this.#output = output;
  }

  /** @throws AgentError with the code of the parts */
  static async open(parts: LineFileParts): Promise<LineFile> {
    if (parts.path === standardOutput) {
      return new LineFile(parts, { output: await openStandardOutput() });
    }
    try {
      const file = await openLines(parts.path);
      const lines = new LineFile(parts, { file });
      lines.#size = (await file.stat()).size;
      return lines;
    } catch (cause) {
      const hint = systemCodeOf(cause) === 'ENOENT' ? ': create its folder first' : '';
      throw new AgentError(parts.code, `cannot write to ${parts.path}${hint}`, { cause });
    }
  }

  /**
   * @param line JSON without its end; people see it too, so what controls a terminal is written as its
   * number there
   * @param ofKind those of the usual kind leave some of the room to others
   * @param owner the container that it is about, which has a rate, and a fair part of the room
   * @returns whether there was room: else it is lost
   */
  add(line: string, ofKind: LineKind, owner: LineOwner): boolean {
    const bytes = Buffer.from(`${escaped(line)}\n`);
    if (this.#rates?.take(owner, bytes.length, ofKind) === false) return false;
    return this.#wait({ bytes, owner }, ofKind === 'usual' ? maxUsualBytesWaiting : undefined);
  }

  /** As `add`, of a line about what is missing in the file: it counts for no container. */
  addOwn(line: string): boolean {
    return this.#wait({ bytes: Buffer.from(`${escaped(line)}\n`), owner: fileItself });
  }

  #wait(line: Line, max?: number): boolean {
    if (!this.#room.take(line.owner, line.bytes.length, max)) return false;
    this.#waiting.push(line);
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

  /** Whether the last write has not ended: a thread of Node's is held up by it. */
  get isStuck(): boolean {
    return this.#isStuck;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.flush();
    await this.#untilEnded();
    if (this.#waiting.length > 0) this.#parts.onLost(this.#waiting.length);
    this.#isStuck = this.#writing !== undefined;
    if (this.#isStuck) return;
    await this.#file?.close();
    await this.#output?.close();
  }

  /** Or until it has taken too long. */
  async #untilEnded(): Promise<void> {
    const writing = this.#writing;
    if (writing === undefined) return;
    await new Promise<void>((resolve) => {
      const patience = setTimeout(() => {
        this.#ending.abort();
      }, endPatienceMs);
      const limit = setTimeout(resolve, endPatienceMs + lastWriteMs);
      const end = async (): Promise<void> => {
        await writing;
        clearTimeout(patience);
        clearTimeout(limit);
        resolve();
      };
      void end();
    });
  }

  async #write(): Promise<void> {
    while (this.#waiting.length > 0 || this.#isReopening) {
      if (this.#ending.signal.aborted) return;
      try {
        await this.#follow();
        await this.#rotateIfFull();
        await this.#writeSome();
        this.#retryMs = firstRetryMs;
      } catch (thrown) {
        if (!(await this.#pause(this.#untilRetry(thrown)))) return;
      }
    }
  }

  /** @returns how long, in milliseconds */
  #untilRetry(thrown: unknown): number {
    if (systemCodeOf(thrown) === 'EAGAIN') return fullPipeMs;
    this.#parts.onFailed(messageOf(thrown));
    const waited = this.#retryMs;
    this.#retryMs = Math.min(2 * waited, longestRetryMs);
    return waited;
  }

  /** @returns whether there is time to go on */
  async #pause(waited: number): Promise<boolean> {
    return pause(waited, true, { signal: this.#ending.signal, ref: false }).catch(() => false);
  }

  /** Opens the file anew that has the name now, if it is another one. */
  async #follow(): Promise<void> {
    if (this.#output !== undefined) {
      this.#isReopening = false;
      return;
    }
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
    this.#size = (await next.stat()).size;
  }

  async #rotateIfFull(): Promise<void> {
    const { rotateBytes, rotateFiles } = this.#bounds;
    const next = this.#waiting[0]?.bytes.length ?? 0;
    if (this.#output !== undefined || rotateBytes === undefined) return;
    // of a line that was begun the rest goes into the same file
    if (this.#written > 0 || this.#size === 0 || this.#size + next <= rotateBytes) return;
    const removed = await rotate(this.#parts.path, rotateFiles);
    if (removed > 0) this.#parts.onRemoved?.(removed);
    this.#isReopening = true;
    await this.#follow();
  }

  /** Of one write. */
  get #maxAtOnce(): number {
    if (this.#output !== undefined) return maxBytesOfPipe;
    const { rotateBytes = Infinity } = this.#bounds;
    return Math.min(maxBytesAtOnce, rotateBytes - this.#size);
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
    } catch (thrown) {
      this.#parts.onFailed(messageOf(thrown));
    }
    // Node ends the process for one that is forgotten
    await file?.close().catch((thrown: unknown) => {
      this.#parts.onFailed(messageOf(thrown));
    });
  }

  async #writeSome(): Promise<void> {
    const first = this.#waiting[0]?.bytes.subarray(this.#written);
    const output = this.#output ?? this.#file;
    if (first === undefined || output === undefined) return;
    const chunk = [first];
    let size = first.length;
    for (const { bytes } of this.#waiting.slice(1, 4096)) {
      if (size + bytes.length > this.#maxAtOnce) break;
      chunk.push(bytes);
      size += bytes.length;
    }
    const { bytesWritten } = await output.write(Buffer.concat(chunk));
    this.#size += bytesWritten;
    this.#drop(bytesWritten);
  }

  #drop(bytesWritten: number): void {
    let left = this.#written + bytesWritten;
    let lines = 0;
    for (const { bytes, owner } of this.#waiting) {
      if (bytes.length > left) break;
      left -= bytes.length;
      this.#room.giveBack(owner, bytes.length);
      lines += 1;
    }
    this.#waiting.splice(0, lines);
    this.#written = left;
    if (lines > 0) this.#parts.onWritten(lines);
  }
}
