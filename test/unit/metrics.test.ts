// SPDX-License-Identifier: Apache-2.0
// Tests the metrics and the text that Prometheus gets.
import { describe, expect, test } from 'vitest';

import { Metrics } from '../../host/metrics/metrics.ts';
import type { MetricsParts } from '../../host/metrics/metrics.ts';
import { CounterSum } from '../../host/counting/counter-sum.ts';
import {
  bucketBoundsSeconds,
  bucketCount,
  figure,
  slotLayout,
} from '../../host/counting/counters.ts';
import { watchMetrics } from '../../host/observation/watch-metrics.ts';
import { readExposition } from '../support/exposition.ts';
import type { MetricFamily, Sample } from '../support/exposition.ts';
import { Page } from '../support/pages.ts';

function metricsOf(parts: Partial<MetricsParts> = {}): Metrics {
  return new Metrics({
    version: '1.2.3',
    figures: () => new BigUint64Array(figure.count),
    counters: new CounterSum(),
    quarantined: () => 0,
    ...parts,
  });
}

async function familyOf(metrics: Metrics, name: string): Promise<MetricFamily> {
  const family = readExposition(await metrics.text()).get(name);
  if (family === undefined) throw new Error(`no metric ${name}`);
  return family;
}

async function valuesOf(metrics: Metrics, name: string): Promise<readonly number[]> {
  return (await familyOf(metrics, name)).samples.map(({ value }) => value);
}

/** `label,label: value` in the order of the text. */
async function rowsOf(metrics: Metrics, name: string): Promise<readonly string[]> {
  const { samples } = await familyOf(metrics, name);
  return samples.map(({ labels, value }) => `${Object.values(labels).join()}: ${value}`);
}

function withSuffix({ samples }: MetricFamily, suffix: string): readonly Sample[] {
  return samples.filter(({ name }) => name.endsWith(suffix));
}

/** Figures with each its own value. */
function figuresOf(values: Readonly<Record<number, bigint>>): () => BigUint64Array {
  const figures = new BigUint64Array(figure.count);
  for (const [index, value] of Object.entries(values)) figures[Number(index)] = value;
  return () => figures;
}

function countedCalls(): CounterSum {
  const counters = new CounterSum();
  counters.enter(1, { containerId: 'c1', workload: { namespace: 'shop' } });
  counters.enter(2, { containerId: 'c2' });
  const block = counters.take();
  const mkdir = { syscall: 'mkdir', handler: 'mkdir-suffix', bundle: 'demo', status: '17' };
  block.name({ slot: 1, token: 1, ...mkdir });
  block.name({ slot: 2, token: 2, syscall: 'chmod', handler: 'none', bundle: '', status: '0' });
  const words = new BigUint64Array(block.buffer);
  words.set([1n, 2n, 3n, 4n, 5n, 7_250_000_000n], slotLayout.words);
  words.set([5n, 10n], slotLayout.words + slotLayout.buckets + 15);
  words.set([0n, 0n, 2n], 2 * slotLayout.words);
  words.set([1n, 1n], 2 * slotLayout.words + slotLayout.buckets);
  return counters;
}

describe('names and types', () => {
  test('an idle agent has every metric but those of calls', async () => {
    const families = readExposition(await metricsOf().text());
    const shown = [...families].map(
      ([name, { type, samples }]) => `${name} ${type} ${samples.length}`,
    );
    expect(shown.toSorted()).toEqual([
      'process_cpu_seconds_total counter 1',
      'process_max_fds gauge 1',
      'process_open_fds gauge 1',
      'process_resident_memory_bytes gauge 1',
      'process_start_time_seconds gauge 1',
      'seccompagent_build_info gauge 1',
      'seccompagent_calls_total counter 0',
      'seccompagent_containers gauge 0',
      'seccompagent_fallback_received_total counter 1',
      'seccompagent_handler_failures_total counter 0',
      'seccompagent_handler_request_duration_seconds histogram 0',
      'seccompagent_handlers_quarantined gauge 1',
      'seccompagent_late_answers gauge 1',
      'seccompagent_listeners gauge 1',
      'seccompagent_queue_refused_total counter 1',
      'seccompagent_queued_calls gauge 1',
      `seccompagent_receive_delay_seconds histogram ${bucketCount + 2}`,
      'seccompagent_received_total counter 1',
      'seccompagent_request_duration_seconds histogram 0',
      'seccompagent_restarted_calls_total counter 1',
      'seccompagent_shadow_calls_total counter 0',
      'seccompagent_shadow_differences_total counter 0',
      'seccompagent_withdrawn_calls_total counter 1',
      'seccompagent_workers gauge 2',
    ]);
  });

  test('deploy/docs/reference/metrics.md lists each of them with its type and its labels', async () => {
    const { text: page } = new Page('deploy/docs/reference/metrics.md');
    const row =
      /^\| `(?<name>\w+)` +\| (?<type>counter|gauge|histogram) +\| (?<labels>[\w, ]*?) +\|/gmu;
    const listed = [...page.matchAll(row)].map(({ groups }) => ({ ...groups }));
    const metrics = metricsOf({
      counters: countedCalls(),
      shadows: () => [{ bundle: 'next', syscall: 'mkdir', calls: 2, different: 1 }],
    });
    metrics.failed({ handler: 'mount', bundle: 'mount', reason: 'trap' });
    const falco = { output: 'file', counts: { sent: 1, failed: 0, lost: 0 } } as const;
    metrics.register(
      watchMetrics(() => ({ lost: 0, audit: { written: 1, lost: 0 }, falco: [falco] })),
    );
    const families = [...readExposition(await metrics.text())];
    const shown = families.map(([name, { type, samples }]) => {
      const labels = new Set(samples.flatMap((sample) => Object.keys(sample.labels)));
      labels.delete('le');
      return { name, type, labels: [...labels].join(', ') };
    });
    expect(new Set(listed)).toEqual(new Set(shown));
    expect(listed).toHaveLength(shown.length);
  });

  test('the type of the text is that of Prometheus', () => {
    expect(metricsOf().contentType).toBe('text/plain; version=0.0.4; charset=utf-8');
  });

  test('the build is a label', async () => {
    const { samples } = await familyOf(metricsOf(), 'seccompagent_build_info');
    expect(samples).toEqual([
      {
        name: 'seccompagent_build_info',
        labels: { version: '1.2.3', node: process.versions.node, arch: process.arch },
        value: 1,
      },
    ]);
  });
});

test.for([
  ['seccompagent_received_total', figure.received],
  ['seccompagent_queued_calls', figure.queued],
  ['seccompagent_queue_refused_total', figure.queueRefused],
  ['seccompagent_restarted_calls_total', figure.restarted],
  ['seccompagent_withdrawn_calls_total', figure.withdrawn],
  ['seccompagent_late_answers', figure.lateAnswers],
  ['seccompagent_listeners', figure.listeners],
  ['seccompagent_fallback_received_total', figure.fallbackReceived],
] as const)('receiver: %s is a figure of its own, read anew each time', async ([name, index]) => {
  const figures = figuresOf({ [index]: 7n });
  const metrics = metricsOf({ figures });
  expect(await valuesOf(metrics, name)).toEqual([7]);
  figures()[index] = 9n;
  expect(await valuesOf(metrics, name)).toEqual([9]);
  expect(await valuesOf(metrics, name)).toEqual([9]);
});

test.for([
  [5n, 2n, ['busy: 2', 'idle: 3']],
  [2n, 2n, ['busy: 2', 'idle: 0']],
  // one that has just ended
  [1n, 2n, ['busy: 2', 'idle: 0']],
] as const)('receiver: of %s workers %s are busy', async ([workers, busy, rows]) => {
  const figures = figuresOf({ [figure.workers]: workers, [figure.busyWorkers]: busy });
  expect(await rowsOf(metricsOf({ figures }), 'seccompagent_workers')).toEqual(rows);
});

test('receiver: the delay is a histogram in seconds, counted by its buckets', async () => {
  const figures = figuresOf({
    [figure.receiveDelayBuckets]: 4n,
    [figure.receiveDelayBuckets + 3]: 2n,
    [figure.receiveDelayBuckets + bucketCount - 1]: 1n,
    [figure.receiveDelaySumNs]: 12_500_000_000n,
    // read a moment later than the buckets
    [figure.receiveDelayCount]: 8n,
  });
  const family = await familyOf(metricsOf({ figures }), 'seccompagent_receive_delay_seconds');
  const buckets = withSuffix(family, '_bucket');
  expect(buckets.map(({ labels }) => labels['le'])).toEqual([
    ...bucketBoundsSeconds.map(String),
    '+Inf',
  ]);
  expect(buckets.map(({ value }) => value)).toEqual([
    4,
    4,
    4,
    ...Array.from({ length: 17 }, () => 6),
    7,
  ]);
  expect(withSuffix(family, '_count')[0]?.value).toBe(7);
  expect(withSuffix(family, '_sum')[0]?.value).toBe(12.5);
});

describe('calls', () => {
  test('are counted by syscall, handler and what became of them', async () => {
    const metrics = metricsOf({ counters: countedCalls() });
    const rows = [
      'mkdir,mkdir-suffix,demo,value: 1',
      'mkdir,mkdir-suffix,demo,errno: 2',
      'mkdir,mkdir-suffix,demo,continue: 3',
      'mkdir,mkdir-suffix,demo,gone: 4',
      'mkdir,mkdir-suffix,demo,failed: 5',
      'chmod,none,,value: 0',
      'chmod,none,,errno: 0',
      'chmod,none,,continue: 2',
      'chmod,none,,gone: 0',
      'chmod,none,,failed: 0',
    ];
    expect(await rowsOf(metrics, 'seccompagent_calls_total')).toEqual(rows);
    expect(await rowsOf(metrics, 'seccompagent_calls_total')).toEqual(rows);
    const { samples } = await familyOf(metrics, 'seccompagent_calls_total');
    expect(Object.keys(samples[0]?.labels ?? {})).toEqual([
      'syscall',
      'handler',
      'bundle',
      'answer',
    ]);
  });

  test('have a histogram of their durations by namespace, syscall and errno', async () => {
    const metrics = metricsOf({ counters: countedCalls() });
    const family = await familyOf(metrics, 'seccompagent_request_duration_seconds');
    expect(withSuffix(family, '_count').map(({ labels, value }) => ({ labels, value }))).toEqual([
      { labels: { namespace: '', syscall: 'chmod', status: '0' }, value: 2 },
      { labels: { namespace: 'shop', syscall: 'mkdir', status: '17' }, value: 15 },
    ]);
    expect(withSuffix(family, '_sum').map(({ value }) => value)).toEqual([0, 7.25]);
    const halfSecond = family.samples.findLast(({ labels }) => labels['le'] === '0.5');
    expect(halfSecond).toMatchObject({ labels: { syscall: 'mkdir' }, value: 5 });
  });

  test('have another one by who has answered', async () => {
    const counters = countedCalls();
    const [block] = [counters.take()];
    const chmod = { syscall: 'chmod', handler: 'mkdir-suffix', bundle: 'demo', status: '0' };
    block.name({ slot: 1, token: 1, ...chmod });
    new BigUint64Array(block.buffer)[slotLayout.words + slotLayout.buckets] = 3n;
    const metrics = metricsOf({ counters });
    const family = await familyOf(metrics, 'seccompagent_handler_request_duration_seconds');
    expect(withSuffix(family, '_count').map(({ labels, value }) => ({ labels, value }))).toEqual([
      { labels: { handler: 'mkdir-suffix', bundle: 'demo' }, value: 18 },
      { labels: { handler: 'none', bundle: '' }, value: 2 },
    ]);
  });

  test('containers are counted by their namespaces', async () => {
    const counters = new CounterSum();
    const metrics = metricsOf({ counters });
    const shop = { workload: { namespace: 'shop' } };
    counters.enter(1, { containerId: 'c1', ...shop });
    const left = counters.enter(2, { containerId: 'c2' });
    counters.enter(3, { containerId: 'c3', ...shop });
    expect(await rowsOf(metrics, 'seccompagent_containers')).toEqual(['shop: 2', ': 1']);
    left[Symbol.dispose]();
    expect(await rowsOf(metrics, 'seccompagent_containers')).toEqual(['shop: 2']);
  });

  test('are read at one moment for a text, and anew for the next', async () => {
    const counters = countedCalls();
    const metrics = metricsOf({ counters });
    await metrics.text();
    const block = counters.take();
    const mount = { syscall: 'mount', handler: 'mount', bundle: '', status: '0' };
    block.name({ slot: 1, token: 1, ...mount });
    expect(await rowsOf(metrics, 'seccompagent_calls_total')).toContain('mount,mount,,value: 0');
  });

  test('texts asked for at the same time are each whole', async () => {
    const metrics = metricsOf({ counters: countedCalls() });
    const texts = await Promise.all([metrics.text(), metrics.text(), metrics.text()]);
    for (const text of texts) {
      expect(readExposition(text).get('seccompagent_calls_total')?.samples).toHaveLength(10);
    }
  });

  test('a name is escaped', async () => {
    const counters = new CounterSum();
    const labels = { syscall: 'mkdir', handler: 'a"b\\n\\\nc', bundle: '', status: '0' };
    counters.take().name({ slot: 1, token: 1, ...labels });
    const { samples } = await familyOf(metricsOf({ counters }), 'seccompagent_calls_total');
    expect(samples[0]?.labels['handler']).toBe('a"b\\n\\\nc');
  });
});

describe('handlers', () => {
  test('failures are counted by handler and reason', async () => {
    const metrics = metricsOf();
    const mount = { handler: 'mount', bundle: 'demo' };
    metrics.failed({ ...mount, reason: 'trap' });
    metrics.failed({ ...mount, reason: 'trap' });
    metrics.failed({ ...mount, reason: 'deadline' });
    metrics.failed({ handler: 'mount', reason: 'settings' });
    expect(await rowsOf(metrics, 'seccompagent_handler_failures_total')).toEqual([
      'mount,demo,trap: 2',
      'mount,demo,deadline: 1',
      'mount,,settings: 1',
    ]);
  });

  test('failures of more handlers than anybody has share one name', async () => {
    const metrics = metricsOf();
    for (let index = 0; index < 300; index += 1) {
      metrics.failed({ handler: `handler-${index}`, reason: 'trap' });
    }
    metrics.failed({ handler: 'handler-0', reason: 'trap' });
    const rows = await rowsOf(metrics, 'seccompagent_handler_failures_total');
    expect(rows).toHaveLength(256);
    expect(rows[0]).toBe('handler-0,,trap: 2');
    expect(rows.at(-1)).toBe('other,other,trap: 45');
  });

  test('the number of quarantined ones is asked for', async () => {
    let count = 1;
    const metrics = metricsOf({ quarantined: () => count });
    expect(await valuesOf(metrics, 'seccompagent_handlers_quarantined')).toEqual([1]);
    count = 0;
    expect(await valuesOf(metrics, 'seccompagent_handlers_quarantined')).toEqual([0]);
  });
});

test('process: its resources are plausible and in base units', async () => {
  const families = readExposition(await metricsOf().text());
  const value = (name: string): number => families.get(name)?.samples[0]?.value ?? Number.NaN;
  expect(value('process_resident_memory_bytes')).toBeGreaterThan(10e6);
  expect(value('process_open_fds')).toBeGreaterThan(2);
  expect(value('process_open_fds')).toBeLessThan(value('process_max_fds'));
  expect(value('process_cpu_seconds_total')).toBeGreaterThan(0);
  expect(value('process_cpu_seconds_total')).toBeLessThan(10_000);
  const age = Date.now() / 1000 - value('process_start_time_seconds');
  expect(age).toBeGreaterThan(0);
  expect(age).toBeLessThan(600);
});

describe('readExposition', () => {
  const header = '# HELP a_total A.\n# TYPE a_total counter\n';
  const histogram = '# HELP h H.\n# TYPE h histogram\n';
  test.for([
    [`${header}a_total 1`, 'does not end'],
    ['a_total 1\n', 'before any HELP'],
    [`${header}a_total{x="1} 1\n`, 'labels'],
    [`${header}a_total one\n`, 'no sample'],
    [`${header}a_total 1\na_total 2\n`, 'twice'],
    [`${header}a_total 1\n${header}`, 'twice'],
    [`${header}b_total 1\n`, 'has a sample b_total'],
    [`${header}a_total -1\n`, 'a_total: -1'],
    ['# HELP a A.\n# TYPE a counter\na 1\n', 'no _total'],
    ['# HELP a A.\na 1\n', 'type'],
    [`${histogram}h_bucket{le="1"} 2\nh_bucket{le="+Inf"} 1\nh_sum 1\nh_count 1\n`, 'counts'],
    [`${histogram}h_bucket{le="2"} 1\nh_bucket{le="1"} 1\nh_sum 1\nh_count 1\n`, 'bounds'],
    [`${histogram}h_bucket{le="1"} 1\nh_sum 1\nh_count 1\n`, 'no +Inf'],
    [`${histogram}h_bucket{le="+Inf"} 1\nh_sum 1\nh_count 2\n`, '+Inf is not count'],
    [`${histogram}h_bucket{le="+Inf"} 1\nh_count 1\n`, 'sum, count'],
  ] as const)('refuses %j', ([text, what]) => {
    expect(() => readExposition(text)).toThrow(what);
  });
});
