// SPDX-License-Identifier: Apache-2.0
// Rates of containers as lines of text.
import { escaped } from '../terminal-text.ts';
import type { ContainerRates } from './rates.ts';

export const sortKeys = ['calls', 'errors', 'failures', 'p50', 'p99', 'name'] as const;

export type SortKey = (typeof sortKeys)[number];

/** The largest is first. */
const comparisons: Readonly<Record<SortKey, (rates: ContainerRates) => number>> = {
  calls: ({ callsPerSecond }) => callsPerSecond,
  errors: ({ errorsPerSecond }) => errorsPerSecond,
  failures: ({ failuresPerSecond }) => failuresPerSecond,
  p50: ({ p50Seconds }) => p50Seconds ?? -1,
  p99: ({ p99Seconds }) => p99Seconds ?? -1,
  // all alike: by name
  name: () => 0,
};

export function isSortKey(text: string): text is SortKey {
  return Object.hasOwn(comparisons, text);
}

/** Those that are alike by name, so that lines do not jump. */
export function sorted(all: readonly ContainerRates[], key: SortKey): readonly ContainerRates[] {
  const valueOf = comparisons[key];
  return all.toSorted(
    (one, two) =>
      valueOf(two) - valueOf(one) || textOrder(one.name, two.name) || textOrder(one.id, two.id),
  );
}

function textOrder(one: string, two: string): number {
  if (one === two) return 0;
  return one < two ? -1 : 1;
}

/** More would leave no room for others. */
const maxWidth = 48;
/** As other tools show ids. */
const idWidth = 12;
const maxSyscalls = 3;

interface Column {
  readonly title: string;
  readonly isNumber: boolean;
  readonly of: (rates: ContainerRates) => string;
}

const columns: readonly Column[] = [
  { title: 'ID', isNumber: false, of: ({ id }) => shortened(escaped(id), idWidth) },
  {
    title: 'NAMESPACE/POD/CONTAINER',
    isNumber: false,
    of: ({ name }) => (name === '' ? '-' : shortened(escaped(name), maxWidth)),
  },
  { title: 'CALLS/S', isNumber: true, of: ({ callsPerSecond }) => shownRate(callsPerSecond) },
  { title: 'ERRORS/S', isNumber: true, of: ({ errorsPerSecond }) => shownRate(errorsPerSecond) },
  {
    title: 'FAILED/S',
    isNumber: true,
    of: ({ failuresPerSecond }) => shownRate(failuresPerSecond),
  },
  { title: 'P50', isNumber: true, of: ({ p50Seconds }) => shownDuration(p50Seconds) },
  { title: 'P99', isNumber: true, of: ({ p99Seconds }) => shownDuration(p99Seconds) },
  { title: 'SYSCALLS', isNumber: false, of: shownSyscalls },
  { title: 'HANDLERS', isNumber: false, of: shownHandlers },
];

function shortened(text: string, max: number): string {
  return widthOf(text) <= max
    ? text
    : `${Array.from(text)
        .slice(0, max - 1)
        .join('')}…`;
}

/** Of names as they are in clusters: a column for each character. */
function widthOf(text: string): number {
  return Array.from(text).length;
}

export function shownRate(perSecond: number): string {
  return perSecond === 0 || perSecond >= 100 ? perSecond.toFixed(0) : perSecond.toFixed(1);
}

export function shownDuration(seconds: number | undefined): string {
  if (seconds === undefined) return '-';
  if (seconds >= 1) return `${seconds.toFixed(1)}s`;
  const [value, unit] = seconds >= 0.001 ? [seconds * 1e3, 'ms'] : [seconds * 1e6, 'µs'];
  return `${value >= 10 ? value.toFixed(0) : value.toFixed(1)}${unit}`;
}

function shownSyscalls({ syscalls }: ContainerRates): string {
  if (syscalls.length === 0) return '-';
  const shown = syscalls
    .slice(0, maxSyscalls)
    .map(({ name, perSecond }) => `${escaped(name)}:${shownRate(perSecond)}`);
  const rest = syscalls.length - shown.length;
  return [...shown, ...(rest === 0 ? [] : [`+${rest}`])].join(' ');
}

function shownHandlers({ handlers, refusal }: ContainerRates): string {
  if (refusal !== undefined) return `ALL CALLS FAIL: ${escaped(refusal)}`;
  if (handlers.length === 0) return '-';
  return handlers
    .map(({ name, isQuarantined }) => `${escaped(name)}${isQuarantined ? ' (QUARANTINED)' : ''}`)
    .join(', ');
}

/** The first line has the titles. Nothing of a container's moves a cursor. */
export function tableOf(all: readonly ContainerRates[]): readonly [string, ...string[]] {
  const cells = all.map((rates) => columns.map((column) => column.of(rates)));
  const widths = columns.map(({ title }, index) =>
    Math.max(title.length, ...cells.map((row) => widthOf(row[index] ?? ''))),
  );
  const lineOf = (row: readonly string[]): string =>
    row
      .map((text, index) => {
        const width = (widths[index] ?? 0) - widthOf(text) + text.length;
        return columns[index]?.isNumber === true ? text.padStart(width) : text.padEnd(width);
      })
      .join('  ')
      .trimEnd();
  return [lineOf(columns.map(({ title }) => title)), ...cells.map((row) => lineOf(row))];
}
