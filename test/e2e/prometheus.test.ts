// SPDX-License-Identifier: Apache-2.0
// Tests the metrics with what reads them: promtool, a real Prometheus, the dashboard and the alerts.
import { readFileSync } from 'node:fs';
import { join } from 'node:path';

import { expect, test } from 'vitest';

import { AskedCaller } from '../support/asked-caller.ts';
import { projectRoot } from '../support/command.ts';
import { MeasuredAgent } from '../support/measured-agent.ts';
import { Page } from '../support/pages.ts';
import { until } from '../support/polling.ts';
import { Prometheus, promtool } from '../support/prometheus.ts';
import type { PromSample } from '../support/prometheus.ts';
import { TemporaryFolder } from '../support/temporary-folder.ts';
import { testBundle } from '../support/test-bundles.ts';
import { TimedCalls } from '../support/timed-calls.ts';

const trap = `-bundle=${testBundle('trap')}`;

/** Containers that call on and on: one in a namespace, whose calls fail, and one in none. */
class Load implements AsyncDisposable {
  readonly shop: TimedCalls;
  readonly own: TimedCalls;

  constructor(socket: string) {
    const steady = { socket, calls: 0, threads: 2, pauseUs: 2000 };
    const workload = { namespace: 'shop', pod: 'web-1', container: 'nginx' };
    this.shop = new TimedCalls({ ...steady, id: 'shop-1', call: 'mkdir:/x', workload });
    this.own = new TimedCalls({ ...steady, id: 'own-1', call: 'getpgid:0' });
    for (const calls of [this.shop, this.own]) calls.begin();
  }

  /** How many calls each has made. */
  async finish(): Promise<{ readonly shop: number; readonly own: number }> {
    for (const calls of [this.shop, this.own]) calls.finish();
    const [shop, own] = await Promise.all([this.shop.result(), this.own.result()]);
    return { shop: shop.calls, own: own.calls };
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.shop[Symbol.asyncDispose]();
    await this.own[Symbol.asyncDispose]();
  }
}

/** Until its handler is left alone. */
async function trapOnAndOn(caller: AskedCaller): Promise<void> {
  for (let call = 0; call < 6; call += 1) await caller.ask('mkdir /trap');
}

function valueOf(samples: readonly PromSample[]): number | undefined {
  return samples[0]?.value;
}

test('G8: promtool has nothing to say against the metrics of an agent that works', async () => {
  await using measured = await MeasuredAgent.start(trap);
  const { socket } = measured.agent;
  await using load = new Load(socket);
  await using caller = new AskedCaller({ socket });
  await trapOnAndOn(caller);
  await until('calls to be counted', async () => {
    const { text } = await measured.get('/metrics');
    return (
      text.includes('seccompagent_request_duration_seconds_count{namespace="shop"') || undefined
    );
  });
  const { text } = await measured.get('/metrics');
  expect(text).toMatch(/^seccompagent_handler_failures_total\{handler="trap",bundle="trap",/mu);
  expect(text).not.toMatch(/own-1|shop-1|web-1/u);
  expect(await promtool(['check', 'metrics'], text)).toEqual({ code: 0, text: '' });
  await load.finish();
});

test('a real Prometheus counts the calls that were made, in real seconds', async () => {
  await using measured = await MeasuredAgent.start(trap);
  await using idle = await MeasuredAgent.start();
  await using prometheus = await Prometheus.start([measured.address, idle.address]);
  await until('both agents to be up', async () => {
    const up = await prometheus.query('up');
    return (up.length === 2 && up.every(({ value }) => value === 1)) || undefined;
  });
  await using load = new Load(measured.agent.socket);
  await until('the rate to be known', async () => {
    const rate = valueOf(await prometheus.query('sum(rate(seccompagent_calls_total[10s]))'));
    return rate !== undefined && rate > 1 ? rate : undefined;
  });
  const made = await load.finish();
  const counted = async (labels: string): Promise<number | undefined> =>
    valueOf(await prometheus.query(`sum(seccompagent_request_duration_seconds_count{${labels}})`));
  // EDOM is 33
  await until('all calls of the namespace to be counted', async () => {
    const count = await counted('namespace="shop",syscall=~"mkdir(at)?",status="33"');
    return count === made.shop || undefined;
  });
  await until('all calls that continue to be counted', async () => {
    const count = await counted('namespace="",syscall="getpgid",status="0"');
    return count === made.own || undefined;
  });
  expect(await counted('status!~"0|33"')).toBeUndefined();
  const byHandler = await prometheus.query(
    'sum by (handler, bundle) (seccompagent_handler_request_duration_seconds_count)',
  );
  expect(byHandler.map(({ labels, value }) => ({ ...labels, value }))).toEqual(
    expect.arrayContaining([
      { handler: 'trap', bundle: 'trap', value: made.shop },
      { handler: 'none', value: made.own },
    ]),
  );
  const answers = await prometheus.query('sum by (answer) (seccompagent_calls_total) > 0');
  expect(answers.map(({ labels, value }) => [labels['answer'], value])).toEqual(
    expect.arrayContaining([
      ['errno', made.shop],
      ['continue', made.own],
    ]),
  );
  // a call takes less than a second, and more than a microsecond
  const mean = valueOf(
    await prometheus.query(
      'sum(seccompagent_request_duration_seconds_sum) / sum(seccompagent_request_duration_seconds_count)',
    ),
  );
  expect(mean).toBeGreaterThan(1e-6);
  expect(mean).toBeLessThan(1);
});

test('G8: pods of 150 namespaces, one after another, leave as many series as there may be', async () => {
  await using measured = await MeasuredAgent.start(trap);
  const pods = 150;
  for (let pod = 1; pod <= pods; pod += 1) {
    const workload = { namespace: `n${pod}`, pod: 'p', container: 'c' };
    await using caller = new AskedCaller({ socket: measured.agent.socket, workload });
    await caller.ask('mkdir /x');
    await caller.ask('getpgid 0');
  }
  const series = async (): Promise<readonly string[]> => {
    const { text } = await measured.get('/metrics');
    return text.split('\n').filter((line) => line.includes('request_duration_seconds_count{n'));
  };
  await until('the containers to be gone', async () => {
    const { text } = await measured.get('/metrics');
    return text.includes('seccompagent_containers{') ? undefined : true;
  });
  const counts = await series();
  const names = counts.map((line) => /namespace="(?<name>[^"]*)"/u.exec(line)?.[1]);
  expect(names).toContain(`n${pods}`);
  expect(names).not.toContain('n1');
  expect(names).not.toContain('other');
  expect(new Set(names).size).toBeLessThanOrEqual(100);
  expect(counts.every((line) => line.endsWith(' 1'))).toBe(true);
  const { text } = await measured.get('/metrics');
  const errnos = /^seccompagent_calls_total\{.*handler="trap".*answer="errno"\} (?<count>\d+)$/mu;
  expect(Number(errnos.exec(text)?.groups?.['count'])).toBe(pods);
});

test('a worker that is ended takes nothing of what it has counted with it', async () => {
  await using measured = await MeasuredAgent.start(`-bundle=${testBundle('hostile')}`);
  const workload = { namespace: 'shop', pod: 'p', container: 'c' };
  await using caller = new AskedCaller({ socket: measured.agent.socket, id: 'slow', workload });
  const counted = async (): Promise<number> => {
    const { text } = await measured.get('/metrics');
    const lines = text.matchAll(
      /^seccompagent_request_duration_seconds_count\{namespace="shop",.*\} (?<count>\d+)$/gmu,
    );
    return [...lines].reduce((sum, { groups }) => sum + Number(groups?.['count']), 0);
  };
  for (let call = 0; call < 5; call += 1) await caller.ask('getpgid 0');
  await until('five calls to be counted', async () => (await counted()) === 5 || undefined);
  // its handler does not come to an end
  await caller.ask('mkdir /loop');
  await until('the worker to be gone', async () => {
    const { text } = await measured.get('/metrics');
    return text.includes('reason="deadline"') || undefined;
  });
  for (let call = 0; call < 5; call += 1) await caller.ask('getpgid 0');
  await until('ten calls to be counted', async () => (await counted()) === 10 || undefined);
  const { containers } = await measured.agent.status();
  expect(containers[0]?.calls).toBe(10);
});

interface Dashboard {
  readonly templating: { readonly list: readonly { readonly name: string }[] };
  readonly panels: readonly {
    readonly id: number;
    readonly title: string;
    readonly targets: readonly { readonly expr: string }[];
  }[];
}

function readDashboard(): Dashboard {
  return JSON.parse(readFileSync(join(projectRoot, 'deploy/grafana/seccompagent.json'), 'utf8'));
}

/** As Grafana does for somebody who has chosen nothing. */
function filledIn(expression: string): string {
  const filled = expression
    .replaceAll('$__rate_interval', '10s')
    .replaceAll('$job', 'seccompagent')
    .replaceAll(/\$(?:instance|namespace)/gu, '.*');
  if (filled.includes('$')) throw new Error(`${expression}: a variable that nobody knows`);
  return filled;
}

test('every expression of the dashboard gives what is shown, under load', async () => {
  const { panels, templating } = readDashboard();
  expect(templating.list.map(({ name }) => name)).toEqual([
    'datasource',
    'job',
    'instance',
    'namespace',
  ]);
  expect(new Set(panels.map(({ id }) => id)).size).toBe(panels.length);
  const expressions = panels.flatMap(({ title, targets }) =>
    targets.map(({ expr }) => ({ title, expression: filledIn(expr) })),
  );
  expect(expressions.length).toBeGreaterThan(25);

  using folder = new TemporaryFolder();
  await using measured = await MeasuredAgent.start(
    trap,
    `-bundle-shadow=${testBundle('hostile')}`,
    `-audit-log=${folder.at('audit.jsonl')}`,
    `-falco-output=file:${folder.at('falco.jsonl')}`,
  );
  const { socket } = measured.agent;
  await using prometheus = await Prometheus.start([measured.address]);
  await using _load = new Load(socket);
  await using caller = new AskedCaller({ socket });
  const trapping = setInterval(() => void caller.ask('mkdir /trap'), 50);
  try {
    for (const { title, expression } of expressions) {
      await until(`data of "${title}": ${expression}`, async () => {
        const samples = await prometheus.query(expression);
        return samples.some(({ value }) => Number.isFinite(value)) || undefined;
      });
    }
  } finally {
    clearInterval(trapping);
  }
});

test('the dashboard and the alerts name no metric that there is not', async () => {
  const { listed } = new Page('deploy/docs/reference/metrics.md');
  const rules = readFileSync(join(projectRoot, 'deploy/prometheus/rules.yaml'), 'utf8');
  const texts = [JSON.stringify(readDashboard().panels.map(({ targets }) => targets)), rules];
  const named = texts.flatMap((text) => text.match(/\b(?:seccompagent|process)_\w+/gu) ?? []);
  const metrics = new Set(named.map((name) => name.replace(/_(?:bucket|count|sum)$/u, '')));
  expect(metrics.size).toBeGreaterThan(15);
  for (const metric of metrics) expect(listed).toContain(metric);
});

test('the alerts are what Prometheus takes, and fire when they should', async () => {
  const rules = join(projectRoot, 'deploy/prometheus/rules.yaml');
  const lint = await promtool(['check', 'rules', '--lint=all', '--lint-fatal', rules]);
  expect(lint).toMatchObject({ code: 0 });
  const tests = join(projectRoot, 'test/fixtures/prometheus/rules.test.yaml');
  const result = await promtool(['test', 'rules', tests]);
  expect(result).toMatchObject({ code: 0, text: expect.stringContaining('SUCCESS') });
});

test('an agent is ready once it listens, and says nothing else', async () => {
  await using measured = await MeasuredAgent.start();
  const ready = await until('the agent to be ready', async () => {
    const answer = await measured.get('/readyz');
    return answer.status === 200 ? answer : undefined;
  });
  expect(ready.text).toMatch(/^\w+\n$/u);
});
