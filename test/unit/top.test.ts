// SPDX-License-Identifier: Apache-2.0
// Tests what `seccompagent top` makes of figures: rates, quantiles, lines.
import { describe, expect, test } from 'vitest';

import { figuresOf } from '../../host/control/figures.ts';
import type {
  AgentFigures,
  ContainerFigures,
  ListenerFigures,
} from '../../host/control/figures.ts';
import type { ContainerStatus } from '../../host/control/status.ts';
import { CallCounts, bucketBoundsSeconds, bucketCount } from '../../host/counting/counters.ts';
import type { CallLabels } from '../../host/counting/counters.ts';
import type { Totals } from '../../host/counting/counter-sum.ts';
import { quantile, ratesBetween } from '../../host/top/rates.ts';
import type { ContainerRates } from '../../host/top/rates.ts';
import { shownDuration, shownRate, sorted, tableOf } from '../../host/top/table.ts';
import { View } from '../../host/top/view.ts';
import { processorMs } from '../support/processor-time.ts';

const none = { value: 0, errno: 0, continue: 0, gone: 0, failed: 0 };

function bucketsOf(counts: Readonly<Record<number, number>>): readonly number[] {
  return Array.from({ length: bucketCount }, (_, index) => counts[index] ?? 0);
}

function containerOf(rest: Partial<ContainerFigures> = {}): ContainerFigures {
  return {
    id: 'c1',
    calls: none,
    durations: bucketsOf({}),
    syscalls: [],
    handlers: [],
    ...rest,
  };
}

function agentOf(takenAtMs: number, ...containers: readonly ContainerFigures[]): AgentFigures {
  return { version: '1', pid: 7, takenAtMs, workers: 2, containers };
}

describe('quantile', () => {
  test('nothing has none', () => {
    expect(quantile(bucketsOf({}), 0.5)).toBeUndefined();
  });

  test('is interpolated in its bucket, as Prometheus has it', () => {
    // 5e-6, 1e-5, 2.5e-5
    expect(quantile(bucketsOf({ 1: 10 }), 0.5)).toBeCloseTo(7.5e-6, 12);
    expect(quantile(bucketsOf({ 0: 50, 1: 49, 2: 1 }), 0.5)).toBeCloseTo(5e-6, 12);
    expect(quantile(bucketsOf({ 0: 50, 1: 49, 2: 1 }), 0.99)).toBeCloseTo(1e-5, 12);
    expect(quantile(bucketsOf({ 0: 10 }), 0.1)).toBeCloseTo(5e-7, 12);
  });

  test('of what is above all bounds it is the last one', () => {
    expect(quantile(bucketsOf({ [bucketCount - 1]: 5 }), 0.5)).toBe(bucketBoundsSeconds.at(-1));
  });
});

describe('ratesBetween', () => {
  test('is what was between, per second', () => {
    const before = containerOf({
      namespace: 'shop',
      pod: 'web-1',
      container: 'nginx',
      calls: { ...none, value: 10, errno: 4, failed: 1 },
      durations: bucketsOf({ 0: 15 }),
      syscalls: [
        { name: 'mkdir', calls: 10 },
        { name: 'chmod', calls: 5 },
      ],
    });
    const now = {
      ...before,
      calls: { ...none, value: 14, errno: 6, failed: 2 },
      durations: bucketsOf({ 0: 15, 1: 7 }),
      syscalls: [
        { name: 'mkdir', calls: 11 },
        { name: 'chmod', calls: 5 },
        { name: 'mount', calls: 6 },
      ],
    };
    expect(ratesBetween(agentOf(1000, before), agentOf(3000, now))).toEqual([
      {
        id: 'c1',
        name: 'shop/web-1/nginx',
        callsPerSecond: 3.5,
        errorsPerSecond: 1.5,
        failuresPerSecond: 0.5,
        p50Seconds: expect.closeTo(7.5e-6, 10),
        p99Seconds: expect.closeTo(9.95e-6, 10),
        syscalls: [
          { name: 'mount', perSecond: 3 },
          { name: 'mkdir', perSecond: 0.5 },
        ],
        handlers: [],
        refusal: undefined,
      },
    ]);
  });

  test('a container that has come has begun at zero, and so has another one of its name', () => {
    const now = containerOf({ durations: bucketsOf({ 0: 4 }) });
    const [come] = ratesBetween(agentOf(0), agentOf(2000, now)) ?? [];
    expect(come?.callsPerSecond).toBe(2);
    const old = containerOf({ durations: bucketsOf({ 0: 2, 3: 9 }) });
    const [other] = ratesBetween(agentOf(0, old), agentOf(2000, now)) ?? [];
    expect(other?.callsPerSecond).toBe(2);
  });

  test('there are none between two agents', () => {
    expect(ratesBetween(agentOf(0), { ...agentOf(1000), pid: 8 })).toBeUndefined();
    expect(ratesBetween(agentOf(1000), agentOf(1000))).toBeUndefined();
  });
});

function rowOf(labels: Partial<CallLabels>, calls: number): Totals<keyof CallLabels> {
  const counts = new CallCounts();
  counts.ends.value = calls;
  counts.durations.add([calls], 0);
  const all = { syscall: 'mount', handler: 'mount', bundle: 'a', status: '0', ...labels };
  return { labels: all, counts };
}

function listenerOf(status: ContainerStatus, rows: ListenerFigures['rows'] = []): ListenerFigures {
  const { id, peerUid } = status;
  return { id, ...(peerUid === undefined ? {} : { peerUid }), status: () => status, rows };
}

function shown(listeners: readonly ListenerFigures[]): readonly ContainerFigures[] {
  return [...figuresOf(listeners)];
}

describe('figuresOf', () => {
  const status: ContainerStatus = {
    id: 'c1',
    namespace: 'shop',
    calls: 0,
    since: '',
    bundles: [],
    handlers: [
      { name: 'mount', bundle: 'a', digest: '', isQuarantined: false },
      { name: 'mount', bundle: 'b', digest: '', isQuarantined: true },
    ],
  };

  test('the listeners of a container are one', () => {
    const figures = shown([
      listenerOf(status, [rowOf({}, 1), rowOf({ syscall: 'umount2' }, 5)]),
      listenerOf({ ...status, id: 'c2' }),
      listenerOf(status, [rowOf({ status: '1' }, 2), rowOf({ bundle: 'b' }, 3)]),
    ]);
    expect(figures.map(({ id }) => id)).toEqual(['c1', 'c2']);
    expect(figures[0]).toMatchObject({
      namespace: 'shop',
      calls: { ...none, value: 11 },
      syscalls: [
        { name: 'mount', calls: 6 },
        { name: 'umount2', calls: 5 },
      ],
      handlers: [
        { name: 'mount', bundle: 'a', calls: 8, isQuarantined: false },
        { name: 'mount', bundle: 'b', calls: 3, isQuarantined: true },
      ],
    });
    expect(figures[0]?.durations[0]).toBe(11);
  });
});

test('figuresOf: containers are made one by one, each in linear time', () => {
  const handlers = Array.from({ length: 32 }, (_, at) => ({
    name: `h${at}`,
    digest: '',
    isQuarantined: false,
  }));
  const rows = Array.from({ length: 128 }, (_, at) =>
    rowOf({ syscall: `s${at}`, handler: `h${at % 32}`, bundle: '' }, 1),
  );
  let asked = 0;
  const listeners = Array.from({ length: 500 }, (_, at) => {
    const status = { id: `c${at % 2}`, calls: 0, since: '', bundles: [], handlers };
    const countedStatus = (): ContainerStatus => {
      asked += 1;
      return status;
    };
    return { ...listenerOf(status, rows), status: countedStatus };
  });
  const all = figuresOf(listeners);
  const before = processorMs();
  const first = all.next().value;
  // a second or two for each handler, when all calls are gone through for each
  expect(processorMs() - before).toBeLessThan(2000);
  expect(asked).toBe(250);
  expect(first).toMatchObject({ id: 'c0', calls: { value: 128 * 250 } });
});

test('figuresOf: a container of a user by the id of root’s is another', () => {
  const status = { id: 'c1', calls: 0, since: '', bundles: [], handlers: [] };
  const roots = listenerOf(status, [rowOf({}, 2)]);
  const theirs = listenerOf({ ...status, peerUid: 1000 }, [rowOf({}, 3)]);
  const containers = shown([roots, theirs, theirs]);
  expect(containers).toMatchObject([
    { id: 'c1', calls: { value: 2 } },
    { id: 'c1', peerUid: 1000, calls: { value: 6 } },
  ]);
  const before = { ...agentOf(0), containers };
  const rates = ratesBetween(before, { ...before, takenAtMs: 1000 });
  expect(rates?.map(({ callsPerSecond }) => callsPerSecond)).toEqual([0, 0]);
});

function ratesOf(rest: Partial<ContainerRates> = {}): ContainerRates {
  return {
    id: 'c1',
    name: '',
    callsPerSecond: 0,
    errorsPerSecond: 0,
    failuresPerSecond: 0,
    p50Seconds: undefined,
    p99Seconds: undefined,
    syscalls: [],
    handlers: [],
    refusal: undefined,
    ...rest,
  };
}

describe('tableOf', () => {
  test('has a line for each', () => {
    const rates = ratesOf({
      id: '0123456789abcdef',
      name: 'shop/web-1/nginx',
      callsPerSecond: 1234.4,
      errorsPerSecond: 0.25,
      p50Seconds: 0.0000071,
      p99Seconds: 0.0123,
      syscalls: ['mkdir', 'chmod', 'mount', 'mknod', 'bpf'].map((name) => ({ name, perSecond: 2 })),
      handlers: [
        { name: 'suffix', calls: 0, isQuarantined: false },
        { name: 'mount', calls: 0, isQuarantined: true },
      ],
    });
    const [titles, ...lines] = tableOf([rates, ratesOf()]).map((line) => line.split(/ {2,}/u));
    expect(titles).toEqual([
      'ID',
      'NAMESPACE/POD/CONTAINER',
      'CALLS/S',
      'ERRORS/S',
      'FAILED/S',
      'P50',
      'P99',
      'SYSCALLS',
      'HANDLERS',
    ]);
    expect(lines).toEqual([
      [
        '0123456789ab',
        'shop/web-1/nginx',
        '1234',
        '0.3',
        '0',
        '7.1µs',
        '12ms',
        'mkdir:2.0 chmod:2.0 mount:2.0 +2',
        expect.stringMatching(/^suffix, mount \S/u),
      ],
      ['c1', '-', '0', '0', '0', '-', '-', '-', '-'],
    ]);
  });

  test('a container that is refused says why', () => {
    expect(tableOf([ratesOf({ refusal: 'no bundle\u001b[2J' })])[1]).toContain(
      String.raw`no bundle\u001b[2J`,
    );
  });

  test('nothing of a name controls a terminal', () => {
    const wild = '\u001b]0;x\u0007\n\u202e';
    const lines = tableOf([
      ratesOf({
        id: wild,
        name: wild,
        syscalls: [{ name: wild, perSecond: 1 }],
        handlers: [{ name: wild, calls: 0, isQuarantined: false }],
      }),
    ]);
    expect(lines.join('')).not.toMatch(/[\p{Cc}\u202e]/u);
  });
});

function words(line: string | undefined): readonly string[] {
  return (line ?? '').split(/ {2,}/u);
}

describe('View', () => {
  const id = '4f5a01c0ffee4f5a01c0ffee4f5a01c0ffee4f5a01c0ffee4f5a01c0ffee4f5a';
  const suffix = { name: 'mkdir-suffix', calls: 0, isQuarantined: false };
  const mkdir = { name: 'mkdir', perSecond: 12 };
  const busy = { id, callsPerSecond: 12, p50Seconds: 1e-5, p99Seconds: 1e-4, syscalls: [mkdir] };
  const screen = { rows: 24, columns: 80 };

  function drawn(...rates: readonly ContainerRates[]): readonly string[] {
    const agent = agentOf(0, ...rates.map((each) => containerOf({ id: each.id })));
    const view = new View('calls', agent);
    view.see({ kind: 'rates', agent, rates });
    const lines = view.lines(screen).map(({ text }) => text);
    for (const line of lines) expect(Array.from(line).length).toBeLessThanOrEqual(screen.columns);
    expect(lines.length).toBeLessThanOrEqual(screen.rows);
    return lines.slice(2);
  }

  test('80 x 24: columns that say nothing are not there', () => {
    const [titles, line] = drawn(ratesOf({ ...busy, handlers: [suffix] }));
    expect(words(titles)).toEqual(['ID', 'CALLS/S', 'P50', 'P99', 'SYSCALLS', 'HANDLERS']);
    expect(words(line)).toEqual([
      '4f5a01c0ffee',
      '12.0',
      '10µs',
      '100µs',
      'mkdir:12.0',
      'mkdir-suffix',
    ]);
  });

  test('80 x 24: system calls and handlers of a pod that has everything are there', () => {
    const calls = ['mkdirat', 'mount', 'chmod', 'umount2'].map((name) => ({ ...mkdir, name }));
    const others = ['mount', 'errno'].map((name) => ({ ...suffix, name }));
    const full = ratesOf({
      ...busy,
      name: 'shop-frontend/web-7d4b9c5f6d-x2x8z/nginx-ingress-controller',
      callsPerSecond: 12_345,
      errorsPerSecond: 99.9,
      failuresPerSecond: 0.1,
      syscalls: calls,
      handlers: [suffix, ...others, { ...suffix, name: 'trap', isQuarantined: true }],
    });
    const [titles, line] = drawn(full);
    expect(words(titles)).toEqual([
      'ID',
      expect.stringMatching(/^NAMESPACE.*…$/u),
      'CALLS/S',
      'ERRORS/S',
      'FAILED/S',
      'SYSCALLS',
      'HANDLERS',
    ]);
    const [, name, , , , syscalls, handlers] = words(line);
    expect(name).toMatch(/^shop.*….*ler$/u);
    expect(syscalls).toMatch(/^mkdirat:/u);
    // the one that needs somebody
    expect(handlers).toMatch(/^trap \(/u);
  });

  test('80 x 24: a refused container shows the beginning of the reason', () => {
    const reason = 'no bundle of that name in any of the folders that the configuration names';
    const [, line] = drawn(ratesOf({ id, refusal: reason }));
    expect(line).toMatch(/ALL CALLS FAIL: no bundle.*…$/u);
  });

  test('80 x 24: the column that sorts stays, and more containers than lines scroll', () => {
    const many = Array.from({ length: 30 }, (_, index) => ratesOf({ id: `c${index}` }));
    const lines = drawn(...many);
    expect(lines).toHaveLength(22);
    const view = new View('p99', agentOf(0));
    view.see({ kind: 'rates', agent: agentOf(0), rates: [ratesOf()] });
    expect(words(view.lines(screen)[2]?.text)).toContain('P99');
  });
});

test('sorted: by a number, the largest first; those that are alike by name', () => {
  const all = [
    ratesOf({ id: 'b', name: 'x', callsPerSecond: 1, p99Seconds: 1 }),
    ratesOf({ id: 'c', name: 'x', callsPerSecond: 5 }),
    ratesOf({ id: 'a', name: 'x', callsPerSecond: 1, failuresPerSecond: 1 }),
    ratesOf({ id: 'd', name: 'a', callsPerSecond: 1 }),
  ];
  const ids = (key: 'calls' | 'p99' | 'failures' | 'name'): string =>
    sorted(all, key)
      .map(({ id }) => id)
      .join('');
  expect(ids('calls')).toBe('cdab');
  expect(ids('p99')).toBe('bdac');
  expect(ids('failures')).toBe('adbc');
  expect(ids('name')).toBe('dabc');
});

test.for([
  [undefined, '-'],
  [5e-7, '0.5µs'],
  [0.0000425, '43µs'],
  [0.0025, '2.5ms'],
  [0.25, '250ms'],
  [10, '10.0s'],
] as const)('shownDuration: %s is %s', ([seconds, text]) => {
  expect(shownDuration(seconds)).toBe(text);
});

test.for([
  [0, '0'],
  [0.04, '0.0'],
  [9.96, '10.0'],
  [99.94, '99.9'],
  [100.4, '100'],
] as const)('shownRate: %s is %s', ([rate, text]) => {
  expect(shownRate(rate)).toBe(text);
});
