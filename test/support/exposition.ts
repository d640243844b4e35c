// SPDX-License-Identifier: Apache-2.0
// A strict reader of the text format of Prometheus, version 0.0.4: whatever is odd is an error.

export interface Sample {
  readonly name: string;
  readonly labels: Readonly<Record<string, string>>;
  readonly value: number;
}

export interface MetricFamily {
  readonly help: string;
  readonly type: string;
  readonly samples: readonly Sample[];
}

const metricName = '[a-zA-Z_:][a-zA-Z0-9_:]*';
const labelPattern = /^(?<name>[a-zA-Z_]\w*)="(?<value>(?:[^"\\\n]|\\[\\"n])*)"(?:,|$)/u;
const samplePattern = new RegExp(
  `^(?<name>${metricName})(?:\\{(?<labels>.*)\\})? (?<value>[-+]?(?:\\d+(?:\\.\\d+)?(?:e[-+]?\\d+)?|Inf))$`,
  'u',
);
const headerPattern = new RegExp(`^# (?<word>HELP|TYPE) (?<name>${metricName}) (?<text>.+)$`, 'u');
const histogramSuffixes = ['_bucket', '_sum', '_count'] as const;

/** @throws Error that names the line or the metric that is wrong */
export function readExposition(text: string): ReadonlyMap<string, MetricFamily> {
  if (!text.endsWith('\n')) throw new Error('the last line does not end');
  const families = new Map<string, { help: string; type: string; samples: Sample[] }>();
  let current = '';
  for (const line of text.split('\n').filter((each) => each !== '')) {
    const header = headerPattern.exec(line)?.groups;
    if (header?.['word'] === 'HELP') {
      current = header['name'] ?? '';
      if (families.has(current)) throw new Error(`twice: ${line}`);
      families.set(current, { help: header['text'] ?? '', type: '', samples: [] });
      continue;
    }
    const family = families.get(current);
    if (family === undefined) throw new Error(`before any HELP: ${line}`);
    if (header !== undefined) {
      if (header['name'] !== current || family.type !== '')
        throw new Error(`out of place: ${line}`);
      family.type = header['text'] ?? '';
      continue;
    }
    family.samples.push(readSample(line));
  }
  for (const [name, family] of families) check(name, family);
  return families;
}

function readSample(line: string): Sample {
  const parts = samplePattern.exec(line)?.groups;
  if (parts === undefined) throw new Error(`no sample: ${line}`);
  const labels: Record<string, string> = {};
  let rest = parts['labels'] ?? '';
  while (rest !== '') {
    const label = labelPattern.exec(rest);
    const name = label?.groups?.['name'];
    if (label === null || name === undefined) throw new Error(`labels: ${line}`);
    if (Object.hasOwn(labels, name)) throw new Error(`label ${name} twice: ${line}`);
    labels[name] = unescaped(label.groups?.['value'] ?? '');
    rest = rest.slice(label[0].length);
  }
  return { name: parts['name'] ?? '', labels, value: numberOf(parts['value'] ?? '') };
}

function unescaped(text: string): string {
  return text.replaceAll(/\\(?<character>[\\"n])/gu, (_, character: string) =>
    character === 'n' ? '\n' : character,
  );
}

function numberOf(text: string): number {
  return Number(text.replace('Inf', 'Infinity'));
}

function check(name: string, { type, samples }: MetricFamily): void {
  if (!['counter', 'gauge', 'histogram'].includes(type)) throw new Error(`${name}: type ${type}`);
  if (type === 'counter' && !name.endsWith('_total')) throw new Error(`${name}: no _total`);
  const allowed = type === 'histogram' ? histogramSuffixes.map((suffix) => name + suffix) : [name];
  const seen = new Set<string>();
  for (const sample of samples) {
    if (!allowed.includes(sample.name)) throw new Error(`${name}: has a sample ${sample.name}`);
    const key = `${sample.name} ${labelsText(sample.labels)}`;
    if (seen.has(key)) throw new Error(`twice: ${key}`);
    seen.add(key);
    if (type === 'counter' && !(sample.value >= 0)) throw new Error(`${name}: ${sample.value}`);
  }
  if (type === 'histogram') checkHistogram(name, samples);
}

function labelsText(labels: Readonly<Record<string, string>>): string {
  return JSON.stringify(Object.entries(labels).toSorted(([a], [b]) => (a < b ? -1 : 1)));
}

function checkHistogram(name: string, samples: readonly Sample[]): void {
  const groups = new Map<string, Sample[]>();
  for (const sample of samples) {
    const own = Object.entries(sample.labels).filter(([label]) => label !== 'le');
    const key = labelsText(Object.fromEntries(own));
    groups.set(key, [...(groups.get(key) ?? []), sample]);
  }
  for (const [labels, group] of groups) {
    const buckets = group.filter((sample) => sample.name === `${name}_bucket`);
    const bounds = buckets.map((bucket) => numberOf(bucket.labels['le'] ?? ''));
    const counts = buckets.map((bucket) => bucket.value);
    if (!isRising(bounds, true)) throw new Error(`${name} ${labels}: bounds ${bounds.join()}`);
    if (!isRising(counts, false)) throw new Error(`${name} ${labels}: counts ${counts.join()}`);
    if (bounds.at(-1) !== Number.POSITIVE_INFINITY) throw new Error(`${name} ${labels}: no +Inf`);
    const count = group.filter((sample) => sample.name === `${name}_count`);
    const sum = group.filter((sample) => sample.name === `${name}_sum`);
    if (count.length !== 1 || sum.length !== 1) throw new Error(`${name} ${labels}: sum, count`);
    if (count[0]?.value !== counts.at(-1)) throw new Error(`${name} ${labels}: +Inf is not count`);
  }
}

function isRising(numbers: readonly number[], isStrict: boolean): boolean {
  return numbers.every((number, index) => {
    const before = numbers[index - 1];
    return before === undefined || before < number || (!isStrict && before === number);
  });
}
