// SPDX-License-Identifier: Apache-2.0
// The agent's metrics: what they are called, and where each is read when they are asked for.
import { readFileSync, readdirSync } from 'node:fs';

import { Counter, Gauge, Registry } from 'prom-client';
import type { Metric } from 'prom-client';

import type { AnswerTotals, CallTotals, CounterSum } from '../counting/counter-sum.ts';
import { Durations, bucketCount, callEnds, figure, other } from '../counting/counters.ts';
import { ReadHistogram } from './read-histogram.ts';
import type { LabelledDurations } from './read-histogram.ts';
import type { ShadowCount } from '../recording/shadow-counts.ts';
import type { FailureReason } from '../counting/counters.ts';

export interface MetricsParts {
  /** The agent's. */
  readonly version: string;
  /** Figures of the receiver, as `figure` says. */
  readonly figures: () => BigUint64Array;
  readonly counters: CounterSum;
  /** Number of handlers that are not asked any more. */
  readonly quarantined: () => number;
  /** Calls and differences of shadows. */
  readonly shadows?: () => readonly ShadowCount[];
}

/** Of a handler. */
export interface HandlerFailure {
  readonly handler: string;
  /** Absent: it is of none. */
  readonly bundle?: string | undefined;
  readonly reason: FailureReason;
}

interface Text {
  readonly name: string;
  readonly help: string;
}

/** Source of all metrics of one text, so that they agree. */
interface Reading {
  readonly figures: BigUint64Array;
  readonly totals: CallTotals;
}

/** Handlers are named by bundles, of which nobody needs as many. */
const maxFailingHandlers = 255;
const otherHandler = { handler: other, bundle: other };

export class Metrics {
  readonly #parts: MetricsParts;
  readonly #registry = new Registry();
  readonly #failures = new Counter({
    name: 'seccompagent_handler_failures_total',
    help: 'Failures of handlers, by reason.',
    labelNames: ['handler', 'bundle', 'reason'],
    registers: [],
  });
  readonly #failingHandlers: Set<string> = new Set();
  #reading: Reading = {
    figures: new BigUint64Array(figure.count),
    totals: { requests: [], answers: [] },
  };

  constructor(parts: MetricsParts) {
    this.#parts = parts;
    this.#addBuildInfo();
    this.#addCalls();
    this.#addContainers();
    this.#addReceiver();
    this.#addHandlers();
    this.#addProcess();
    this.#addShadows();
  }

  /** Adds what another part counts. */
  register(metrics: readonly Metric[]): void {
    for (const metric of metrics) this.#registry.registerMetric(metric);
  }

  get contentType(): string {
    return this.#registry.contentType;
  }

  /** Counts a failure of a handler. */
  failed({ handler, bundle = '', reason }: HandlerFailure): void {
    const key = JSON.stringify([handler, bundle]);
    const hasRoom = this.#failingHandlers.size < maxFailingHandlers;
    if (hasRoom) this.#failingHandlers.add(key);
    const isNamed = this.#failingHandlers.has(key);
    this.#failures.inc({ ...(isNamed ? { handler, bundle } : otherHandler), reason });
  }

  /** All metrics in the text format of Prometheus. */
  async text(): Promise<string> {
    this.#reading = { figures: this.#parts.figures(), totals: this.#parts.counters.totals() };
    return this.#registry.metrics();
  }

  #figure(index: number): number {
    return Number(this.#reading.figures[index] ?? 0n);
  }

  #addGauge(text: Text, read: () => number): void {
    const gauge = new Gauge({
      ...text,
      registers: [],
      collect() {
        this.set(read());
      },
    });
    this.#registry.registerMetric(gauge);
  }

  #addCounter(text: Text, read: () => number): void {
    const counter = new Counter({
      ...text,
      registers: [],
      collect() {
        this.reset();
        this.inc(read());
      },
    });
    this.#registry.registerMetric(counter);
  }

  #addBuildInfo(): void {
    const info = new Gauge({
      name: 'seccompagent_build_info',
      help: 'Always 1; build info is exported as labels.',
      labelNames: ['version', 'node', 'arch'],
      registers: [],
    });
    const { version } = this.#parts;
    info.set({ version, node: process.versions.node, arch: process.arch }, 1);
    this.#registry.registerMetric(info);
  }

  #addCalls(): void {
    const totals = (): CallTotals => this.#reading.totals;
    const calls = new Counter({
      name: 'seccompagent_calls_total',
      help: 'Finished calls, by outcome.',
      labelNames: ['syscall', 'handler', 'bundle', 'answer'],
      registers: [],
      collect() {
        this.reset();
        for (const { labels, counts } of totals().answers) {
          for (const answer of callEnds) this.inc({ ...labels, answer }, counts.ends[answer]);
        }
      },
    });
    const requests = new ReadHistogram({
      name: 'seccompagent_request_duration_seconds',
      help: 'Time from receiving a call to its answer, by the errno returned to the caller.',
      labelNames: ['namespace', 'syscall', 'status'],
      read: () =>
        totals().requests.map(({ labels, counts }) => ({ labels, durations: counts.durations })),
    });
    const answers = new ReadHistogram({
      name: 'seccompagent_handler_request_duration_seconds',
      help: 'Time from receiving a call to its answer, by the handler that answered.',
      labelNames: ['handler', 'bundle'],
      read: () => byHandler(totals().answers),
    });
    this.#registry.registerMetric(calls);
    this.#registry.registerMetric(requests);
    this.#registry.registerMetric(answers);
  }

  #addContainers(): void {
    const { counters } = this.#parts;
    const containers = new Gauge({
      name: 'seccompagent_containers',
      help: 'Containers attached.',
      labelNames: ['namespace'],
      registers: [],
      collect() {
        this.reset();
        for (const [namespace, count] of counters.namespaces()) this.set({ namespace }, count);
      },
    });
    this.#registry.registerMetric(containers);
  }

  #addReceiver(): void {
    const delays = new ReadHistogram({
      name: 'seccompagent_receive_delay_seconds',
      help: 'Upper bound on how long a call waited before the agent received it.',
      labelNames: [],
      read: () => [{ labels: {}, durations: this.#receiveDelays() }],
    });
    this.#registry.registerMetric(delays);
    for (const [index, name, help] of receiverCounters) {
      this.#addCounter({ name: `seccompagent_${name}`, help }, () => this.#figure(index));
    }
    for (const [index, name, help] of receiverGauges) {
      this.#addGauge({ name: `seccompagent_${name}`, help }, () => this.#figure(index));
    }
    const count = (): number => this.#figure(figure.workers);
    const busy = (): number => this.#figure(figure.busyWorkers);
    const workers = new Gauge({
      name: 'seccompagent_workers',
      help: 'Worker threads, by state (busy or idle).',
      labelNames: ['state'],
      registers: [],
      collect() {
        this.set({ state: 'busy' }, busy());
        this.set({ state: 'idle' }, Math.max(0, count() - busy()));
      },
    });
    this.#registry.registerMetric(workers);
  }

  #receiveDelays(): Durations {
    const delays = new Durations();
    const buckets = Array.from({ length: bucketCount }, (_, index) =>
      this.#figure(figure.receiveDelayBuckets + index),
    );
    delays.add(buckets, this.#figure(figure.receiveDelaySumNs));
    return delays;
  }

  #addShadows(): void {
    const { shadows = () => [] } = this.#parts;
    const labelNames = ['bundle', 'syscall'] as const;
    const calls = new Counter({
      name: 'seccompagent_shadow_calls_total',
      help: 'Calls evaluated by shadows.',
      labelNames,
      registers: [],
      collect() {
        this.reset();
        for (const { bundle, syscall, calls: count } of shadows()) {
          this.inc({ bundle, syscall }, count);
        }
      },
    });
    const differences = new Counter({
      name: 'seccompagent_shadow_differences_total',
      help: 'Calls that shadows would have answered differently.',
      labelNames,
      registers: [],
      collect() {
        this.reset();
        for (const { bundle, syscall, different } of shadows()) {
          this.inc({ bundle, syscall }, different);
        }
      },
    });
    this.#registry.registerMetric(calls);
    this.#registry.registerMetric(differences);
  }

  #addHandlers(): void {
    this.#registry.registerMetric(this.#failures);
    this.#addGauge(
      { name: 'seccompagent_handlers_quarantined', help: 'Quarantined handlers.' },
      this.#parts.quarantined,
    );
  }

  /** prom-client's own set needs a timer and an observer of the garbage collector. */
  #addProcess(): void {
    this.#addCounter(
      { name: 'process_cpu_seconds_total', help: 'CPU time of all threads.' },
      cpuSeconds,
    );
    const gauges = [
      ['resident_memory_bytes', 'Resident memory.', residentBytes],
      ['open_fds', 'Open file descriptors.', openFds],
      ['max_fds', 'Limit of open file descriptors.', maxFds],
      ['start_time_seconds', 'Start time of the process, in seconds since 1970.', startSeconds],
    ] as const;
    for (const [name, help, read] of gauges) {
      this.#addGauge({ name: `process_${name}`, help }, read);
    }
  }
}

function byHandler(
  answers: readonly AnswerTotals[],
): readonly LabelledDurations<'handler' | 'bundle'>[] {
  const found = new Map<string, LabelledDurations<'handler' | 'bundle'>>();
  for (const { labels, counts } of answers) {
    const { handler, bundle } = labels;
    const key = JSON.stringify([handler, bundle]);
    const own = found.get(key) ?? { labels: { handler, bundle }, durations: new Durations() };
    found.set(key, own);
    own.durations.addAll(counts.durations);
  }
  return [...found.values()];
}

const receiverCounters = [
  [figure.received, 'received_total', 'Calls received.'],
  [
    figure.fallbackReceived,
    'fallback_received_total',
    'Calls received by the fallback thread, since all workers were busy.',
  ],
  [
    figure.queueRefused,
    'queue_refused_total',
    'Calls failed because a queue was full or no worker took them.',
  ],
  [
    figure.restarted,
    'restarted_calls_total',
    'Calls interrupted by a signal that resumed when they were repeated.',
  ],
  [
    figure.withdrawn,
    'withdrawn_calls_total',
    'Received calls whose caller was gone before they were handled.',
  ],
] as const;

const receiverGauges = [
  [figure.queued, 'queued_calls', 'Received calls waiting for a worker.'],
  [figure.lateAnswers, 'late_answers', 'Decided answers that are delayed.'],
  [figure.listeners, 'listeners', 'Seccomp listeners attached.'],
] as const;

function residentBytes(): number {
  return process.memoryUsage.rss();
}

function cpuSeconds(): number {
  const { user, system } = process.cpuUsage();
  return (user + system) / 1e6;
}

function startSeconds(): number {
  return performance.timeOrigin / 1000;
}

function openFds(): number {
  // without the one that reads the folder
  return readdirSync('/proc/self/fd').length - 1;
}

function maxFds(): number {
  const limits = readFileSync('/proc/self/limits', 'utf8');
  const soft = /^Max open files +(?<soft>\d+)/mu.exec(limits)?.groups?.['soft'];
  return soft === undefined ? Number.POSITIVE_INFINITY : Number(soft);
}
