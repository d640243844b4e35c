// SPDX-License-Identifier: Apache-2.0
// Reads files of which nobody knows what stands in their place: archives and repositories may bring
// FIFOs, which are waited for, and links to devices, which have no end.
import {
  closeSync,
  constants,
  createReadStream,
  fstatSync,
  lstatSync,
  openSync,
  readSync,
  statSync,
} from 'node:fs';
import type { Stats } from 'node:fs';
import { Readable } from 'node:stream';

import { systemCodeOf } from '../errors.ts';

export interface FileLimits {
  readonly maxBytes: number;
  /** Whether the path may be a link; absent: it may. */
  readonly mayBeLink?: boolean;
  /** Throws where the file is not to be read; its status and contents are those of the same file. */
  readonly check?: (status: Stats, descriptor: number) => void;
}

function checkRegular(status: Stats): void {
  if (!status.isFile()) throw new Error('it is not a regular file');
}

/** Identity of the file at the path: it stays until that is another file. */
const faultsOfPath = ['ENOENT', 'ENOTDIR', 'ELOOP', 'ENAMETOOLONG'];

/**
 * Of a file that cannot be read: whether the file system may let us later, as where descriptors had run
 * out or its server was away.
 */
export function isPassingFault(thrown: unknown): boolean {
  const isOfSystem = thrown instanceof Error && 'errno' in thrown;
  return isOfSystem && !faultsOfPath.includes(systemCodeOf(thrown) ?? '');
}

/** 0 where it cannot be looked at, such as a link to itself: who reads it hears why. */
export function sizeIfThere(file: string): number {
  try {
    return statSync(file).size;
  } catch {
    return 0;
  }
}

/** No more than its status says: it may grow meanwhile. */
function readBytes(fd: number, size: number): Buffer {
  const bytes = Buffer.alloc(size);
  let count = 0;
  while (count < size) {
    const more = readSync(fd, bytes, count, size - count, null);
    if (more === 0) break;
    count += more;
  }
  return bytes.subarray(0, count);
}

interface OpenFile {
  readonly descriptor: number;
  readonly size: number;
}

function openRegularFile(
  file: string,
  { maxBytes, mayBeLink = true, check }: FileLimits,
): OpenFile {
  // some devices do something as soon as they are opened
  checkRegular(mayBeLink ? statSync(file) : lstatSync(file));
  const follow = mayBeLink ? 0 : constants.O_NOFOLLOW;
  const descriptor = openSync(file, constants.O_RDONLY | constants.O_NONBLOCK | follow);
  try {
    // it may be another one by now
    const status = fstatSync(descriptor);
    checkRegular(status);
    if (status.size > maxBytes) {
      throw new Error(`it has ${status.size} bytes; the maximum is ${maxBytes}`);
    }
    check?.(status, descriptor);
    return { descriptor, size: status.size };
  } catch (thrown) {
    closeSync(descriptor);
    throw thrown;
  }
}

/**
 * A regular file, or one that a link leads to.
 * @throws Error of the file system; Error when it is another kind of file, or too large
 */
export function readRegularFile(file: string, limits: FileLimits): Buffer {
  const { descriptor, size } = openRegularFile(file, limits);
  try {
    return readBytes(descriptor, size);
  } finally {
    closeSync(descriptor);
  }
}

/** The same in pieces, as far as it goes now: for files that need not fit into memory. @throws the same */
export function streamRegularFile(file: string, limits: FileLimits): Readable {
  const { descriptor, size } = openRegularFile(file, limits);
  if (size > 0) return createReadStream('', { fd: descriptor, end: size - 1 });
  closeSync(descriptor);
  return Readable.from([]);
}
