// SPDX-License-Identifier: Apache-2.0
// Tests what an instance makes of the answers, traps and settings of handlers written by hand.
import { expect, test } from 'vitest';

import { errnos } from '../../host/syscalls/errno.ts';
import { loadComponent } from '../../host/handler/direct.ts';
import { HandlerInstance } from '../../host/handler/instance.ts';
import type { Settings } from '../../host/handler/instance.ts';
import { ReceivedCall } from '../../host/call/received-call.ts';
import { Syscalls } from '../../host/syscalls/syscalls.ts';
import { messageOf } from '../../host/errors.ts';
import type { AgentError } from '../../host/errors.ts';
import { failureOf } from '../support/agent-failure.ts';
import { failure } from '../support/failures.ts';
import { HandlerHarness, RecordingHost, fillCall } from '../support/handler-harness.ts';
import { testBundle } from '../support/test-bundles.ts';
import { allocator, component, coreModule, instruction } from '../support/wasm-binary.ts';
import type { Bytes, CoreFunction, CoreModule } from '../support/wasm-binary.ts';

const answerAt = 16;
const logInterface = 'seccompagent:handler/log@0.1.0';

function anyFunction(body: Bytes): CoreFunction {
  return { name: 'any', signature: 'iiiiIIIIII:i', body };
}

interface Sample {
  /** The bytes of the action. */
  readonly action?: Bytes;
  /** Result of `any`; absent: a pointer to the action. */
  readonly pointer?: number;
  readonly functions?: readonly CoreFunction[];
  readonly core?: CoreModule;
  readonly exports?: readonly string[];
  readonly settings?: Settings;
}

function instanceOf(sample: Sample): HandlerInstance {
  const functions = sample.functions ?? [
    anyFunction(instruction.i32(sample.pointer ?? answerAt)),
    allocator(),
  ];
  const data = [...Array.from({ length: answerAt }, () => 0), ...(sample.action ?? [])];
  const bytes = component({
    core: coreModule({ functions, data, ...sample.core }),
    exports: sample.exports ?? ['any'],
    imports: sample.core?.imports === undefined ? [] : [logInterface],
  });
  return new HandlerInstance(loadComponent(bytes), sample.settings ?? [], new RecordingHost());
}

/** Asks about chmod. */
function ask(instance: HandlerInstance): unknown {
  const syscalls = new Syscalls();
  const syscall = syscalls.byName('chmod');
  if (syscall === undefined) throw new Error('no chmod');
  const call = new ReceivedCall();
  fillCall(call, 'chmod', ['/a', 0o755]);
  return instance.ask(call, syscall);
}

/** Of a failure, whose message has what caused it. */
function failedCall(instance: HandlerInstance): Pick<AgentError, 'code' | 'message'> {
  const thrown = failureOf(() => ask(instance));
  return { code: thrown.code, message: messageOf(thrown) };
}

/** Matches one within chmod that has these in its message. */
function withinCall(...named: readonly string[]): unknown {
  return failure('AGENT_HANDLER_FAILED', 'chmod', ...named);
}

function s64(value: bigint): Bytes {
  return [...new Uint8Array(BigInt64Array.of(value).buffer)];
}

const padding: Bytes = [0, 0, 0, 0, 0, 0, 0];
const valueOf = (value: bigint): Bytes => [0, ...padding, ...s64(value)];
const errnoOf = (ordinal: number): Bytes => [1, ...padding, ordinal, ...padding];
const caseOf = (tag: number): Bytes => [tag, ...padding, ...s64(0n)];

test.for([0n, 1n, -4096n, 0x7fff_ffff_ffff_ffffn, -0x8000_0000_0000_0000n])(
  'K17: instance: the value %i is answered',
  (value) => {
    expect(ask(instanceOf({ action: valueOf(value) }))).toEqual({ kind: 'value', value });
  },
);

test.for([-1n, -14n, -512n, -4095n])(
  'K17: instance: the value %i would be an error, and the handler has failed',
  (value) => {
    const instance = instanceOf({ action: valueOf(value) });
    expect(failedCall(instance)).toEqual(withinCall(`(${value})`));
    expect(instance.isBroken).toBe(true);
  },
);

test('K17: instance: each ordinal is its errno', () => {
  const answers = errnos.map((_, ordinal) => ask(instanceOf({ action: errnoOf(ordinal) })));
  expect(answers).toEqual(errnos.map(([errno, number]) => ({ kind: 'fail', errno, number })));
});

test.for([errnos.length, 255])('K17: instance: the ordinal %i is no errno', (ordinal) => {
  expect(failedCall(instanceOf({ action: errnoOf(ordinal) }))).toEqual(withinCall(String(ordinal)));
});

test('instance: continue and next are answered', () => {
  expect(ask(instanceOf({ action: caseOf(2) }))).toEqual({ kind: 'continue' });
  expect(ask(instanceOf({ action: caseOf(3) }))).toEqual({ kind: 'next' });
});

const lateOf = (milliseconds: bigint, answer: Bytes): Bytes => [
  4,
  ...padding,
  ...s64(BigInt.asIntN(64, milliseconds)),
  ...answer,
];
const day = 86_400_000n;

function late(milliseconds: bigint, answer: Bytes): unknown {
  return ask(instanceOf({ action: lateOf(milliseconds, answer) }));
}

test('instance: a late answer is answered', () => {
  const errno = { kind: 'fail', errno: 'EPERM', number: 1 };
  expect(late(1n, errnoOf(0))).toEqual({ kind: 'delay', delayMs: 1, answer: errno });
  expect(late(day, caseOf(2))).toEqual({
    kind: 'delay',
    delayMs: 86_400_000,
    answer: { kind: 'continue' },
  });
  expect(late(2000n, valueOf(-4096n))).toEqual({
    kind: 'delay',
    delayMs: 2000,
    answer: { kind: 'value', value: -4096n },
  });
});

test('instance: an answer that is late by nothing is that answer', () => {
  expect(late(0n, caseOf(2))).toEqual({ kind: 'continue' });
  expect(late(0n, valueOf(3n))).toEqual({ kind: 'value', value: 3n });
});

test.for([day + 1n, 0x1_0000_0000n, 0x1_0000_0001n, 1n << 63n, 0xffff_ffff_ffff_ffffn])(
  'G5: instance: a delay of %i ms is refused',
  (milliseconds) => {
    const instance = instanceOf({ action: lateOf(milliseconds, caseOf(2)) });
    expect(failedCall(instance)).toEqual(withinCall(`${milliseconds} ms`, '86400000'));
    expect(instance.isBroken).toBe(true);
  },
);

test.for([
  ['next', caseOf(3), []],
  ['late again', lateOf(1n, caseOf(2)), []],
  ['of no known case', caseOf(255), []],
  ['an error as a value', valueOf(-4095n), ['(-4095)']],
  ['-1', valueOf(-1n), ['(-1)']],
  ['of an unknown errno', errnoOf(255), ['255']],
] as const)('G5: instance: a late answer that is %s is refused', ([, answer, named]) => {
  for (const milliseconds of [0n, 1n]) {
    const instance = instanceOf({ action: lateOf(milliseconds, answer) });
    expect(failedCall(instance)).toEqual(withinCall(...named));
    expect(instance.isBroken).toBe(true);
  }
});

test.for([7, 127, 128, 255])('G5: instance: an action has no case %i', (tag) => {
  expect(failedCall(instanceOf({ action: caseOf(tag) }))).toEqual(withinCall());
});

test.for([
  ['misaligned', 20],
  ['beyond the memory', 65_536],
  ['so that it ends beyond the memory', 65_512],
  ['so that it is cut off', 65_528],
  ['negative', -16],
] as const)('G5: instance: an action that is %s is refused', ([, pointer]) => {
  const instance = instanceOf({ pointer });
  expect(failureOf(() => ask(instance)).code).toBe('AGENT_HANDLER_FAILED');
  expect(instance.isBroken).toBe(true);
});

test('G5: instance: a trap ends it, and it is not used again', () => {
  const instance = instanceOf({
    functions: [anyFunction(instruction.unreachable), allocator()],
  });
  expect(failedCall(instance)).toEqual(withinCall('unreachable'));
  expect(instance.isBroken).toBe(true);
  const again = failureOf(() => ask(instance));
  expect(again.code).toBe('AGENT_HANDLER_FAILED');
  // no second trap
  expect(again.cause).toBeUndefined();
});

test('G5: instance: endless recursion ends it', () => {
  const parameters = Array.from({ length: 10 }, (_, index) => instruction.local(index)).flat();
  const recursing = anyFunction([...parameters, ...instruction.call(0)]);
  const instance = instanceOf({ functions: [recursing, allocator()] });
  expect(failureOf(() => ask(instance))).toMatchObject({
    code: 'AGENT_HANDLER_FAILED',
    cause: expect.any(RangeError),
  });
  expect(instance.isBroken).toBe(true);
});

test('G5: instance: an allocator that traps ends it', () => {
  const trapping = { ...allocator(), body: instruction.unreachable };
  const instance = instanceOf({ functions: [anyFunction(instruction.i32(16)), trapping] });
  expect(failureOf(() => ask(instance)).code).toBe('AGENT_HANDLER_FAILED');
  expect(instance.isBroken).toBe(true);
});

test('instance: the post-return of an answer runs after each call', () => {
  const post = { name: 'cabi_post_any', signature: 'i:', body: instruction.unreachable };
  const instance = instanceOf({
    functions: [anyFunction(instruction.i32(16)), allocator(), post],
    action: caseOf(2),
  });
  expect(failedCall(instance)).toEqual(withinCall('unreachable'));
});

/** A trap while no call is handled. */
const trappedOutside = {
  code: 'AGENT_HANDLER_FAILED',
  cause: expect.any(WebAssembly.RuntimeError),
};

test.for([
  ['its start function', { start: 2 }],
  ['its initialisation', { name: '_initialize' }],
] as const)('G5: instance: a trap of %s is a failure to instantiate', ([, how]) => {
  const trapping = {
    name: 'name' in how ? how.name : 'start',
    signature: ':',
    body: instruction.unreachable,
  };
  const trapped = failureOf(() =>
    instanceOf({
      functions: [anyFunction(instruction.i32(16)), allocator(), trapping],
      core: 'start' in how ? { start: how.start } : {},
    }),
  );
  expect(trapped).toMatchObject(trappedOutside);
});

test('instance: the host may not be called while it starts', () => {
  const calling = {
    name: '_initialize',
    signature: ':',
    body: [
      ...instruction.i32(0),
      ...instruction.i32(0),
      ...instruction.i32(0),
      ...instruction.call(0),
    ],
  };
  const trapped = failureOf(() =>
    instanceOf({
      functions: [anyFunction(instruction.i32(16)), allocator(), calling],
      core: { imports: [{ module: logInterface, name: 'log', signature: 'iii:' }] },
    }),
  );
  expect(trapped).toMatchObject(trappedOutside);
});

test('instance: the host may not be called from configure', () => {
  const configure = {
    name: 'configure',
    signature: 'ii:i',
    body: [
      ...instruction.i32(0),
      ...instruction.i32(0),
      ...instruction.i32(0),
      ...instruction.call(0),
      ...instruction.i32(16),
    ],
  };
  const trapped = failureOf(() =>
    instanceOf({
      functions: [anyFunction(instruction.i32(16)), allocator(), configure],
      core: { imports: [{ module: logInterface, name: 'log', signature: 'iii:' }] },
      exports: ['any', 'configure'],
    }),
  );
  expect(trapped).toMatchObject(trappedOutside);
});

/** A handler whose configure returns this result<_, string>. */
function configured(result: Bytes, pointer: number = answerAt): HandlerInstance {
  const configure = { name: 'configure', signature: 'ii:i', body: instruction.i32(pointer) };
  return instanceOf({
    functions: [anyFunction(instruction.i32(64)), allocator(), configure],
    exports: ['any', 'configure'],
    action: [...result, ...Array.from({ length: 48 - result.length }, () => 0), ...caseOf(2)],
    settings: [['key', 'value']],
  });
}

test('instance: a handler that takes its settings answers', () => {
  expect(ask(configured([0, 0, 0, 0]))).toEqual({ kind: 'continue' });
});

test('G3: instance: a handler that refuses its settings says why', () => {
  const reason = [...new TextEncoder().encode('no ä')];
  const at = answerAt + 12;
  expect(() => configured([1, 0, 0, 0, at, 0, 0, 0, reason.length, 0, 0, 0, ...reason])).toThrow(
    failure('AGENT_SETTING_INVALID', 'no ä'),
  );
});

test.for([
  ['a reason beyond the memory', [1, 0, 0, 0, 16, 0, 0, 0, 0, 0, 1, 0], answerAt],
  ['a reason that is no UTF-8', [1, 0, 0, 0, 28, 0, 0, 0, 1, 0, 0, 0, 0xff], answerAt],
  ['a result beyond the memory', [], 65_528],
  ['a misaligned result', [], 18],
] as const)('G5: instance: configure with %s is a failure', ([, result, pointer]) => {
  expect(() => configured(result, pointer)).toThrow(failure('AGENT_HANDLER_FAILED'));
});

test('G5: instance: a built handler that traps for one path answers others with a new instance', () => {
  const file = `${testBundle('trap')}/trap.wasm`;
  const handler = new HandlerHarness(file);
  expect(handler.ask('mkdir', '/ok', 0)).toMatchObject({ kind: 'fail', errno: 'EDOM' });
  for (const path of ['/trap', '/recurse']) {
    const fresh = new HandlerHarness(file);
    expect(failureOf(() => fresh.ask('mkdir', path, 0)).code).toBe('AGENT_HANDLER_FAILED');
    expect(fresh.instance.isBroken).toBe(true);
  }
  expect(handler.ask('mkdir', '/ok', 0)).toMatchObject({ kind: 'fail', errno: 'EDOM' });
});

test('instance: a built handler answers late', () => {
  const file = `${testBundle('delay')}/delay.wasm`;
  const patient = new HandlerHarness(file, { milliseconds: '500', answer: 'EPERM' });
  expect(patient.ask('mkdir', '/a', 0)).toEqual({
    kind: 'delay',
    delayMs: 500,
    answer: { kind: 'fail', errno: 'EPERM', number: 1 },
  });
  const atOnce = new HandlerHarness(file, { milliseconds: '0', answer: 'continue' });
  expect(atOnce.ask('execve')).toEqual({ kind: 'continue' });
  const tooLate = new HandlerHarness(file, { milliseconds: '86400001', answer: 'continue' });
  expect(failureOf(() => tooLate.ask('getpgid')).code).toBe('AGENT_HANDLER_FAILED');
  expect(
    failureOf(() => new HandlerHarness(file, { milliseconds: '1', answer: 'EX' })),
  ).toMatchObject({ code: 'AGENT_SETTING_INVALID' });
});

test('instance: an observer sees the decoded arguments and has no opinion', () => {
  const handler = new HandlerHarness(`${testBundle('observer')}/observer.wasm`);
  expect(handler.ask('mount', null, '/p', 'proc', 1, { errno: 'EFAULT' })).toEqual({
    kind: 'next',
  });
  handler.ask('fchmodat2', -100, '/a', 0o644, 0x100);
  handler.ask('getpid');
  expect(handler.calls).toEqual([
    {
      kind: 'log',
      level: 'info',
      message: 'mount source=NULL target=/p filesystem-type=proc mount-flags=1 data=fault',
    },
    { kind: 'log', level: 'info', message: 'fchmodat2 dirfd=-100 path=/a mode=420 flags=256' },
    { kind: 'log', level: 'info', message: 'getpid' },
  ]);
});
