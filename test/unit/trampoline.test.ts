// SPDX-License-Identifier: Apache-2.0
// Tests how calls get into a handler's memory, with handlers that are correct and such that are not.
import { expect, test } from 'vitest';

import { messageOf } from '../../host/errors.ts';
import { familySignature } from '../../host/handler/core-functions.ts';
import { HandlerInstance } from '../../host/handler/instance.ts';
import { ReceivedCall } from '../../host/call/received-call.ts';
import { Syscalls } from '../../host/syscalls/syscalls.ts';
import { failureOf } from '../support/agent-failure.ts';
import { failure, naming } from '../support/failures.ts';
import { RecordingHost, fillCall } from '../support/handler-harness.ts';
import type { GivenArgument } from '../support/handler-harness.ts';
import { loadTrusted } from '../support/trusted-component.ts';
import {
  allocator,
  component,
  componentSection,
  coreModule,
  instruction,
  section,
} from '../support/wasm-binary.ts';
import type { Bytes, CoreFunction } from '../support/wasm-binary.ts';

const page = 65_536;
const logInterface = 'seccompagent:handler/log@0.1.0';
const answerAt = 16;
const longPath = `/${'p'.repeat(62)}`;

/** Traps of V8. */
const outOfBounds = 'memory access out of bounds';
const unreachable = 'unreachable';

/** Matches the words of a trap that is the host's. */
function wordsOfHost(): unknown {
  return expect.not.stringMatching(new RegExp(`^(?:${outOfBounds}|${unreachable})$`, 'u'));
}

/** An action that is all zero: the value 0. */
const zeroBytes: Bytes = Array.from({ length: 32 }, () => 0);
const continueBytes: Bytes = [2, ...zeroBytes.slice(1)];

/** Instructions that the tests share do not have. */
const more = {
  store64: [0x37, 0x03, 0x08],
  store8: [0x3a, 0x00, 0x00],
  extend: [0xad],
} as const;

interface Sample {
  readonly functions: readonly CoreFunction[];
  /** The bytes from `answerAt` on. */
  readonly data?: Bytes;
  readonly isWide?: boolean;
  readonly hasLog?: boolean;
}

/** A handler with the exports that its functions are named after. */
class Handler {
  readonly host: RecordingHost = new RecordingHost();
  readonly instance: HandlerInstance;
  readonly #syscalls = new Syscalls();
  readonly #call = new ReceivedCall();

  constructor({ functions, data = [], isWide = false, hasLog = false }: Sample) {
    const names = functions.map(({ name }) => name);
    const bytes = component({
      core: coreModule({
        functions,
        data: [...Array.from({ length: answerAt }, () => 0), ...data],
        imports: hasLog ? [{ module: logInterface, name: 'log', signature: 'iii:' }] : [],
      }),
      exports: names.filter((name) => !name.startsWith('cabi_')),
      imports: hasLog ? [logInterface] : [],
      sections: isWide ? [section(componentSection.canon, [1, 0x00, 0x00, 0, 1, 1, 0])] : [],
    });
    this.instance = new HandlerInstance(loadTrusted(bytes), [], this.host);
  }

  ask(name: string, ...given: readonly GivenArgument[]): unknown {
    const syscall = this.#syscalls.byName(name);
    if (syscall === undefined) throw new Error(`no ${name}`);
    fillCall(this.#call, name, given);
    return this.instance.ask(this.#call, syscall);
  }

  /** A call of another architecture. */
  askOn(arch: number, number: number, ...given: readonly GivenArgument[]): unknown {
    const syscall = this.#syscalls.find(arch, number);
    if (syscall === undefined) throw new Error(`no ${number}`);
    fillCall(this.#call, 'truncate', given);
    return this.instance.ask(this.#call, syscall);
  }

  /** Message of what ends an ask, which must break the instance. */
  failure(name: string, ...given: readonly GivenArgument[]): string {
    const failed = failureOf(() => this.ask(name, ...given));
    if (failed.code !== 'AGENT_HANDLER_FAILED' || !failed.message.includes(name)) throw failed;
    if (!this.instance.isBroken) throw new Error('the instance goes on');
    return messageOf(failed.cause);
  }
}

function any(body: Bytes): CoreFunction {
  return { name: 'any', signature: 'iiiiIIIIII:i', body };
}

function mkdir(body: Bytes): CoreFunction {
  return { name: 'mkdir', signature: 'iii:i', body };
}

function chmod(body: Bytes): CoreFunction {
  return { name: 'chmod', signature: 'iiii:i', body };
}

function mount(body: Bytes): CoreFunction {
  return { name: 'mount', signature: 'iiiiiiiiIiii:i', body };
}

function reallocate(body: Bytes): CoreFunction {
  return { name: 'cabi_realloc', signature: 'iiii:i', body };
}

const answer: Bytes = instruction.i32(answerAt);

/** Logs the text in these two locals, by the first import. */
function logging(pointer: number, length: number): Bytes {
  return [
    ...instruction.i32(1),
    ...instruction.local(pointer),
    ...instruction.local(length),
    ...instruction.call(0),
  ];
}

/** Answers with this i64 as the value. */
function valued(value: Bytes): Bytes {
  return [...instruction.i32(answerAt), ...value, ...more.store64, ...answer];
}

test.for([false, true])(
  'trampoline: any gets both names, and other names after them (utf16: %s)',
  (isWide) => {
    const handler = new Handler({
      functions: [
        any([...logging(0, 1), ...logging(2, 3), ...answer]),
        // two places, by the size: names of different lengths must not overwrite one another
        reallocate([...instruction.i32(4096), ...instruction.local(3), 0x41, 6, 0x74, 0x6a]),
      ],
      isWide,
      hasLog: true,
    });
    handler.ask('mkdirat', -100, '/a', 0);
    handler.ask('getpgid', 1);
    handler.ask('mkdirat', -100, '/a', 0);
    handler.ask('sched_rr_get_interval');
    expect(handler.host.calls.map((call) => (call.kind === 'log' ? call['message'] : ''))).toEqual([
      'mkdirat',
      'mkdir',
      'getpgid',
      'getpgid',
      'mkdirat',
      'mkdir',
      'sched_rr_get_interval',
      'sched_rr_get_interval',
    ]);
  },
);

test.for([0, 1, 2, 3, 4, 5])('trampoline: register %i is whole', (register) => {
  const handler = new Handler({
    functions: [any(valued(instruction.local(4 + register))), allocator()],
  });
  const given = [1n, 2n, 3n, 4n, 5n, 6n];
  given[register] = 0x8765_4321_dead_beefn;
  expect(handler.ask('getpgid', ...given)).toEqual({
    kind: 'value',
    value: BigInt.asIntN(64, 0x8765_4321_dead_beefn),
  });
});

test.for([
  ['chmod', 'the mode', 2, ['/a', -1n], 0xffffn],
  ['chmod', 'flags that it has not', 3, ['/a', 0o755, -1n], 0n],
  ['fchmodat', 'the mode', 2, [-100, '/a', 0xffff_ffff_0000_01edn], 0o755n],
  ['fchmodat2', 'the flags', 3, [-100, '/a', 0, 0xffff_ffff_8000_0100n], 0x8000_0100n],
  ['fchmodat2', 'the length of the path', 1, [-100, longPath, 0, 0], 63n],
] as const)('K18: trampoline: %s: %s', ([syscall, , local, given, value]) => {
  const handler = new Handler({
    functions: [chmod(valued([...instruction.local(local), ...more.extend])), allocator()],
  });
  expect(handler.ask(syscall, ...given)).toEqual({ kind: 'value', value });
});

test('trampoline: the flags of mount have 64 bits', () => {
  const handler = new Handler({
    functions: [mount(valued(instruction.local(8))), allocator()],
  });
  expect(handler.ask('mount', null, '/t', null, 0x7654_3210_fedc_ba98n, null)).toEqual({
    kind: 'value',
    value: 0x7654_3210_fedc_ba98n,
  });
});

test('trampoline: truncate says which calls are of a descriptor', () => {
  const own = [...instruction.local(3), ...more.extend];
  const handler = new Handler({
    functions: [{ name: 'truncate', signature: 'iiIi:i', body: valued(own) }, allocator()],
  });
  expect(handler.ask('truncate', '', 0)).toEqual({ kind: 'value', value: 0n });
  expect(handler.ask('ftruncate', 3, 0)).toEqual({ kind: 'value', value: 0x1000n });
});

test.for([
  ['x86_64', 0, 76, [0x1234_5678_9abc_def0n, 7n], 0x1234_5678_9abc_def0n],
  ['i386', 1, 92, [0xffff_e0c0n, 7n], -8000n],
  ['i386, 64 bits', 1, 193, [0xffff_fff0n, 0x12n], 0x12_ffff_fff0n],
] as const)('trampoline: the length of truncate: %s', ([, arch, number, registers, value]) => {
  const handler = new Handler({
    functions: [
      { name: 'truncate', signature: 'iiIi:i', body: valued(instruction.local(2)) },
      allocator(),
    ],
  });
  expect(handler.askOn(arch, number, '/a', ...registers)).toEqual({ kind: 'value', value });
});

/** A struct open_how. */
function openHow(flags: bigint): Uint8Array {
  const bytes = new Uint8Array(24);
  new DataView(bytes.buffer).setBigUint64(0, flags, true);
  return bytes;
}

const highFlag = 1n << 40n;

test.for([
  ['x86-64', 0, 257, 0o60_2000n],
  ['i386', 1, 295, 0o60_2000n],
  ['x32', 2, 257, 0o60_2000n],
  ['arm64', 3, 56, 0o14_2000n],
] as const)(
  'K19: trampoline: O_DIRECTORY and O_NOFOLLOW are the same for handlers: openat of %s',
  ([, arch, number, flags]) => {
    const open = { name: 'open', signature: 'iiIiI:i', body: valued(instruction.local(2)) };
    const handler = new Handler({ functions: [open, allocator()] });
    const given = [-100, '/a', 0xdead_beef_0000_0000n | flags, 0] as const;
    expect(handler.askOn(arch, number, ...given)).toEqual({ kind: 'value', value: 0o60_2000n });
  },
);

test.for([
  ['x86-64', 0, 0o60_2000n],
  ['arm64', 3, 0o14_2000n],
] as const)(
  'K19: trampoline: O_DIRECTORY and O_NOFOLLOW are the same for handlers: openat2 of %s',
  ([, arch, flags]) => {
    const open = { name: 'open', signature: 'iiIiI:i', body: valued(instruction.local(2)) };
    const handler = new Handler({ functions: [open, allocator()] });
    const given = [-100, '/a', openHow(highFlag | flags), 24] as const;
    expect(handler.askOn(arch, 437, ...given)).toEqual({
      kind: 'value',
      value: highFlag | 0o60_2000n,
    });
  },
);

/** Two times as the addon leaves them. */
function times(...numbers: readonly bigint[]): Uint8Array {
  const bytes = new Uint8Array(32);
  const view = new DataView(bytes.buffer);
  numbers.forEach((number, index) => {
    const at = Math.floor(index / 3) * 16;
    if (index % 3 === 2) view.setBigInt64(at + 8, number, true);
    else view.setUint32(at + (index % 3) * 4, Number(number), true);
  });
  return bytes;
}

const twoTimes = times(1n, 7n, 5n, 2n, 999_999_999n, -9000n);

test.for([
  ['a path', 0, true, ['/a', twoTimes], 1n],
  ['no path', 0, true, [null, twoTimes], 0n],
  ['times', 3, true, ['/a', twoTimes], 1n],
  ['no times', 3, true, ['/a', null], 0n],
  ['how it was accessed', 4, true, ['/a', twoTimes], 1n],
  ['its seconds', 5, false, ['/a', twoTimes], 5n],
  ['its nanoseconds', 6, true, ['/a', twoTimes], 7n],
  ['how it was modified', 7, true, ['/a', twoTimes], 2n],
  ['its seconds below 0', 8, false, ['/a', twoTimes], -9000n],
  ['its nanoseconds', 9, true, ['/a', twoTimes], 999_999_999n],
  ['zeros of no times', 8, false, ['/a', null], 0n],
  ['zeros of no times', 9, true, ['/a', null], 0n],
  ['the flags', 10, true, ['/a', null, 0x100], 0x100n],
] as const)('trampoline: utimens with %s (%i)', ([, local, isNarrow, [path, ...rest], value]) => {
  const own = [...instruction.local(local), ...(isNarrow ? more.extend : [])];
  const handler = new Handler({
    functions: [{ name: 'utimens', signature: 'iiiiiIiiIii:i', body: valued(own) }, allocator()],
  });
  expect(handler.ask('utimensat', 3, path, ...rest)).toEqual({ kind: 'value', value });
});

const omitted = times(2n, 0n, 0n, 2n, 0n, 0n);

test.for([
  ['utimensat', [-100, null, null, 0], 'EFAULT'],
  ['futimesat', [-100, null, null], 'EFAULT'],
  ['utimes', [null, null], 'EFAULT'],
  ['utime', [null, null], 'EFAULT'],
  ['utimes', [{ errno: 'ENAMETOOLONG' }, { errno: 'EINVAL' }], 'EINVAL'],
  ['utimensat', [-100, { errno: 'ENAMETOOLONG' }, twoTimes, 0], 'ENAMETOOLONG'],
] as const)('trampoline: %s with %j is %s, and nobody is asked', ([name, given, errno]) => {
  const body = instruction.unreachable;
  const handler = new Handler({
    functions: [{ name: 'utimens', signature: 'iiiiiIiiIii:i', body }, allocator()],
  });
  expect(handler.ask(name, ...given)).toMatchObject({ kind: 'fail', errno });
});

test('trampoline: times that both stay are 0 for a path that cannot be read', () => {
  const body = instruction.unreachable;
  const handler = new Handler({
    functions: [{ name: 'utimens', signature: 'iiiiiIiiIii:i', body }, allocator()],
  });
  for (const path of [null, { errno: 'EFAULT' }] as const) {
    expect(handler.ask('utimensat', -100, path, omitted, 0)).toEqual({ kind: 'value', value: 0n });
  }
});

test('trampoline: times that cannot be read are not asked about', () => {
  const handler = new Handler({
    functions: [
      { name: 'utimens', signature: 'iiiiiIiiIii:i', body: instruction.unreachable },
      allocator(),
    ],
  });
  expect(handler.ask('utimes', '/a', { errno: 'EINVAL' })).toMatchObject({ errno: 'EINVAL' });
  expect(handler.ask('utime', '/a', { errno: 'EFAULT' })).toMatchObject({ errno: 'EFAULT' });
});

test.for([
  ['a source', 0, ['s', '/t', null, 0, null], 1n],
  ['no source', 0, [null, '/t', 'f', 0, 'd'], 0n],
  ['the length of no source', 2, [null, '/t', 'f', 0, 'd'], 0n],
  ['the length of a source', 2, ['source', '/t', 'f', 0, 'd'], 6n],
  ['an empty source', 0, ['', '/t', 'f', 0, 'd'], 1n],
  ['no type', 5, ['s', '/t', null, 0, 'd'], 0n],
  ['data', 9, [null, '/t', null, 0, 'd'], 1n],
  ['the length of data', 11, [null, '/t', null, 0, 'data'], 4n],
  ['no data', 9, ['s', '/t', 'f', 0, null], 0n],
] as const)('trampoline: mount with %s', ([, local, given, value]) => {
  const handler = new Handler({
    functions: [mount(valued([...instruction.local(local), ...more.extend])), allocator()],
  });
  expect(handler.ask('mount', ...given)).toEqual({ kind: 'value', value });
});

test('trampoline: a path is copied whole to where the handler wants it', () => {
  for (const at of [0, 8, 4096, page - 64, page - 63]) {
    const handler = new Handler({
      functions: [mkdir([...logging(0, 1), ...instruction.i32(256)]), allocator(at)],
      hasLog: true,
    });
    handler.ask('mkdir', longPath, 0);
    expect(handler.host.calls).toEqual([{ kind: 'log', level: 'info', message: longPath }]);
  }
});

test('trampoline: nothing needs no memory', () => {
  const handler = new Handler({
    functions: [mkdir(answer), reallocate(instruction.unreachable)],
    data: continueBytes,
  });
  expect(handler.ask('mkdir', '', 0)).toEqual({ kind: 'continue' });
});

test.for([
  ['EFAULT', { errno: 'EFAULT' }],
  ['ENAMETOOLONG', { errno: 'ENAMETOOLONG' }],
  ['EFAULT', null],
] as const)('M2: trampoline: a path that fails with %s is not asked about', ([errno, given]) => {
  const trapping = [mkdir(instruction.unreachable), reallocate(instruction.unreachable)];
  const handler = new Handler({ functions: trapping });
  expect(handler.ask('mkdir', given, 0)).toMatchObject({ kind: 'fail', errno });
  expect(handler.ask('mkdirat', -100, given, 0)).toMatchObject({ kind: 'fail', errno });
  expect(handler.instance.isBroken).toBe(false);
});

test('M2: trampoline: the first pointer that fails decides, and none is put before', () => {
  const trapping = [mount(instruction.unreachable), reallocate(instruction.unreachable)];
  const handler = new Handler({ functions: trapping });
  expect(
    handler.ask('mount', 's', { errno: 'ENAMETOOLONG' }, { errno: 'EFAULT' }, 0, null),
  ).toMatchObject({
    errno: 'ENAMETOOLONG',
  });
  expect(handler.ask('mount', 's', '/t', 'f', 0, { errno: 'EFAULT' })).toMatchObject({
    errno: 'EFAULT',
  });
  expect(handler.ask('mount', { errno: 'EINVAL' }, '/t', null, 0, 'd')).toMatchObject({
    errno: 'EINVAL',
  });
});

test.for([
  ['that was not read', 0x1000, []],
  ['in memory that we may not read', { errno: 'EPERM' }, ['EPERM']],
] as const)('trampoline: a pointer %s is a failure of ours', ([, given, named]) => {
  const handler = new Handler({ functions: [mkdir(answer), allocator()] });
  expect(() => handler.ask('mkdir', given, 0)).toThrow(failure('AGENT_CALLER', ...named));
});

test.for([
  ['beyond the memory', page],
  ['so that its end is beyond', page - 62],
  ['at 2 GiB', -0x8000_0000],
  ['below 4 GiB', -8],
  ['at the last byte of 4 GiB', -1],
])('G5: trampoline: a path that is put %s ends it', ([, at]) => {
  const handler = new Handler({ functions: [mkdir(answer), allocator(Number(at))] });
  expect(handler.failure('mkdir', longPath, 0)).toBe(outOfBounds);
});

test.for([
  ['beyond the memory', page],
  ['so that its end is beyond', page - 4],
  ['below 4 GiB', -8],
] as const)('G5: trampoline: a name that is put %s ends it', ([, at]) => {
  for (const isWide of [false, true]) {
    const handler = new Handler({ functions: [any(answer), allocator(at)], isWide });
    expect(handler.failure('getpgid', 1)).toBe(outOfBounds);
  }
});

test.for([4097, -1, 1])('G5: trampoline: a name in utf16 at %i is misaligned', (at) => {
  const handler = new Handler({ functions: [any(answer), allocator(at)], isWide: true });
  expect(handler.failure('getpgid', 1)).toEqual(wordsOfHost());
  const narrow = new Handler({ functions: [any(answer), allocator(4097)], data: continueBytes });
  expect(narrow.ask('getpgid', 1)).toEqual({ kind: 'continue' });
});

test.for([1, 2, 4, 7])('G5: trampoline: an action at 16 + %i is misaligned', (offset) => {
  const handler = new Handler({
    functions: [mkdir(instruction.i32(answerAt + offset)), allocator()],
  });
  expect(handler.failure('mkdir', '/a', 0)).toEqual(wordsOfHost());
});

test.for([page, page - 8, page - 24, -8, -32, -0x8000_0000])(
  'G5: trampoline: an action at %i is out of bounds',
  (pointer) => {
    const handler = new Handler({ functions: [mkdir(instruction.i32(pointer)), allocator()] });
    expect(handler.failure('mkdir', '/a', 0)).toBe(outOfBounds);
  },
);

test('trampoline: an action may be the last thing in memory, or the first', () => {
  for (const pointer of [page - 32, 0]) {
    const handler = new Handler({ functions: [mkdir(instruction.i32(pointer)), allocator()] });
    expect(handler.ask('mkdir', '/a', 0)).toEqual({ kind: 'value', value: 0n });
  }
});

/** Grows the memory by a page and gives this. */
function growing(value: Bytes): Bytes {
  return [...instruction.i32(1), ...instruction.growMemory, ...instruction.drop, ...value];
}

test('G5: trampoline: a memory that grows in the allocator is followed', () => {
  const handler = new Handler({
    functions: [
      mkdir([...logging(0, 1), ...answer]),
      reallocate(growing(instruction.i32(page + 100))),
    ],
    hasLog: true,
    data: continueBytes,
  });
  for (let round = 0; round < 3; round += 1) {
    expect(handler.ask('mkdir', longPath, 0)).toEqual({ kind: 'continue' });
  }
  expect(handler.host.calls).toHaveLength(3);
  expect(handler.host.calls[2]).toMatchObject({ message: longPath });
});

test('G5: trampoline: a memory that grows in the handler is followed', () => {
  const handler = new Handler({
    functions: [mkdir(growing(instruction.i32(page + 8))), allocator()],
  });
  expect(handler.ask('mkdir', '/a', 0)).toEqual({ kind: 'value', value: 0n });
});

test('G5: trampoline: the allocator may not call the host', () => {
  const handler = new Handler({
    functions: [mkdir(answer), reallocate([...logging(0, 1), ...instruction.i32(4096)])],
    hasLog: true,
  });
  expect(handler.failure('mkdir', '/a', 0)).toEqual(wordsOfHost());
  expect(handler.host.calls).toEqual([]);
});

test('G5: trampoline: a post-return may not call the host', () => {
  const post = { name: 'cabi_post_mkdir', signature: 'i:', body: logging(0, 0) };
  const handler = new Handler({
    functions: [mkdir([...logging(0, 1), ...answer]), allocator(), post],
    hasLog: true,
  });
  expect(handler.failure('mkdir', '/a', 0)).toEqual(wordsOfHost());
  expect(handler.host.calls).toHaveLength(1);
});

test('trampoline: the action is read before what runs after the call overwrites it', () => {
  const post = {
    name: 'cabi_post_mkdir',
    signature: 'i:',
    body: [...instruction.local(0), ...instruction.i32(9), ...more.store8],
  };
  const handler = new Handler({
    functions: [mkdir(answer), allocator(), post],
    data: continueBytes,
  });
  expect(handler.ask('mkdir', '/a', 0)).toEqual({ kind: 'continue' });
  // by then the tag is 9
  expect(handler.failure('mkdir', '/a', 0)).toEqual(wordsOfHost());
});

test('G5: trampoline: a trapping post-return ends the call', () => {
  const post = { name: 'cabi_post_mkdir', signature: 'i:', body: instruction.unreachable };
  const handler = new Handler({
    functions: [mkdir(answer), allocator(), post],
    data: continueBytes,
  });
  expect(handler.failure('mkdir', '/a', 0)).toBe(unreachable);
});

test('trampoline: a typed export goes before any, which takes the rest', () => {
  const handler = new Handler({
    functions: [any([...logging(0, 1), ...answer]), mkdir(instruction.i32(64)), allocator()],
    hasLog: true,
    data: continueBytes,
  });
  expect(handler.ask('mkdirat', -100, '/a', 0)).toEqual({ kind: 'value', value: 0n });
  expect(handler.ask('chmod', '/a', 0)).toEqual({ kind: 'continue' });
  expect(handler.host.calls).toEqual([{ kind: 'log', level: 'info', message: 'chmod' }]);
});

test('trampoline: a handler has no opinion of what it does not export', () => {
  const handler = new Handler({ functions: [mkdir(instruction.unreachable), allocator()] });
  expect(handler.ask('chmod', '/a', 0)).toEqual({ kind: 'next' });
  expect(handler.ask('chmod', '/a', 0)).toEqual({ kind: 'next' });
});

test('trampoline: one instance may be asked about calls in several inboxes', () => {
  const handler = new Handler({
    functions: [mkdir([...logging(0, 1), ...answer]), allocator()],
    hasLog: true,
  });
  const syscall = new Syscalls().byName('mkdir');
  if (syscall === undefined) throw new Error('no mkdir');
  const inboxes = ['/first', '/second'].map((path) => {
    const call = new ReceivedCall();
    fillCall(call, 'mkdir', [path, 0]);
    return call;
  });
  for (const call of [...inboxes, ...inboxes]) handler.instance.ask(call, syscall);
  expect(handler.host.calls).toEqual(
    ['/first', '/second', '/first', '/second'].map((message) => ({
      kind: 'log',
      level: 'info',
      message,
    })),
  );
});

/** A handler of a family that returns one of its core parameters. */
function returning(family: string, local: number): Handler {
  const signature = familySignature(family);
  const isWide = signature[local] === 'I';
  const body = valued([...instruction.local(local), ...(isWide ? [] : more.extend)]);
  return new Handler({ functions: [{ name: family, signature, body }, allocator()] });
}

const how = new Uint8Array(
  BigUint64Array.of(0x1_0000_0041n, 0o600n, 0x8000_0000_0000_0010n).buffer,
);
const setArgs = Uint8Array.of(2, 0, 0, 0, 3, 0, 0, 0, 97, 98, 99);
const roomArgs = new Uint8Array(BigUint64Array.of(0x1000n, 0xffff_fffen).buffer);
const ones = 0xffff_ffff_ffff_ffffn;

test.for([
  ['mknod', 'the major number', 3, ['/a', 0, 0x1234_5678], 0x456n],
  ['mknodat', 'the minor number', 4, [3, '/a', 0, 0x1234_5678], 0x12378n],
  ['mknod', 'the mode', 2, ['/a', ones, 0], 0xffffn],
  ['open', 'the flags', 2, ['/a', ones, 0], 0xffff_ffffn],
  ['open', 'no resolve', 4, ['/a', 0, 0], 0n],
  ['creat', 'the flags', 2, ['/a', 0o600], 0o1101n],
  ['creat', 'the mode', 3, ['/a', 0o600], 0o600n],
  ['openat2', 'the flags', 2, [3, '/a', how, 24], 0x1_0000_0041n],
  ['openat2', 'the mode', 3, [3, '/a', how, 24], 0o600n],
  ['openat2', 'resolve', 4, [3, '/a', how, 24], -0x7fff_ffff_ffff_fff0n],
  ['lchown', 'the flags', 4, ['/a', 1, 2], 0x100n],
  ['chown', 'the group', 3, ['/a', 1, ones], 0xffff_ffffn],
  ['fchown', 'the descriptor', 0, [ones, 1, 2], 0xffff_ffffn],
  ['renameat2', 'the flags', 4, [1, '/a', 2, '/b', 7], 7n],
  ['renameat2', 'the second length', 3, [1, '/a', 2, '/bc', 7], 3n],
  ['symlinkat', 'the length of the target', 1, ['to', 1, '/abc'], 2n],
  ['symlinkat', 'the length of the path', 3, ['to', 1, '/abc'], 4n],
  ['rmdir', 'the flags', 2, ['/a'], 0x200n],
  ['setxattr', 'the length of the value', 6, ['/a', 'user.a', 'abc', 3, 1], 3n],
  ['setxattr', 'the flags', 7, ['/a', 'user.a', 'abc', 3, 1], 1n],
  ['setxattr', 'no flags of a path', 2, ['/a', 'user.a', 'abc', 3, 1], 0n],
  ['fsetxattr', 'no path', 1, [3, 'user.a', 'abc', 3, 1], 0n],
  ['fsetxattr', 'the flags of a path', 2, [3, 'user.a', 'abc', 3, 1], 0x1000n],
  ['setxattrat', 'the length of the value', 6, [3, '/a', 0, 'user.a', setArgs, 16], 3n],
  ['setxattrat', 'the flags', 7, [3, '/a', 0, 'user.a', setArgs, 16], 2n],
  ['getxattr', 'the size', 5, ['/a', 'user.a', 0, ones >> 1n], ones >> 1n],
  ['getxattrat', 'the size', 5, [3, '/a', 0, 'user.a', roomArgs, 16], 0xffff_fffen],
  ['fsopen', 'the operation', 0, ['tmpfs', 1], 0n],
  ['mount_setattr', 'the operation', 0, [3, '/a', 1, 0, 0], 7n],
  ['fsconfig', 'no path', 1, [3, 0, 0, 0, 0], 0n],
  ['fsconfig', 'no flags', 7, [3, 0, 0, 0, 0], 0n],
  ['move_mount', 'a second path', 4, [3, '/a', 4, '/bc', 5], 1n],
  ['move_mount', 'the length of it', 6, [3, '/a', 4, '/bc', 5], 3n],
  ['umount2', 'the flags', 2, ['/a', 8n | (1n << 40n)], 8n],
] as const)('K18: trampoline: %s: %s', ([name, , local, given, value]) => {
  const family = new Syscalls().byName(name)?.family ?? '';
  expect(returning(family, local).ask(name, ...given)).toEqual({ kind: 'value', value });
});

test('K19: trampoline: an id of 16 bits that is all ones changes nothing', () => {
  const old = new Syscalls().find(1, 182);
  if (old === undefined) throw new Error('no chown of i386');
  for (const [given, value] of [
    [0x1_ffffn, 0xffff_ffffn],
    [0x1_0005n, 5n],
  ] as const) {
    const handler = returning('chown', 2);
    const call = new ReceivedCall();
    fillCall(call, 'chown', ['/a', given, 0]);
    expect(handler.instance.ask(call, old)).toEqual({ kind: 'value', value });
  }
});

test('trampoline: a value is put without what stands before it', () => {
  const signature = familySignature('setxattr');
  const body = [...logging(5, 6), ...answer];
  const handler = new Handler({
    functions: [{ name: 'setxattr', signature, body }, allocator()],
    hasLog: true,
    data: continueBytes,
  });
  handler.ask('setxattrat', 3, '', 0, '', setArgs, 16);
  handler.ask('setxattr', '', '', 'value', 5, 0);
  expect(handler.host.calls.map((call) => (call.kind === 'log' ? call['message'] : ''))).toEqual([
    'abc',
    'value',
  ]);
});

test.for([
  ['openat2', [3, '/a', { errno: 'E2BIG' }, 5000], 'E2BIG'],
  ['openat2', [3, '/a', null, 24], 'EFAULT'],
  ['setxattr', ['/a', 'user.a', { errno: 'E2BIG' }, 70_000, 0], 'E2BIG'],
  ['setxattr', ['/a', { errno: 'ERANGE' }, '', 0, 0], 'ERANGE'],
  ['move_mount', [3, '/a', 4, { errno: 'EFAULT' }, 5], 'EFAULT'],
] as const)('M1: trampoline: %s is not asked about with %s', ([name, given, errno]) => {
  const family = new Syscalls().byName(name)?.family ?? '';
  const signature = familySignature(family);
  const handler = new Handler({
    functions: [
      { name: family, signature, body: instruction.unreachable },
      reallocate(instruction.unreachable),
    ],
  });
  expect(handler.ask(name, ...given)).toMatchObject({ kind: 'fail', errno });
});

test('M1: trampoline: a value of 64 KiB ends a handler with too little room', () => {
  const value = new Uint8Array(65_536).fill(7);
  const signature = familySignature('setxattr');
  const functions = (at: number): readonly CoreFunction[] => [
    { name: 'setxattr', signature, body: valued([...instruction.local(6), ...more.extend]) },
    allocator(at),
  ];
  const small = new Handler({ functions: functions(page - 100) });
  expect(small.failure('setxattr', '', '', value, 65_536, 0)).toBe(outOfBounds);
});

test('action: a handler that lets the host do what it cannot has failed', () => {
  const performing = [5, ...zeroBytes.slice(1)];
  const handler = new Handler({ functions: [mount(answer), allocator()], data: performing });
  expect(handler.failure('mount', null, '/a', null, 0, null)).toEqual(naming('mount'));
  const other = new Handler({ functions: [any(answer), allocator()], data: performing });
  expect(other.failure('mkdir', 0x1000, 0)).toEqual(naming('mkdir', '"arguments"'));
  const right = new Handler({ functions: [mkdir(answer), allocator()], data: performing });
  expect(right.ask('mkdir', '/a', 0)).toEqual({ kind: 'perform' });
});

test('action: a descriptor has an index of 32 bits and a flag', () => {
  for (const [bytes, descriptor, isCloseOnExec] of [
    [[5, 0, 0, 0, 1, 0, 0, 0], 5, true],
    [[0xff, 0xff, 0xff, 0xff, 0, 0xff, 0xff, 0xff], 0xffff_ffff, false],
  ] as const) {
    const data = [6, 0, 0, 0, 0, 0, 0, 0, ...bytes, ...zeroBytes.slice(16)];
    const handler = new Handler({ functions: [mkdir(answer), allocator()], data });
    const action = { kind: 'descriptor', descriptor, isCloseOnExec };
    expect(handler.ask('mkdir', '/a', 0)).toEqual(action);
  }
});
