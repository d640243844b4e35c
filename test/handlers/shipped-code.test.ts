// SPDX-License-Identifier: Apache-2.0
// The shipped handlers are far from the bounds of code.
import { readFileSync } from 'node:fs';

import { expect, test } from 'vitest';

import { bundleNamesIn } from '../../host/bundles/bundle-places.ts';
import { readBundle } from '../../host/bundles/bundle.ts';
import { CodeTally, codeBounds } from '../../host/handler/code-bounds.ts';
import type { CodeBounds, FunctionMeasure } from '../../host/handler/code-bounds.ts';
import { describeComponent } from '../../host/handler/component.ts';
import { shippedBundles } from '../../host/package-root.ts';

/** All that is counted, without bounds. */
class Measure extends CodeTally {
  readonly largest: Map<FunctionMeasure, number> = new Map();

  override checkFunction(what: FunctionMeasure, count: number): void {
    this.largest.set(what, Math.max(this.largest.get(what) ?? 0, count));
    super.checkFunction(what, count);
  }
}

test('code bounds: shipped handlers have less than half of what is allowed', () => {
  const folder = shippedBundles();
  const { sums, each }: CodeBounds = codeBounds;
  for (const name of bundleNamesIn(folder)) {
    for (const { file } of readBundle(`${folder}/${name}`).handlers) {
      const measure = new Measure();
      describeComponent(readFileSync(file), measure);
      const over = [
        ...[...measure.counted].filter(([what, count]) => count > sums[what] / 2),
        ...[...measure.largest].filter(([what, count]) => count > each[what] / 2),
      ];
      expect(over).toEqual([]);
    }
  }
});
