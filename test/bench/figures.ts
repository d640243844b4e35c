// SPDX-License-Identifier: Apache-2.0
// The figures that a measurement gives, and how each is shown.

export type FigureKey =
  | 'p50Ns'
  | 'p90Ns'
  | 'p99Ns'
  | 'maxNs'
  | 'meanNs'
  | 'callsPerSecond'
  | 'wallMs'
  | 'least'
  | 'most'
  | 'mostToLeast'
  | 'agentThreads'
  | 'rssBytes'
  | 'bytesPerContainer'
  | 'cpuPercent'
  | 'coldMs'
  | 'instanceMs'
  | 'deadlineMs'
  | 'replaceMs';

/** Figures of one run: those that it has. */
export type Figures = Readonly<Partial<Record<FigureKey, number>>>;

interface ShownFigure {
  readonly title: string;
  /** Empty: a plain number. */
  readonly unit: string;
  /** How many of its own units make one of those shown. */
  readonly divisor: number;
  readonly digits: number;
}

const microseconds = { unit: 'µs', divisor: 1000, digits: 2 } as const;
const milliseconds = { unit: 'ms', divisor: 1, digits: 2 } as const;
const count = { unit: '', divisor: 1, digits: 0 } as const;

const shown: Readonly<Record<FigureKey, ShownFigure>> = {
  wallMs: { title: 'wall', ...milliseconds },
  p50Ns: { title: 'p50', ...microseconds },
  p90Ns: { title: 'p90', ...microseconds },
  p99Ns: { title: 'p99', ...microseconds },
  maxNs: { title: 'max', unit: 'ms', divisor: 1e6, digits: 2 },
  meanNs: { title: 'mean', ...microseconds },
  callsPerSecond: { title: 'calls/s', ...count },
  least: { title: 'least served', ...count },
  most: { title: 'most served', ...count },
  mostToLeast: { title: 'most/least', ...count, digits: 3 },
  agentThreads: { title: 'threads', ...count },
  rssBytes: { title: 'RSS', unit: 'MB', divisor: 1e6, digits: 1 },
  bytesPerContainer: { title: 'a container', unit: 'KiB', divisor: 1024, digits: 1 },
  cpuPercent: { title: 'CPU', unit: '%', divisor: 1, digits: 1 },
  coldMs: { title: 'cold', ...milliseconds },
  instanceMs: { title: 'instance', ...milliseconds },
  deadlineMs: { title: 'deadline', ...milliseconds },
  replaceMs: { title: 'replace', ...milliseconds },
};

/** For the head of a column: `p50 µs`. */
export function figureTitle(key: FigureKey): string {
  const { title, unit } = shown[key];
  return unit === '' ? title : `${title} ${unit}`;
}

/** Without its unit; empty when there is none. */
export function figureText(key: FigureKey, value: number | undefined): string {
  if (value === undefined) return '';
  const { divisor, digits } = shown[key];
  return (value / divisor).toFixed(digits);
}

export function figureUnit(key: FigureKey): string {
  return shown[key].unit;
}
