// SPDX-License-Identifier: Apache-2.0
// Answers, types and texts of TypeScript and JavaScript handlers, beside the host's interfaces.
// oxlint-disable-next-line typescript/triple-slash-reference -- a file of `declare module` is no module
/// <reference path="./contract.d.ts" />
import type { Action, Answer, Errno } from 'seccompagent:handler/types@0.1.0';

export type * from 'seccompagent:handler/types@0.1.0';
export * from './constants.ts';

/** Exports of a handler, each optional. `configure` refuses settings by throwing. */
export type Handler = Partial<
  Omit<typeof import('seccompagent:handler/handler@0.1.0'), 'configure'>
> & {
  configure?(settings: ReadonlyMap<string, string>): void;
};

/** The call returns this, a whole number of at most 53 bits; -4095 to -1 is refused. */
export function value(result: number): Answer {
  return { tag: 'value', val: result };
}

/** @param errno in small letters or in capitals: `'eperm'`, `'EPERM'` */
export function fail(errno: Errno | Uppercase<Errno>): Answer {
  const name = errno.toLowerCase();
  if (!isErrno(name)) throw new Error(`there is no errno "${errno}"`);
  return { tag: 'fail', val: name };
}

/**
 * The kernel judges the call itself, reading the caller's memory again: never the answer of a
 * handler that refuses by what a pointer says.
 */
export function proceed(): Answer {
  return { tag: 'continue' };
}

/** No opinion: the next handler of the chain is asked. */
export function next(): Action {
  return { tag: 'next' };
}

/** The host does the call as it was decoded, as the caller. */
export function perform(): Action {
  return { tag: 'perform' };
}

/** The same answer after a time, at most a day. */
export function after(milliseconds: number, answer: Answer): Action {
  return { tag: 'delay', val: { milliseconds, answer } };
}

/** The caller gets a copy of what the host holds under this index. */
export function descriptor(index: number, closeOnExec: boolean): Action {
  return { tag: 'descriptor', val: { descriptor: index, closeOnExec } };
}

/**
 * The answer of an operation of the host, which throws where it fails: 0, or its errno.
 *
 * @example
 * return done(() => filesystem.mkdir(path, mode));
 */
export function done(operation: () => void): Answer {
  try {
    operation();
  } catch (thrown) {
    return fail(errnoOf(thrown));
  }
  return value(0);
}

/** The errno that a function of the host has thrown. Throws all else again. */
export function errnoOf(thrown: unknown): Errno {
  if (thrown instanceof Error && isErrno(thrown.message)) return thrown.message;
  throw thrown;
}

function isErrno(text: string): text is Errno {
  return /^e[a-z0-9]+$/u.test(text);
}

/** QuickJS has no TextEncoder. Lone surrogates become U+FFFD. */
export function utf8(text: string): Uint8Array {
  const bytes: number[] = [];
  for (const character of text.toWellFormed()) {
    const point = character.codePointAt(0) ?? 0;
    if (point < 0x80) bytes.push(point);
    else if (point < 0x800) bytes.push(0xc0 | (point >> 6), continuation(point));
    else if (point < 0x10000) {
      bytes.push(0xe0 | (point >> 12), continuation(point >> 6), continuation(point));
    } else {
      bytes.push(0xf0 | (point >> 18), continuation(point >> 12));
      bytes.push(continuation(point >> 6), continuation(point));
    }
  }
  return Uint8Array.from(bytes);
}

function continuation(bits: number): number {
  return 0x80 | (bits & 0x3f);
}

const slash = 0x2f;

/**
 * The path with a text added to its last name: `/a/b/` becomes `/a/b-suffix/`. A path without a
 * name stays as it is.
 */
export function withSuffix(path: Uint8Array, suffix: Uint8Array): Uint8Array {
  let end = path.length;
  while (end > 0 && path[end - 1] === slash) end -= 1;
  if (end === 0) return path;
  const longer = new Uint8Array(path.length + suffix.length);
  longer.set(path.subarray(0, end));
  longer.set(suffix, end);
  longer.set(path.subarray(end), end + suffix.length);
  return longer;
}

/** For logs: what is not UTF-8 becomes U+FFFD, so two paths may read the same. */
export function lossyText(bytes: Uint8Array): string {
  let text = '';
  let place = 0;
  while (place < bytes.length) {
    const [point, length] = characterAt(bytes, place);
    text += String.fromCodePoint(point);
    place += length;
  }
  return text;
}

const replacement = 0xfffd;
/** The least number that a character of so many bytes stands for. */
const least = [0, 0, 0x80, 0x800, 0x10000] as const;

/** The character that begins here, and how many bytes it has. */
function characterAt(bytes: Uint8Array, place: number): readonly [point: number, length: number] {
  const first = bytes[place] ?? 0;
  if (first < 0x80) return [first, 1];
  const length = first >= 0xf0 ? 4 : first >= 0xe0 ? 3 : 2;
  if (first < 0xc2 || first > 0xf4) return [replacement, 1];
  let point = first & (0x7f >> length);
  for (let index = 1; index < length; index += 1) {
    const byte = bytes[place + index] ?? 0;
    if ((byte & 0xc0) !== 0x80) return [replacement, 1];
    point = (point << 6) | (byte & 0x3f);
  }
  const isSurrogate = point >= 0xd800 && point < 0xe000;
  const isWrong = isSurrogate || point < (least[length] ?? 0) || point > 0x10ffff;
  return isWrong ? [replacement, 1] : [point, length];
}
