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
/** As other tools show ids; `record -container` takes so much of one. */
const idWidth = 12;
const maxSyscalls = 3;
const gap = '  ';
/** Of a column that can be narrower than its texts. */
const minWidth = 12;

interface Column {
  readonly title: string;
  readonly kind: 'text' | 'number' | 'flexible';
  readonly key?: SortKey;
  /** Whether it is there when it says nothing, too. */
  readonly isFixed?: boolean;
  /** @param max characters, of a flexible one */
  readonly of: (rates: ContainerRates, max: number) => string;
}

const columns: readonly Column[] = [
  { title: 'ID', kind: 'text', isFixed: true, of: ({ id }) => beginning(escaped(id), idWidth) },
  {
    title: 'NAMESPACE/POD/CONTAINER',
    kind: 'flexible',
    of: ({ name }, max) => (name === '' ? '-' : withoutMiddle(escaped(name), max)),
  },
  {
    title: 'CALLS/S',
    kind: 'number',
    isFixed: true,
    of: ({ callsPerSecond }) => shownRate(callsPerSecond),
  },
  {
    title: 'ERRORS/S',
    kind: 'number',
    key: 'errors',
    of: ({ errorsPerSecond }) => shownRate(errorsPerSecond),
  },
  {
    title: 'FAILED/S',
    kind: 'number',
    key: 'failures',
    of: ({ failuresPerSecond }) => shownRate(failuresPerSecond),
  },
  {
    title: 'P50',
    kind: 'number',
    key: 'p50',
    of: ({ p50Seconds }) => shownDuration(p50Seconds),
  },
  {
    title: 'P99',
    kind: 'number',
    key: 'p99',
    of: ({ p99Seconds }) => shownDuration(p99Seconds),
  },
  { title: 'SYSCALLS', kind: 'flexible', isFixed: true, of: shownSyscalls },
  { title: 'HANDLERS', kind: 'flexible', isFixed: true, of: shownHandlers },
];

/** Where there is no room they go first, unless they are sorted by. */
const dispensable: readonly SortKey[] = ['p50', 'p99'];

function beginning(text: string, max: number): string {
  return Array.from(text).slice(0, max).join('');
}

function shortened(text: string, max: number): string {
  return widthOf(text) <= max ? text : `${beginning(text, max - 1)}…`;
}

/** Namespaces are alike at their beginnings, and containers are told apart at their ends. */
function withoutMiddle(text: string, max: number): string {
  const letters = Array.from(text);
  const most = Math.min(max, maxWidth);
  if (letters.length <= most) return text;
  const last = Math.floor((most - 1) / 2);
  return `${beginning(text, most - 1 - last)}…${letters.slice(letters.length - last).join('')}`;
}

interface ListRoom {
  readonly max: number;
  readonly maxItems: number;
  readonly separator: string;
}

/** As many as there is room for, and the number of the others. */
function listed(items: readonly string[], { max, maxItems, separator }: ListRoom): string {
  for (let count = Math.min(items.length, maxItems); count > 0; count -= 1) {
    const rest = items.length - count;
    const text = [...items.slice(0, count), ...(rest === 0 ? [] : [`+${rest}`])].join(separator);
    if (widthOf(text) <= max) return text;
  }
  return shortened(items[0] ?? '-', max);
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

function shownSyscalls({ syscalls }: ContainerRates, max: number): string {
  const items = syscalls.map(({ name, perSecond }) => `${escaped(name)}:${shownRate(perSecond)}`);
  return listed(items, { max, maxItems: maxSyscalls, separator: ' ' });
}

/** In chain order; those that are quarantined first, where not all of them have room. */
function shownHandlers({ handlers, refusal }: ContainerRates, max: number): string {
  if (refusal !== undefined) return shortened(`ALL CALLS FAIL: ${escaped(refusal)}`, max);
  const items = handlers.map(
    ({ name, isQuarantined }) => `${escaped(name)}${isQuarantined ? ' (QUARANTINED)' : ''}`,
  );
  const room = { max, maxItems: Infinity, separator: ', ' };
  if (widthOf(items.join(', ')) <= max) return listed(items, room);
  const isFirst = (index: number): boolean => handlers[index]?.isQuarantined === true;
  return listed(
    [...items.filter((_, index) => isFirst(index)), ...items.filter((_, index) => !isFirst(index))],
    room,
  );
}

/** A terminal. */
export interface TableRoom {
  readonly columns: number;
  readonly sort: SortKey;
}

/** Characters of a column's widest text. */
function textWidth(all: readonly ContainerRates[], { of }: Column): number {
  return Math.max(0, ...all.map((rates) => widthOf(of(rates, Infinity))));
}

function fullWidth(all: readonly ContainerRates[], column: Column): number {
  return Math.max(column.title.length, textWidth(all, column));
}

function isEmpty(all: readonly ContainerRates[], { of }: Column): boolean {
  return all.every((rates) => ['-', '0'].includes(of(rates, Infinity)));
}

/** Of a line, for the flexible columns together. */
function flexibleRoom(
  all: readonly ContainerRates[],
  shown: readonly Column[],
  { columns: width }: TableRoom,
): number {
  const firm = shown.filter(({ kind }) => kind !== 'flexible');
  const taken = firm.reduce((sum, column) => sum + fullWidth(all, column), 0);
  return width - taken - gap.length * (shown.length - 1);
}

function shownColumns(all: readonly ContainerRates[], room: TableRoom): readonly Column[] {
  const { sort } = room;
  let shown = columns.filter(
    (column) => column.isFixed === true || column.key === sort || !isEmpty(all, column),
  );
  for (const key of dispensable.filter((each) => each !== sort)) {
    const needed = shown
      .filter(({ kind }) => kind === 'flexible')
      .reduce((sum, column) => sum + Math.min(minWidth, fullWidth(all, column)), 0);
    if (flexibleRoom(all, shown, room) < needed) shown = shown.filter((each) => each.key !== key);
  }
  return shown;
}

/** What each gets of the room: those that need little have it, the others the same. */
function shares(needs: readonly number[], room: number): readonly number[] {
  const widths = needs.map(() => 0);
  let left = Math.max(room, needs.length);
  const order = [...needs.keys()].toSorted((one, two) => (needs[one] ?? 0) - (needs[two] ?? 0));
  for (const [place, index] of order.entries()) {
    const width = Math.min(needs[index] ?? 0, Math.floor(left / (order.length - place)));
    widths[index] = width;
    left -= width;
  }
  return widths;
}

function widthsOf(
  all: readonly ContainerRates[],
  shown: readonly Column[],
  room: TableRoom | undefined,
): readonly number[] {
  const full = shown.map((column) => fullWidth(all, column));
  const flexible = shown.filter(({ kind }) => kind === 'flexible');
  const left = room === undefined ? Infinity : flexibleRoom(all, shown, room);
  const wanted = flexible.reduce((sum, column) => sum + fullWidth(all, column), 0);
  if (wanted <= left) return full;
  const needs = flexible.map((column) =>
    Math.max(Math.min(minWidth, column.title.length), textWidth(all, column)),
  );
  const given = shares(needs, left);
  return shown.map((column, index) => given[flexible.indexOf(column)] ?? full[index] ?? 0);
}

/**
 * The first line has the titles. Nothing of a container's moves a cursor.
 * @param room columns that say nothing are left out, and the others made to fit; absent: for programs,
 *   whatever the lines' length
 */
export function tableOf(
  all: readonly ContainerRates[],
  room?: TableRoom,
): readonly [string, ...string[]] {
  const shown = room === undefined ? columns : shownColumns(all, room);
  const widths = widthsOf(all, shown, room);
  const lineOf = (texts: readonly string[]): string =>
    texts
      .map((text, index) => {
        const width = (widths[index] ?? 0) - widthOf(text) + text.length;
        return shown[index]?.kind === 'number' ? text.padStart(width) : text.padEnd(width);
      })
      .join(gap)
      .trimEnd();
  const titles = shown.map(({ title }, index) => shortened(title, widths[index] ?? 0));
  return [
    lineOf(titles),
    ...all.map((rates) =>
      lineOf(
        shown.map((column, index) =>
          column.of(rates, column.kind === 'flexible' ? (widths[index] ?? 0) : Infinity),
        ),
      ),
    ),
  ];
}
