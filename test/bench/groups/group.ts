// SPDX-License-Identifier: Apache-2.0
// A group of measurements: its rounds, its figures, its aims.
import type { Aim } from '../aims.ts';
import type { FigureKey } from '../figures.ts';
import type { CpuChoice } from '../machine.ts';
import type { Limits, Measurement } from '../rounds.ts';

export interface Group {
  /** One sentence above its table. */
  readonly title: string;
  readonly limits: Limits;
  readonly measurements: readonly Measurement[];
  readonly columns: readonly FigureKey[];
  readonly aims: readonly Aim[];
  /** Measurements that are left out, with the reason. */
  readonly notes?: readonly string[];
}

export type MakeGroup = (cpus: CpuChoice) => Group;
