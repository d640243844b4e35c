// SPDX-License-Identifier: Apache-2.0
// A reporter that ends a run with plain lines: `12 passed, 0 failed, 0 skipped`, and before it what
// has passed only when it was tried again, and what was skipped and why. Runs that are given the same
// file by SECCOMPAGENT_TEST_COUNTS end with the sum of all of them.
import { readFileSync, writeFileSync } from 'node:fs';

import type { Reporter, TestCase, TestModule } from 'vitest/node';

interface Counts {
  passed: number;
  failed: number;
  skipped: number;
}

export default class PlainSummary implements Reporter {
  readonly #file = process.env['SECCOMPAGENT_TEST_COUNTS'];

  onTestRunEnd(modules: readonly TestModule[], errors: readonly unknown[]): void {
    const counts = this.#earlier();
    counts.failed += errors.length;
    for (const module of modules) {
      counts.failed += failuresOutsideOfTests(module);
      for (const test of module.children.allTests()) {
        tell(test);
        const { state } = test.result();
        if (state !== 'pending') counts[state] += 1;
      }
    }
    const { passed, failed, skipped } = counts;
    process.stdout.write(`\n${passed} passed, ${failed} failed, ${skipped} skipped\n`);
    if (this.#file !== undefined) writeFileSync(this.#file, `${passed} ${failed} ${skipped}`);
  }

  /** Of the runs before; an empty file says that there was none. */
  #earlier(): Counts {
    const text = this.#file === undefined ? '' : readFileSync(this.#file, 'utf8');
    const [passed = 0, failed = 0, skipped = 0] = text.split(' ').map(Number);
    return { passed, failed, skipped };
  }
}

/** A file that does not load, or a hook that fails, fails no test. */
function failuresOutsideOfTests(module: TestModule): number {
  const suites = [...module.children.allSuites()].filter((suite) => suite.errors().length > 0);
  return suites.length + (module.errors().length > 0 ? 1 : 0);
}

function tell(test: TestCase): void {
  const result = test.result();
  const name = `${test.module.relativeModuleId}: ${test.fullName}`;
  // those that the command line leaves out have no reason
  if (result.state === 'skipped' && result.note !== undefined) {
    process.stdout.write(`\nskipped: ${name}: ${result.note}\n`);
  }
  const { flaky = false, retryCount = 0 } = test.diagnostic() ?? {};
  if (!flaky) return;
  process.stdout.write(`\npassed at try ${retryCount + 1}: ${name}\n`);
  for (const error of result.errors ?? []) process.stdout.write(`  ${error.message}\n`);
}
