// SPDX-License-Identifier: Apache-2.0
// Two times that a file gets: `struct __kernel_timespec[2]`, `struct timeval[2]` and `struct utimbuf`,
// whose sizes differ in 32-bit calls. NULL says that both are now.
import { newTime, readKind, timeChange } from '../../native.ts';
import { structBytes } from './kind.ts';
import type { GivenFields, ParameterKind, PointerKind, StructField } from './kind.ts';

const second = 1_000_000_000n;

/** In the order of the WIT. */
function fieldsOf(name: string, offset: number): readonly StructField[] {
  return [
    { name: `${name}-change`, offset: offset + newTime.change, size: 4 },
    { name: `${name}-seconds`, offset: offset + newTime.seconds, size: 8, isSigned: true },
    { name: `${name}-nanoseconds`, offset: offset + newTime.nanoseconds, size: 4 },
  ];
}

const names = ['accessed', 'modified'] as const;
const fields = names.flatMap((name, place) => fieldsOf(name, place * newTime.size));

/** `now`, `omit`, or nanoseconds since 1970. */
function givenTime(given: GivenFields, name: string): readonly (readonly [string, bigint])[] {
  const plain = given.plain(name) ?? 'omit';
  if (plain === 'now' || plain === 'omit') return [[`${name}-change`, BigInt(timeChange[plain])]];
  if (typeof plain === 'string') return given.fail(name, 'is neither now, omit nor a number');
  const nanoseconds = ((plain % second) + second) % second;
  return [
    [`${name}-seconds`, (plain - nanoseconds) / second],
    [`${name}-nanoseconds`, nanoseconds],
  ];
}

function givenTimes(given: GivenFields): Uint8Array {
  const numbers = new Map(names.flatMap((name) => givenTime(given, name)));
  return structBytes(names.length * newTime.size, fields, (name) => numbers.get(name) ?? 0n);
}

/** utimensat(2) looks at nothing else then. */
function isOmittedTwice(bytes: Uint8Array): boolean {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  return names.every((_, place) => {
    const at = place * newTime.size + newTime.change;
    return view.getUint32(at, true) === timeChange.omit;
  });
}

function timesKind(name: string, read: number): PointerKind {
  return {
    name,
    type: 'pointer',
    read,
    memory: 'snapshot',
    fields,
    hasOnlyFields: true,
    isFollowedFirst: true,
    isNothingAsked: isOmittedTwice,
    sample: '{ accessed: now, modified: 0 }',
    map: { keys: names, bytes: givenTimes },
  };
}

/** Of utimensat(2): UTIME_NOW and UTIME_OMIT are values of their own. */
export const timespecsKind: PointerKind = timesKind('timespecs', readKind.timespecs);
/** The same with 64 bits in 32-bit calls. */
export const timespecs64Kind: PointerKind = timesKind('timespecs64', readKind.timespecs64);
/** Of utimes(2): microseconds, which are checked. */
export const timevalsKind: PointerKind = timesKind('timevals', readKind.timevals);
/** Of utime(2): seconds. */
export const utimbufKind: PointerKind = timesKind('utimbuf', readKind.utimbuf);

export const newTimesParameter: ParameterKind = {
  name: 'new-times',
  wit: 'option<new-times>',
  author: 'NewTimes | null',
  core: ['i32', 'i32', 'i64', 'u32', 'i32', 'i64', 'u32'],
  lift: { from: 'abi/parameters', name: 'liftNewTimes' },
  passed: { as: 'optional-fields', fields },
};
