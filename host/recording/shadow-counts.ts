// SPDX-License-Identifier: Apache-2.0
// Answers of shadows that would have differed, for metrics: by bundles and system calls.
import { other } from '../counting/counters.ts';

export interface ShadowCount {
  readonly bundle: string;
  readonly syscall: string;
  readonly calls: number;
  readonly different: number;
}

/** Containers choose what there are counts of: all others share one more. */
const maxCounts = 1000;
const otherCount = { bundle: other, syscall: other, calls: 0, different: 0 };

function keyOf({ bundle, syscall }: Pick<ShadowCount, 'bundle' | 'syscall'>): string {
  return `${bundle} ${syscall}`;
}

export class ShadowCounts {
  readonly #counts: Map<string, ShadowCount> = new Map();

  add(bundle: string, syscall: string, isDifferent: boolean): void {
    const { calls, different, ...labels } = this.#of(bundle, syscall);
    this.#counts.set(keyOf(labels), {
      ...labels,
      calls: calls + 1,
      different: different + (isDifferent ? 1 : 0),
    });
  }

  /** Nobody has these any more. */
  forget(bundle: string): void {
    for (const [key, count] of this.#counts) if (count.bundle === bundle) this.#counts.delete(key);
  }

  values(): readonly ShadowCount[] {
    return [...this.#counts.values()];
  }

  #of(bundle: string, syscall: string): ShadowCount {
    const known = this.#counts.get(keyOf({ bundle, syscall }));
    if (known !== undefined) return known;
    if (this.#counts.size < maxCounts) return { bundle, syscall, calls: 0, different: 0 };
    return this.#counts.get(keyOf(otherCount)) ?? otherCount;
  }
}
