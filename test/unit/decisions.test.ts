// SPDX-License-Identifier: Apache-2.0
// Tests the way of decisions from a worker to those who watch.
import { expect, test } from 'vitest';

import { continueAction, fail, valueAction, zeroAction } from '../../host/call/action.ts';
import type { Decision } from '../../host/call/action.ts';
import { inbox } from '../../host/native.ts';
import { ReceivedCall } from '../../host/call/received-call.ts';
import { Syscalls } from '../../host/syscalls/syscalls.ts';
import type { Syscall } from '../../host/syscalls/syscalls.ts';
import type { ShownDecision, WatchedContainer } from '../../host/observation/decision.ts';
import { actBit, makeBell, makeDecisionRing } from '../../host/observation/decision-layout.ts';
import { DecisionReader } from '../../host/observation/decision-reader.ts';
import { DecisionWriter } from '../../host/observation/decision-writer.ts';
import { RingShare } from '../../host/observation/ring-share.ts';
import { fillCall } from '../support/handler-harness.ts';

const syscalls = new Syscalls();
const container: WatchedContainer = {
  containerId: 'c1',
  workload: {},
  firstPid: 1,
  filterPid: 2,
  handlers: [{ name: 'first', bundle: 'both' }, { name: 'second' }],
  watchers: [],
};

class Way {
  readonly call = new ReceivedCall();
  readonly bell = makeBell();
  readonly writer: DecisionWriter;
  readonly reader: DecisionReader;
  readonly #shares = new Map<string, RingShare>();
  syscall: Syscall | undefined;

  constructor(cells?: number) {
    const ring = makeDecisionRing(cells);
    this.writer = new DecisionWriter({ ring, bell: this.bell }, this.call, syscalls);
    this.reader = new DecisionReader({
      ring,
      syscalls,
      container: (watch) => (watch === 7 ? container : undefined),
    });
  }

  begin(withArguments = false, id = 7): void {
    const key = `${id} ${withArguments}`;
    const share = this.#shares.get(key) ?? new RingShare({ id, withArguments });
    this.#shares.set(key, share);
    this.writer.begin(share);
  }

  end(decision: Decision = continueAction, handler = -1): void {
    this.writer.end(decision, { handler, failure: 'none', syscall: this.syscall });
  }

  fill(name: string, ...given: Parameters<typeof fillCall>[2]): void {
    fillCall(this.call, name, given);
    this.syscall = syscalls.byName(name);
  }

  /** One decision from end to end. */
  tell(decision: Decision, handler = -1): ShownDecision | undefined {
    this.begin();
    this.end(decision, handler);
    return this.reader.read(Infinity)[0];
  }
}

test('decisions: whose call, who answered and what come over', () => {
  const way = new Way();
  way.fill('mkdir', '/a', 0);
  new Uint32Array(way.call.bytes.buffer)[inbox.tid / 4] = 4_000_000_000;
  new BigUint64Array(way.call.bytes.buffer)[inbox.id / 8] = 0xfedc_ba98_7654_3210n;
  way.begin();
  way.writer.act(actBit('mount') | actBit('kill-container'));
  way.writer.end(fail('EXDEV'), { handler: 0, failure: 'trap', syscall: way.syscall });
  const [decision] = way.reader.read(Infinity);
  expect(decision).toMatchObject({
    container,
    tid: 4_000_000_000,
    notificationId: 0xfedc_ba98_7654_3210n,
    arch: 'x86_64',
    syscall: 'mkdir',
    handler: { name: 'first', bundle: 'both' },
    answer: { kind: 'errno', errno: 'EXDEV' },
    failure: 'trap',
    acts: ['mount', 'kill-container'],
    delayMs: 0,
  });
  expect(Math.abs((decision?.at ?? 0) - Date.now())).toBeLessThan(60_000);
});

test.for([
  [zeroAction, { kind: 'value', value: 0n }],
  [valueAction(-(2n ** 62n)), { kind: 'value', value: -(2n ** 62n) }],
  [continueAction, { kind: 'continue' }],
  [{ kind: 'descriptor', descriptor: 3, isCloseOnExec: true }, { kind: 'descriptor' }],
  [fail('EHWPOISON'), { kind: 'errno', errno: 'EHWPOISON' }],
] as const)('decisions: answer %# comes over', ([decision, answer]) => {
  if (decision === undefined) throw new Error('it is none');
  const way = new Way();
  way.fill('getpgid', 0);
  expect(way.tell(decision)).toMatchObject({ answer, handler: undefined, acts: [] });
});

test('decisions: a delay comes over with the answer', () => {
  const way = new Way();
  way.fill('getpgid', 0);
  const decision = { kind: 'delay', delayMs: 86_400_000, answer: fail('EAGAIN') } as const;
  expect(way.tell(decision, 1)).toMatchObject({
    delayMs: 86_400_000,
    answer: { kind: 'errno', errno: 'EAGAIN' },
    handler: { name: 'second' },
  });
});

test('decisions: decisions without room are counted, and the others stay whole', () => {
  const way = new Way(8);
  way.fill('getpgid', 0);
  for (let call = 0; call < 7; call += 1) {
    way.begin();
    way.end(valueAction(BigInt(call)));
  }
  expect(way.reader.takeLost()).toBe(3);
  expect(way.reader.takeLost()).toBe(0);
  const told = way.reader.read(Infinity).map(({ answer }) => answer);
  expect(told).toEqual([0n, 1n, 2n, 3n].map((value) => ({ kind: 'value', value })));
  expect(way.tell(zeroAction)).toBeDefined();
});

test('decisions: a flood costs its own container decisions, and no other', () => {
  const way = new Way(64);
  way.fill('getpgid', 0);
  const tell = (id: number, decision: Decision): void => {
    way.begin(false, id);
    way.end(decision);
  };
  // two that flood, and one that had its own burst before
  for (let calls = 0; calls < 100; calls += 1) tell(7, fail('EPERM'));
  way.reader.read(Infinity);
  way.reader.takeLostBy();
  for (let calls = 0; calls < 1000; calls += 1) {
    tell(8, fail('EPERM'));
    tell(9, fail('EPERM'));
    if (calls % 250 === 100) tell(7, fail('EXDEV'));
  }
  expect(way.reader.takeLostBy()).toEqual([]);
  const told = way.reader.read(Infinity).map(({ answer }) => answer);
  expect(told).toEqual(Array.from({ length: 4 }, () => ({ kind: 'errno', errno: 'EXDEV' })));
});

test('decisions: a container that floods is heard as often as its decisions are read', () => {
  const way = new Way(64);
  way.fill('getpgid', 0);
  for (let turn = 0; turn < 100; turn += 1) {
    for (let calls = 0; calls < 100; calls += 1) {
      way.begin();
      way.end(zeroAction);
    }
    // a part of it: there are old and new ones
    expect(way.reader.read(8).length).toBe(8);
  }
  expect(way.reader.read(Infinity).length).toBeGreaterThan(8);
});

test('decisions: of what is lost, it is known whose it was', () => {
  const way = new Way(8);
  way.fill('getpgid', 0);
  const call = (id: number): void => {
    way.begin(false, id);
    way.end(zeroAction);
  };
  for (let turn = 0; turn < 2; turn += 1) {
    for (let calls = 0; calls < 11; calls += 1) call(7);
    // four have room, and as many others as there are places lose one: one has no place
    for (let other = 8; other < 8 + 4 + 64; other += 1) call(other);
    expect(way.reader.takeLostBy()).toEqual([{ container, count: 7 }]);
    expect(way.reader.takeLostBy()).toEqual([]);
    expect(way.reader.takeLost()).toBe(7 + 64);
    way.reader.read(Infinity);
  }
});

test('decisions: calls that just continue leave room to others', () => {
  const way = new Way(16);
  way.fill('getpgid', 0);
  for (let calls = 0; calls < 100; calls += 1) {
    way.begin();
    way.end(continueAction);
  }
  way.begin();
  way.end(fail('EPERM'));
  way.begin();
  way.writer.act(actBit('kill-container'));
  way.end(continueAction);
  const told = way.reader.read(Infinity);
  expect(told).toHaveLength(8);
  expect(told.filter(({ answer }) => answer.kind === 'errno')).toHaveLength(1);
  expect(told.filter(({ acts }) => acts.length > 0)).toHaveLength(1);
});

test('decisions: rings are gone round with decisions of all sizes', () => {
  const way = new Way(16);
  for (let call = 0; call < 200; call += 1) {
    const path = `/${'x'.repeat((call * 37) % 300)}`;
    way.fill('mkdir', path, call);
    way.begin(call % 3 !== 0);
    way.end();
    const told = way.reader.read(Infinity);
    expect(told).toHaveLength(1);
    const shown = told[0]?.arguments?.find(({ name }) => name === 'path')?.value;
    const bytes = { kind: 'bytes', bytes: new TextEncoder().encode(path) };
    expect(shown).toEqual(call % 3 === 0 ? undefined : bytes);
  }
  expect(way.reader.takeLost()).toBe(0);
});

test('M5: decisions: options of mounts and values of attributes are not even copied', () => {
  const ring = makeDecisionRing(64);
  const call = new ReceivedCall();
  const writer = new DecisionWriter({ ring, bell: makeBell() }, call, syscalls);
  const secret = 'geheim4711';
  for (const [name, given] of [
    ['mount', ['none', '/', 'cifs', 0, secret]],
    ['setxattr', ['/a', 'user.a', secret, secret.length, 0]],
  ] as const) {
    fillCall(call, name, given);
    writer.begin(new RingShare({ id: 7, withArguments: true }));
    writer.end(zeroAction, { handler: -1, failure: 'none', syscall: syscalls.byName(name) });
  }
  expect(Buffer.from(ring).toString('latin1')).not.toContain(secret);
  const reader = new DecisionReader({ ring, syscalls, container: () => container });
  const secrets = reader
    .read(Infinity)
    .flatMap(({ arguments: own = [] }) => own.filter(({ value }) => value.kind === 'secret'));
  expect(secrets).toEqual([
    { name: 'data', value: { kind: 'secret', length: secret.length } },
    { name: 'value', value: { kind: 'secret', length: secret.length } },
  ]);
});

test('decisions: the call of a worker that was ended is told once, by whoever was quicker', () => {
  const way = new Way();
  way.fill('mkdir', '/a', 0);
  const ending = {
    answer: { kind: 'errno', errno: 'EPERM' },
    failure: 'deadline',
    handler: 1,
  } as const;
  expect(way.reader.takeCurrent(ending)).toBeUndefined();
  way.begin();
  expect(way.reader.takeCurrent(ending)).toMatchObject({
    syscall: 'mkdir',
    failure: 'deadline',
    handler: { name: 'second' },
  });
  way.end();
  expect(way.reader.read(Infinity)).toEqual([]);
  way.begin();
  way.end();
  expect(way.reader.takeCurrent(ending)).toBeUndefined();
  expect(way.reader.read(Infinity)).toHaveLength(1);
});

test.for([true, false])(
  'decisions: what was done for the call of a worker that was ended is told, arguments: %s',
  (withArguments) => {
    const way = new Way(16);
    const ending = {
      answer: { kind: 'errno', errno: 'EPERM' },
      failure: 'deadline',
      handler: 1,
    } as const;
    const rounds = Array.from({ length: 20 }, (_, round) => {
      way.fill('mkdir', `/some/${round}`, 0o755);
      way.begin(withArguments);
      way.writer.act(0);
      way.writer.act(actBit('operate'));
      way.writer.act(actBit('perform'));
      const ended = round % 3 === 0 ? way.reader.takeCurrent(ending) : undefined;
      way.end();
      const read = way.reader.read(Infinity);
      return { round, ended, read };
    });
    const acts = ['perform', 'operate'];
    expect(
      rounds.map(({ ended, read }) => [ended?.acts, ...read.map((each) => each.acts)]),
    ).toEqual(rounds.map(({ round }) => (round % 3 === 0 ? [acts] : [undefined, acts])));
    // the ring has gone round meanwhile
    const paths = rounds.map(({ ended, read }) => (ended ?? read[0])?.arguments?.[0]);
    expect(paths).toEqual(
      rounds.map(({ round }) =>
        withArguments
          ? {
              name: 'path',
              value: { kind: 'bytes', bytes: new TextEncoder().encode(`/some/${round}`) },
            }
          : undefined,
      ),
    );
  },
);

test('decisions: a call that nothing was done for says nothing of the one before', () => {
  const way = new Way();
  way.fill('mkdir', '/a', 0);
  way.begin(true);
  way.writer.act(actBit('operate'));
  way.end();
  way.begin(true);
  const answer = { kind: 'errno', errno: 'EPERM' } as const;
  const told = way.reader.takeCurrent({ answer, failure: 'deadline', handler: 0 });
  expect(told).toMatchObject({ acts: [] });
  expect(told).not.toHaveProperty('arguments');
});

test('decisions: those of a registry that nobody remembers are passed over', () => {
  const way = new Way();
  way.fill('getpgid', 0);
  way.begin(false, 6);
  way.end();
  expect(way.tell(zeroAction)).toMatchObject({ answer: { kind: 'value', value: 0n } });
});

test('decisions: a call that nobody knows has its number', () => {
  const way = new Way();
  const words = new Uint32Array(way.call.bytes.buffer);
  words[inbox.arch / 4] = 0xffff_ffff;
  words[inbox.number / 4] = 0xffff_fff0;
  const decision = way.tell(fail('EPERM'));
  expect(decision).toMatchObject({ arch: 'unknown', number: 0xffff_fff0, syscall: undefined });
});

test('decisions: the main thread is rung once, and only when it sleeps', () => {
  const way = new Way();
  way.fill('getpgid', 0);
  const rung = new Int32Array(way.bell);
  rung[0] = 0;
  way.tell(zeroAction);
  expect(rung[0]).toBe(1);
});
