// SPDX-License-Identifier: Apache-2.0
// Aims of the agent, and whether a measurement reaches them.
import { figureText, figureUnit } from './figures.ts';
import { type Quantity, type Round, spreadIn } from './rounds.ts';
import type { Spread } from './statistics.ts';

export type Limit =
  | { readonly kind: 'at-most'; readonly value: number }
  | { readonly kind: 'at-least'; readonly value: number };

export interface Aim {
  readonly title: string;
  readonly quantity: Quantity;
  /** Absent: it is only shown. */
  readonly limit?: Limit;
  /** Which of the rounds has to reach it: the median of all (when absent), or the worst. */
  readonly judged?: 'worst';
  /** The same of the floor: the limit holds only where the floor keeps it. */
  readonly floor?: Quantity;
}

export type Verdict = 'yes' | 'no' | 'only shown' | 'floor misses it too' | 'not measured';

export interface JudgedAim {
  readonly aim: Aim;
  readonly measured: Spread | undefined;
  readonly floor: Spread | undefined;
  readonly verdict: Verdict;
}

export function atMost(value: number): Limit {
  return { kind: 'at-most', value };
}

export function atLeast(value: number): Limit {
  return { kind: 'at-least', value };
}

function keeps({ kind, value }: Limit, { judged }: Aim, spread: Spread): boolean {
  switch (kind) {
    case 'at-most':
      return (judged === 'worst' ? spread.most : spread.median) <= value;
    case 'at-least':
      return (judged === 'worst' ? spread.least : spread.median) >= value;
  }
}

function verdictOf(aim: Aim, measured: Spread | undefined, floor: Spread | undefined): Verdict {
  const { limit } = aim;
  if (measured === undefined) return 'not measured';
  if (limit === undefined) return 'only shown';
  if (keeps(limit, aim, measured)) return 'yes';
  if (aim.floor === undefined) return 'no';
  if (floor === undefined) return 'not measured';
  return keeps(limit, aim, floor) ? 'no' : 'floor misses it too';
}

export function judge(aim: Aim, rounds: readonly Round[]): JudgedAim {
  const measured = spreadIn(rounds, aim.quantity);
  const floor = aim.floor === undefined ? undefined : spreadIn(rounds, aim.floor);
  return { aim, measured, floor, verdict: verdictOf(aim, measured, floor) };
}

function quantityText({ kind, figure }: Quantity, value: number): string {
  return kind === 'ratio' ? value.toFixed(2) : figureText(figure, value);
}

function unitText({ kind, figure }: Quantity): string {
  if (kind === 'ratio') return 'x';
  const unit = figureUnit(figure);
  return unit === '' ? '' : ` ${unit}`;
}

function spreadText(quantity: Quantity, { median, least, most }: Spread): string {
  const text = (value: number): string => quantityText(quantity, value);
  return `${text(median)}${unitText(quantity)} (${text(least)} to ${text(most)})`;
}

/** `case | measured | aim | met` of the summary. */
export function aimRow({ aim, measured, floor, verdict }: JudgedAim): readonly string[] {
  const { quantity, limit, judged } = aim;
  const sign = limit?.kind === 'at-least' ? '>=' : '<=';
  const worst = judged === 'worst' ? ' in every round' : '';
  const beside = floor === undefined ? '' : `; floor ${spreadText(quantity, floor)}`;
  return [
    aim.title,
    measured === undefined ? '' : `${spreadText(quantity, measured)}${beside}`,
    limit === undefined
      ? ''
      : `${sign} ${quantityText(quantity, limit.value)}${unitText(quantity)}${worst}`,
    verdict,
  ];
}
