// SPDX-License-Identifier: Apache-2.0
// Tests the built handler exec-delay.
import { expect, test } from 'vitest';

import { gone } from '../../host/call/host.ts';
import { processLayout } from '../../host/native.ts';
import { familyMembers } from '../../host/syscalls/syscall-table.ts';
import { HandlerHarness, shippedComponent } from '../../test/support/handler-harness.ts';
import { failure } from '../../test/support/failures.ts';

const file = shippedComponent('exec-delay');
const continued = { kind: 'continue' } as const;

function late(delayMs: number): object {
  return { kind: 'delay', delayMs, answer: continued };
}

function processOf(age: number, isFirst: boolean): Uint8Array {
  const bytes = new Uint8Array(processLayout.size);
  const view = new DataView(bytes.buffer);
  view.setBigUint64(processLayout.age, BigInt(age), true);
  view.setUint32(processLayout.isFirst, isFirst ? 1 : 0, true);
  return bytes;
}

const byPath = { pattern: '/bin/true', duration: '2s' } as const;
const bySidecars = { sidecars: 'proxy, log', 'sidecars-delay': '5s', container: 'main' } as const;

function handlerFor(
  settings: Readonly<Record<string, string>>,
  process: Uint8Array | number = processOf(1000, true),
): HandlerHarness {
  const handler = new HandlerHarness(file, settings);
  handler.host.callingProcess = process;
  return handler;
}

test.for([
  ['true', continued],
  ['false', late(4000)],
] as const)('exec-delay: an init container (%s) does not wait for sidecars', ([init, answer]) => {
  expect(handlerFor({ ...bySidecars, init }).ask('execve', '/bin/app')).toEqual(answer);
});

test('exec-delay: it answers what executes programs, and asks who does', () => {
  expect(handlerFor(byPath).component).toMatchObject({
    answers: ['execve'],
    imports: ['caller'],
    isConfigurable: true,
  });
  expect(familyMembers('execve')).toEqual(['execve', 'execveat']);
});

test('K21: exec-delay: programs of the path start late, by each call that starts them', () => {
  const handler = handlerFor(byPath);
  expect(handler.ask('execve', '/bin/true')).toEqual(late(2000));
  expect(handler.ask('execveat', -100, '/bin/true', null, null, 0)).toEqual(late(2000));
});

test.for([
  '/bin/echo',
  '/bin/tru',
  '/bin/true2',
  '/usr/bin/true',
  'true',
  '',
  '//bin/true',
  '/bin/true\uFFFD',
])('exec-delay: %j is another path, and is not held up', (path) => {
  expect(handlerFor(byPath).ask('execve', path)).toEqual(continued);
});

test.for([
  ['0', undefined],
  ['+0', undefined],
  ['0s', undefined],
  ['2s', 2000],
  ['300ms', 300],
  ['1h2m3.5s', 3_723_500],
  ['1.5s', 1500],
  ['.5s', 500],
  ['5.s', 5000],
  ['+250ms', 250],
  ['0.1s', 100],
  ['4.35s', 4350],
  // parts of a millisecond count as a whole one
  ['1ns', 1],
  ['1000001ns', 2],
  ['1500\u00B5s', 2],
  ['1500\u03BCs', 2],
  ['1us', 1],
  ['1ms1h1ms', 3_600_002],
  ['24h', 86_400_000],
] as const)('exec-delay: a duration of %s is %s ms', ([duration, milliseconds]) => {
  const answer = handlerFor({ ...byPath, duration }).ask('execve', '/bin/true');
  expect(answer).toEqual(milliseconds === undefined ? continued : late(milliseconds));
});

const noDurations = ['', '2', 's', '2 s', '1d', '-1s', '1s-1s', '.s', '1..5s', '1e3s', ' 1s', '00'];

test.for(noDurations)('G3: exec-delay: %j is no duration', (duration) => {
  for (const [key, settings] of [
    ['duration', { ...byPath, duration }],
    ['sidecars-delay', { ...bySidecars, 'sidecars-delay': duration }],
  ] as const) {
    expect(() => handlerFor(settings)).toThrow(failure('AGENT_SETTING_INVALID', `"${key}"`));
  }
});

test.for(['24h0m0.001s', '99999999999h', `${'9'.repeat(400)}h`])(
  'G3: exec-delay: nobody waits for %s',
  (duration) => {
    const tooLong = failure('AGENT_SETTING_INVALID', '"duration"');
    expect(() => handlerFor({ ...byPath, duration })).toThrow(tooLong);
  },
);

test.for([
  [{}, '"pattern"', '"sidecars"'],
  [{ pattern: '/bin/true' }, '"duration"'],
  [{ duration: '1s' }, '"pattern"'],
  [{ sidecars: 'a', container: 'b' }, '"sidecars-delay"'],
  [{ 'sidecars-delay': '1s', container: 'b' }, '"sidecars"'],
  [{ sidecars: 'a', 'sidecars-delay': '1s' }, '"container"'],
] as const)('G3: exec-delay: %j is refused', ([settings, ...named]) => {
  expect(() => handlerFor(settings)).toThrow(failure('AGENT_SETTING_INVALID', ...named));
});

test('exec-delay: a container that is no sidecar waits for what is left of the time', () => {
  expect(handlerFor(bySidecars, processOf(0, true)).ask('execve', '/a')).toEqual(late(5000));
  expect(handlerFor(bySidecars, processOf(4999, true)).ask('execve', '/a')).toEqual(late(1));
  expect(handlerFor(bySidecars, processOf(5000, true)).ask('execve', '/a')).toEqual(continued);
  expect(handlerFor(bySidecars, processOf(2 ** 40, true)).ask('execve', '/a')).toEqual(continued);
});

test.for(['proxy', 'log', 'POD'])('exec-delay: the container %s starts at once', (container) => {
  const handler = handlerFor({ ...bySidecars, container });
  expect(handler.ask('execve', '/a')).toEqual(continued);
});

test('exec-delay: without sidecars all containers wait', () => {
  const handler = handlerFor({ ...bySidecars, sidecars: '', container: 'proxy' });
  expect(handler.ask('execve', '/a')).toEqual(late(4000));
});

test('exec-delay: programs executed beside the first process do not wait', () => {
  expect(handlerFor(bySidecars, processOf(1, false)).ask('execve', '/a')).toEqual(continued);
});

test('K10: exec-delay: who cannot be looked at waits for all of the time', () => {
  expect(handlerFor(bySidecars, gone).ask('execve', '/a')).toEqual(late(5000));
});

test.for([
  ['2s', 4000],
  ['10s', 10_000],
] as const)('exec-delay: of both rules the longer delay holds: %s', ([duration, milliseconds]) => {
  const handler = handlerFor({ ...byPath, ...bySidecars, duration });
  expect(handler.ask('execve', '/bin/true')).toEqual(late(milliseconds));
  expect(handler.ask('execve', '/bin/other')).toEqual(late(4000));
});
