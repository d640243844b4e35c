// SPDX-License-Identifier: Apache-2.0
// Tests how the cases of handler.test.yaml are read.
import { expect, test } from 'vitest';

import { gone } from '../../host/call/host.ts';
import { errnoNumber } from '../../host/syscalls/errno.ts';
import { credentialsLayout, processLayout, statNumbers } from '../../host/native.ts';
import { parseCases } from '../../host/trial/case-file.ts';
import type { TrialCase } from '../../host/trial/case-file.ts';
import { failure } from '../support/failures.ts';

function parse(body: string): TrialCase {
  const indented = body
    .trim()
    .split('\n')
    .map((line) => `    ${line}`)
    .join('\n');
  const { cases } = parseCases(`cases:\n  - name: x\n${indented}\n`, 'handler.test.yaml');
  const [first] = cases;
  if (first === undefined) throw new Error('there is no case');
  return first;
}

function givenOf(call: string, own: string): unknown {
  const { steps } = parse(`call: ${call}\narguments: ${own}\nexpect: { action: next }`);
  return steps[0]?.arguments;
}

test.for([
  ['mkdirat', '{ path: /a }', [-100, '/a', 0]],
  ['mkdirat', '{ dirfd: 7, path: /a, mode: 0o755 }', [7n, '/a', 0o755n]],
  ['mkdir', '{ path: { hex: 2fff } }', [Uint8Array.of(0x2f, 0xff), 0]],
  ['mkdir', '{ path: { errno: EFAULT } }', [{ errno: 'EFAULT' }, 0]],
  ['mkdir', '{ path: null, mode: 0xffffffffffffffff }', [null, 0xffff_ffff_ffff_ffffn]],
  ['mkdir', '{}', [null, 0]],
  ['mkdir', '{ path: /a, mode: S_ISVTX|0o777 }', ['/a', 0o1777n]],
  ['openat', '{ path: a, flags: O_CREAT|O_EXCL }', [-100, 'a', 0o300n, 0]],
  ['openat', '[-100, a, O_CREAT, S_IRUSR]', [-100n, 'a', 0o100n, 0o400n]],
  ['mount', '{ target: a, mount-flags: MS_BIND | MS_REC }', [null, 'a', null, 0x5000n, null]],
  ['mknod', '{ path: a, device: "8:256" }', ['a', 0, 0x10_0800n]],
  ['getpid', '[1, text]', [1n, 'text']],
  [
    'openat2',
    '{ path: a, how: { flags: 1, mode: 2, resolve: 3 }, size: 24 }',
    [-100, 'a', new Uint8Array(BigInt64Array.of(1n, 2n, 3n).buffer), 24n],
  ],
  [
    'openat2',
    '{ path: a, how: { flags: O_PATH, mode: 2, resolve: RESOLVE_BENEATH } }',
    [-100, 'a', new Uint8Array(BigInt64Array.of(0o10000000n, 2n, 8n).buffer), 0],
  ],
  [
    'setxattrat',
    '{ path: a, name: user.a, value: { value: v, flags: 2 } }',
    [-100, 'a', 0, 'user.a', Uint8Array.of(2, 0, 0, 0, 1, 0, 0, 0, 0x76), 0],
  ],
  [
    'getxattrat',
    '{ path: a, name: user.a, value: { size: 5, flags: 1 } }',
    [-100, 'a', 0, 'user.a', Uint8Array.of(0, 0, 0, 0, 0, 0, 0, 0, 5, 0, 0, 0, 1, 0, 0, 0), 0],
  ],
] as const)('cases: %s of %s', ([call, own, expected]) => {
  expect(givenOf(call, own)).toEqual(expected);
});

test('cases: answers are words, errnos, numbers and what operations give back', () => {
  const { steps } = parse(`call: getpid
answers: [ok, EEXIST, gone, 7, { bytes: a }, { descriptor: 3 }, { status: { mode: S_IFREG|0o644 } }]
expect: { calls: [] }`);
  const status = new Uint8Array(statNumbers.length * 8);
  new DataView(status.buffer).setBigInt64(statNumbers.indexOf('mode') * 8, 0o100644n, true);
  expect(steps[0]?.answers).toEqual([
    { answer: 0 },
    { answer: errnoNumber('EEXIST') },
    { answer: gone },
    { answer: 7 },
    { answer: 0, bytes: Uint8Array.of(0x61) },
    { answer: 0, descriptor: 3 },
    { answer: 0, bytes: status },
  ]);
});

test('cases: lists of strings behind arguments', () => {
  const { surroundings } =
    parse(`memory: { 0: a, 1: [ls, { hex: ff }], 2: { strings: [], truncated: true } }
call: execve
expect: { action: next }`);
  const items = [Uint8Array.of(0x6c, 0x73), Uint8Array.of(0xff)];
  expect(surroundings.memory).toEqual(new Map([[0, Uint8Array.of(0x61)]]));
  expect(surroundings.strings).toEqual(
    new Map([
      [1, { items, isTruncated: false }],
      [2, { items: [], isTruncated: true }],
    ]),
  );
});

test('cases: the surroundings of a call', () => {
  const { surroundings } = parse(`container: { id: abc, annotations: { k: v } }
caller: { uid: 1000, gid: 100, groups: [5], umask: 0o22, comm: sh, capabilities: 0x200000, age: 2500, is-first: true }
memory: { 1: text }
state: { key: { hex: ff } }
call: getpid
expect: { action: next }`);
  expect(surroundings).toMatchObject({
    containerId: 'abc',
    annotations: [['k', 'v']],
    memory: new Map([[1, new TextEncoder().encode('text')]]),
    state: new Map([['key', Uint8Array.of(0xff)]]),
  });
  const process = new DataView((surroundings.callingProcess ?? new Uint8Array(0)).buffer);
  expect(process.getBigUint64(processLayout.age, true)).toBe(2500n);
  expect(process.getUint32(processLayout.isFirst, true)).toBe(1);
  const caller = surroundings.caller ?? new Uint8Array(0);
  const view = new DataView(caller.buffer);
  expect(view.getUint32(credentialsLayout.uid + 12, true)).toBe(1000);
  expect(view.getUint32(credentialsLayout.gid, true)).toBe(100);
  expect(view.getUint32(credentialsLayout.groups, true)).toBe(5);
  expect(view.getUint32(credentialsLayout.groupCount, true)).toBe(1);
  expect(view.getBigUint64(credentialsLayout.capabilities + 16, true)).toBe(0x20_0000n);
});

test('cases: an alias is what its anchor stands for', () => {
  const { cases } = parseCases(
    'cases:\n  - &one { name: x, call: getpid, expect: { action: next } }\n  - *one\n',
    'f',
  );
  expect(cases[1]).toEqual(cases[0]);
});

test.for<readonly [body: string, line: number, place: string, ...named: readonly string[]]>([
  ['call: mkdir\nsteps: []\nexpect: { action: next }', 2, 'cases[0]', '"call"', '"steps"'],
  ['call: getpid\nexpect: {}', 4, 'cases[0].expect'],
  ['call: getpid\nexpect: { refusal: x, action: next }', 4, 'cases[0].expect', '"action"'],
  ['call: getpid\nexpect: { refusal: x }', 2, 'cases[0]', '"call"'],
  ['call: getpid\nanswers: [EWHAT]\nexpect: { action: next }', 4, 'cases[0].answers[0]'],
  [
    'call: getpid\nanswers: [{ byte: a }]\nexpect: { action: next }',
    4,
    'cases[0].answers[0]',
    'bytes',
  ],
  ['call: getpid\nmemory: { 6: a }\nexpect: { action: next }', 4, 'cases[0].memory.6'],
  [
    'call: mkdir\narguments: { path: { hex: 0g } }\nexpect: { action: next }',
    4,
    'cases[0].arguments.path',
    '"hex"',
  ],
  [
    'call: mkdir\narguments: { path: { hex: 12 } }\nexpect: { action: next }',
    4,
    'cases[0].arguments.path',
    '"hex"',
  ],
  [
    'call: mkdir\narguments: { path: true }\nexpect: { action: next }',
    4,
    'cases[0].arguments.path',
  ],
  [
    'call: mknod\narguments: { device: "1" }\nexpect: { action: next }',
    4,
    'cases[0].arguments.device',
    '1:3',
  ],
  ['call: getpid\nexpect: { calls: [{ a: {}, b: {} }] }', 4, 'cases[0].expect.calls[0]'],
  ['call: getpid\nexpect: { calls: { a: 1 } }', 4, 'cases[0].expect.calls'],
  ['call: 7\nexpect: { action: next }', 3, 'cases[0].call'],
])('cases: %j is refused in line %i, at %s', ([body, line, place, ...named]) => {
  expect(() => parse(body)).toThrow(
    failure('AGENT_CASES_INVALID', `handler.test.yaml:${line}: ${place}`, ...named),
  );
});
