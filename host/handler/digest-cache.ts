// SPDX-License-Identifier: Apache-2.0
// A cache of findings about components on disk. There is no code in it. Only files of our own are read.
import { createHash, randomUUID } from 'node:crypto';
import {
  closeSync,
  existsSync,
  fsyncSync,
  futimesSync,
  lstatSync,
  mkdirSync,
  openSync,
  readdirSync,
  renameSync,
  statSync,
  unlinkSync,
  writeSync,
} from 'node:fs';
import type { Stats } from 'node:fs';
import { homedir } from 'node:os';
import { dirname, join } from 'node:path';

import { readRegularFile } from '../files/regular-file.ts';

/** Links between a component's core modules; whether its code can be compiled. */
export type FindingKind = 'wirings' | 'verdicts';

/** Changes with what they say. */
const format = 2;
const maxBytes = 8 * 2 ** 20;
/** Verdicts are small, and bundles of others are not to push out what somebody uses. */
const maxEntries: Readonly<Record<FindingKind, number>> = { wirings: 256, verdicts: 4096 };
/** A used file is marked again after so long. */
const markedForMs = 3_600_000;
const writableByOthers = 0o022;

/** The agent's folder for them: systemd's CacheDirectory=, or the usual one. */
export function cacheFolder(
  finding: FindingKind,
  environment: NodeJS.ProcessEnv = process.env,
): string {
  const given = environment['CACHE_DIRECTORY']?.split(':')[0];
  if (given !== undefined && given.startsWith('/')) return join(given, finding);
  return process.geteuid?.() === 0
    ? `/var/cache/seccompagent/${finding}`
    : join(homedir(), '.cache/seccompagent', finding);
}

function isOurs({ uid, mode }: Stats): boolean {
  return uid === process.geteuid?.() && (mode & writableByOthers) === 0;
}

export class DigestCache {
  readonly #finding: FindingKind;
  readonly #folder: string;

  constructor(finding: FindingKind, folder: string = cacheFolder(finding)) {
    this.#finding = finding;
    this.#folder = folder;
  }

  /**
   * @param version of what has found it out
   * @returns undefined: there is none that can be trusted
   */
  read(digest: string, version: string): string | undefined {
    if (!this.#isFolderOurs()) return undefined;
    let text: string;
    try {
      const file = this.#file(digest, version);
      text = readRegularFile(file, { maxBytes, mayBeLink: false, check: markOurs }).toString();
    } catch {
      return undefined;
    }
    return contentOf(text, this.#headOf(digest, version));
  }

  /** Does nothing where it can't: it is but a cache. */
  write(digest: string, version: string, text: string): void {
    let temporary: string | undefined;
    try {
      makeFolder(this.#folder);
      if (!this.#isFolderOurs()) return;
      this.#makeRoom();
      temporary = join(this.#folder, `.${randomUUID()}`);
      writeNew(temporary, `${this.#headOf(digest, version)} ${hashOf(text)}\n${text}`);
      renameSync(temporary, this.#file(digest, version));
    } catch {
      if (temporary !== undefined) removeIfThere(temporary);
    }
  }

  /** Its purpose; it stands in the file too. */
  #headOf(digest: string, version: string): string {
    return `${this.#finding} ${format} of ${digest} by ${version}`;
  }

  #file(digest: string, version: string): string {
    return join(this.#folder, hashOf(this.#headOf(digest, version)));
  }

  #isFolderOurs(): boolean {
    try {
      const status = lstatSync(this.#folder);
      return status.isDirectory() && isOurs(status);
    } catch {
      return false;
    }
  }

  /** Those that were not used for the longest time go first. */
  #makeRoom(): void {
    const files = readdirSync(this.#folder).map((name) => join(this.#folder, name));
    const max = maxEntries[this.#finding];
    if (files.length < max) return;
    const aged = files.map((file) => ({ file, time: statSync(file).mtimeMs }));
    const oldest = aged.toSorted((a, b) => a.time - b.time).slice(0, files.length - max + 1);
    for (const { file } of oldest) removeIfThere(file);
  }
}

/** Node's own way to make folders above as well does not end where the kernel says ENOENT to that. */
function makeFolder(folder: string): void {
  if (existsSync(folder)) return;
  makeFolder(dirname(folder));
  mkdirSync(folder, { mode: 0o700 });
}

function hashOf(text: string): string {
  return createHash('sha256').update(text).digest('hex');
}

function contentOf(file: string, head: string): string | undefined {
  const end = file.indexOf('\n');
  const text = file.slice(end + 1);
  return end >= 0 && file.slice(0, end) === `${head} ${hashOf(text)}` ? text : undefined;
}

function markOurs(status: Stats, descriptor: number): void {
  if (!isOurs(status)) throw new Error('it is not ours');
  if (Date.now() - status.mtimeMs > markedForMs) markUsed(descriptor);
}

function markUsed(descriptor: number): void {
  try {
    const now = new Date();
    futimesSync(descriptor, now, now);
  } catch {
    // such as where the disk may only be read
  }
}

function writeNew(file: string, text: string): void {
  const descriptor = openSync(file, 'wx', 0o600);
  try {
    const bytes = Buffer.from(text);
    for (let done = 0; done < bytes.length;) done += writeSync(descriptor, bytes, done);
    fsyncSync(descriptor);
  } finally {
    closeSync(descriptor);
  }
}

function removeIfThere(file: string): void {
  try {
    unlinkSync(file);
  } catch {
    // somebody else was faster
  }
}
