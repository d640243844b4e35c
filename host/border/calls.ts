// SPDX-License-Identifier: Apache-2.0
// A received call and its answer, as the addon and the host share them: the tables behind the
// inbox. C++ has them from here: `npm run generate`.
import { offsetsOf, sizeOf } from './layout.ts';
import type { Places } from './layout.ts';

/** Events that `receive` reports. `shortage`: another thread found memory short. */
export const eventKind = {
  notification: 1,
  ended: 2,
  stopped: 3,
  shortage: 4,
  /**
   * A helper has answered a call that was handed over: the answer's value is what the worker knows
   * it by, and its errno what came of it. The next `receive` counts it by the answer's slot.
   */
  performed: 5,
} as const;

/** Architectures by their index in tables. */
export const arches = ['x86_64', 'i386', 'x32', 'arm64'] as const;
/** Rows of the tables that the addon looks numbers up in. */
export const numbersPerArch = 1024;
export const argumentCount = 6;

/** Ways in which the addon reads a pointer argument. */
export const readKind = {
  nothing: 0,
  path: 1,
  source: 2,
  mountData: 3,
  xattrName: 4,
  /** As many bytes as the next argument says. */
  xattrValue: 5,
  /**
   * A struct xattr_args, whose size is the next argument: of setxattrat(2), with the value that it
   * points to.
   */
  xattrArgs: 6,
  /** A struct xattr_args of getxattrat(2), as it is. */
  xattrRoom: 7,
  /** A struct open_how, whose size is the next argument. */
  openHow: 8,
  /** Two struct timespec, of 32 or 64 bits by the architecture. */
  timespecs: 9,
  /** The same with 64 bits on all architectures. */
  timespecs64: 10,
  /** Two struct timeval, by the architecture. */
  timevals: 11,
  /** A struct utimbuf, by the architecture. */
  utimbuf: 12,
} as const;

/** The answer to the current call. */
export const answerKind = {
  none: 0,
  value: 1,
  errno: 2,
  continue: 3,
  descriptor: 4,
  /** A helper does the rest. */
  handed: 5,
} as const;

/** Why a call that was handed over got the failure policy's answer. */
export const helperFailure = {
  none: 0,
  /** The helper has ended. */
  ended: 1,
  /** It could not become who the call needs, or said what it may not say. */
  couldNotAct: 2,
  /** It could not be told, or no thread did what it had asked for. */
  notServed: 3,
} as const;

/** The head of an inbox; the bytes of pointer arguments follow it. */
export const inboxFields = {
  token: 'u32',
  tid: 'u32',
  arch: 'u32',
  number: 'u32',
  registers: ['u64', 6],
  pointers: [
    {
      structName: 'Pointer',
      fields: {
        /** In bytes; or `notRead`, `null`, or a negated errno. */
        length: 'i32',
        /** Of the bytes, from the start of the inbox. */
        offset: 'u32',
      },
    },
    6,
  ],
  id: 'u64',
  auditArch: 'u32',
  /** 1: the last answer found its notification gone. */
  wasGone: 'u32',
  /** Written by JavaScript; sent and cleared by the next `receive`. */
  answer: {
    structName: 'Answer',
    fields: {
      /** Of a descriptor its index. */
      value: 'i64',
      /** 0 or a positive errno; of a descriptor 1 if execve(2) closes it. */
      errno: 'i32',
      kind: { enumName: 'AnswerKind' },
      /** Milliseconds until it is sent; 0: at once. */
      delay: 'u32',
      /** Index of the counters that count the call. */
      slot: 'u32',
      /** Not 0: the failure policy answered. */
      failed: 'u32',
      /** Of a performed call. */
      helperFailure: { enumName: 'HelperFailure' },
    },
  },
  /**
   * Written by JavaScript while handlers run, read by the watchdog: 1 + the index of the handler in
   * its chain; 0: none runs.
   */
  link: 'u32',
  /** Of that handler, in milliseconds; 0: the default. */
  deadline: 'u32',
  /** Duration of the previous call, in microseconds. */
  took: 'u32',
  /** The version of the terms by which the call is handled. */
  terms: 'u32',
} as const;

/** In front of the value that a struct xattr_args points to. */
export const xattrHeaderFields = { flags: 'u32', size: 'u32' } as const;

/** `change` of a time that a file gets: cases of the WIT enum `time-change`. */
export const timeChange = { set: 0, now: 1, omit: 2 } as const;

/** A time that a file gets: what the addon makes of either time behind a pointer. */
export const newTimeFields = {
  change: { enumName: 'TimeChange' },
  nanoseconds: 'u32',
  /** Since 1970. */
  seconds: 'i64',
} as const;

export const newTime: Places<typeof newTimeFields> & { readonly size: number } = {
  ...offsetsOf(newTimeFields),
  size: sizeOf(newTimeFields),
};

/** Room for the bytes of pointer arguments: four strings, or a path and an extended attribute. */
export const inboxData: number = 18 * 4096;

interface InboxConstants {
  readonly size: number;
  /** The first byte behind the head. */
  readonly data: number;
  /** Lengths of pointers that were not followed. */
  readonly notRead: -0x1_0000;
  readonly null: -0x1_0001;
}

/** Byte offsets at which the addon writes a received call and reads its answer. */
export const inbox: Places<typeof inboxFields> & InboxConstants = {
  ...offsetsOf(inboxFields),
  size: sizeOf(inboxFields) + inboxData,
  data: sizeOf(inboxFields),
  notRead: -0x1_0000,
  null: -0x1_0001,
};
