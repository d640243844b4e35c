// SPDX-License-Identifier: Apache-2.0
// The file beside the agent socket that says which containers an agent serves: their calls fail when it
// ends, and the next agent knows from there whom to tell.
import { randomUUID } from 'node:crypto';
import {
  closeSync,
  constants,
  fstatSync,
  lstatSync,
  openSync,
  readFileSync,
  renameSync,
  rmSync,
  writeFileSync,
} from 'node:fs';
import type { Stats } from 'node:fs';

import { failureFields } from '../errors.ts';
import { fieldOf } from '../text/fields.ts';
import { knownProcess } from '../agent-socket/known-process.ts';
import type { IdentityOf, KnownProcess } from '../agent-socket/known-process.ts';
import type { Log } from '../log/log.ts';
import type { Workload } from '../agent-socket/workload.ts';

export interface ServedContainer {
  readonly containerId: string;
  /** User that has sent it; absent: root. */
  readonly peerUid?: number;
  readonly firstProcess: KnownProcess;
  readonly workload: Workload;
}

export interface Served {
  /** In which the processes were. */
  readonly boot: string | undefined;
  readonly agent: KnownProcess;
  readonly containers: readonly ServedContainer[];
}

export interface ServedFileParts {
  /** The agent socket. */
  readonly socket: string;
  readonly log: Log;
  readonly identityOf: IdentityOf;
  /** Those that count most come first. */
  readonly containers: () => readonly ServedContainer[];
}

const ownerOnly = 0o600;
const others = 0o077;
/** A node has some hundreds. */
const maxContainers = 4096;
const maxBytes = 4 * 1024 * 1024;
/** Of what is there besides containers. */
const headBytes = 1024;
const maxPid = 0x7fff_ffff;
/** Containers come in crowds. */
const gatherMs = 100;
/** Nobody who lives writes so long. */
const unfinishedMs = 60_000;
const unfinished = '.new';

/** First part of the names of such files. */
export function servedPrefix(socket: string): string {
  return `${socket}.served-`;
}

/** Outside of it, processes' numbers and identities mean nothing; undefined: the kernel does not say. */
export function bootId(): string | undefined {
  try {
    return readFileSync('/proc/sys/kernel/random/boot_id', 'utf8').trim();
  } catch {
    return undefined;
  }
}

export function removeServed(file: string): void {
  rmSync(file, { force: true });
}

/** Existing files of others are never written to: the file is a new one each time. */
function replaceFile(file: string, text: string): void {
  const written = `${file}.${randomUUID()}${unfinished}`;
  try {
    writeFileSync(written, text, { mode: ownerOnly, flag: 'wx' });
    renameSync(written, file);
  } catch (thrown) {
    rmSync(written, { force: true });
    throw thrown;
  }
}

/** Whether a file is one that is still being written, or was when its agent ended. */
export function isUnfinished(file: string): boolean {
  return file.endsWith(unfinished);
}

export function removeUnfinished(file: string): void {
  const status = lstatSync(file, { throwIfNoEntry: false });
  if (status === undefined || !isOwn(status)) return;
  if (Date.now() - status.mtimeMs > unfinishedMs) rmSync(file, { force: true });
}

function isOwn(status: Stats): boolean {
  return status.isFile() && status.uid === process.geteuid?.();
}

/** As many as the next agent reads. */
function thatFit(containers: readonly ServedContainer[]): readonly ServedContainer[] {
  let left = maxBytes - headBytes;
  return containers.slice(0, maxContainers).filter((each) => {
    const size = Buffer.byteLength(JSON.stringify(each)) + 1;
    const fits = size <= left;
    if (fits) left -= size;
    return fits;
  });
}

export class ServedFile implements Disposable {
  readonly #parts: ServedFileParts;
  readonly file: string;
  #timer: NodeJS.Timeout | undefined;
  #hasFailed = false;
  #isOver = false;

  constructor(parts: ServedFileParts) {
    this.#parts = parts;
    this.file = servedPrefix(parts.socket) + randomUUID();
  }

  /** Containers have come, changed or gone. */
  changed(): void {
    if (this.#isOver) return;
    this.#timer ??= setTimeout(() => {
      this.#write();
    }, gatherMs).unref();
  }

  /** Containers that are still served are left for the next agent. */
  [Symbol.dispose](): void {
    this.#write();
    this.#isOver = true;
  }

  #write(): void {
    clearTimeout(this.#timer);
    this.#timer = undefined;
    const containers = thatFit(this.#parts.containers());
    const agent = knownProcess(this.#parts.identityOf, process.pid);
    try {
      if (containers.length === 0) {
        removeServed(this.file);
        return;
      }
      const text = JSON.stringify({ boot: bootId(), agent, containers });
      replaceFile(this.file, text);
    } catch (thrown) {
      if (this.#hasFailed) return;
      this.#hasFailed = true;
      this.#parts.log.event('served-not-kept', failureFields(thrown));
    }
  }
}

/** The file that an agent has left; undefined: none, or not of our own user alone. */
export function readServed(file: string): Served | undefined {
  try {
    const descriptor = openSync(
      file,
      constants.O_RDONLY | constants.O_NOFOLLOW | constants.O_NONBLOCK,
    );
    try {
      const status = fstatSync(descriptor);
      if (!isOwn(status) || (status.mode & others) !== 0) return undefined;
      if (status.size > maxBytes) return undefined;
      return servedIn(JSON.parse(readFileSync(descriptor, 'utf8')));
    } finally {
      closeSync(descriptor);
    }
  } catch {
    return undefined;
  }
}

function servedIn(json: unknown): Served | undefined {
  const [boot, containers] = [fieldOf(json, 'boot'), fieldOf(json, 'containers')];
  const agent = processIn(fieldOf(json, 'agent'));
  if (agent === undefined || !Array.isArray(containers)) return undefined;
  return {
    boot: typeof boot === 'string' ? boot : undefined,
    agent,
    containers: containers.flatMap((each: unknown) => containerIn(each) ?? []),
  };
}

function processIn(json: unknown): KnownProcess | undefined {
  const [pid, identity] = [fieldOf(json, 'pid'), fieldOf(json, 'identity')];
  const isPid = typeof pid === 'number' && Number.isInteger(pid) && pid > 0 && pid <= maxPid;
  return isPid && typeof identity === 'string' ? { pid, identity } : undefined;
}

function containerIn(json: unknown): ServedContainer | undefined {
  const [containerId, peerUid] = [fieldOf(json, 'containerId'), fieldOf(json, 'peerUid')];
  const firstProcess = processIn(fieldOf(json, 'firstProcess'));
  if (typeof containerId !== 'string' || firstProcess === undefined) return undefined;
  const said = fieldOf(json, 'workload');
  const workload: Workload = Object.fromEntries(
    ['namespace', 'pod', 'container', 'podUid'].flatMap((field) => {
      const text = fieldOf(said, field);
      return typeof text === 'string' ? [[field, text] as const] : [];
    }),
  );
  const owner = typeof peerUid === 'number' ? { peerUid } : {};
  return { containerId, ...owner, firstProcess, workload };
}
