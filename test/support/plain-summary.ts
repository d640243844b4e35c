// SPDX-License-Identifier: Apache-2.0
// A reporter that ends a run with plain lines: `12 passed, 0 failed, 0 skipped`, and before it what
// has passed only when it was tried again, and what was skipped and why.
import type { Reporter, TestModule } from 'vitest/node';

export default class PlainSummary implements Reporter {
  onTestRunEnd(modules: readonly TestModule[]): void {
    const counts = { passed: 0, failed: 0, skipped: 0, pending: 0 };
    for (const module of modules) {
      for (const test of module.children.allTests()) {
        const result = test.result();
        counts[result.state] += 1;
        // those that the command line leaves out have no reason
        if (result.state === 'skipped' && result.note !== undefined) {
          process.stdout.write(
            `\nskipped: ${module.relativeModuleId}: ${test.fullName}: ${result.note}\n`,
          );
        }
        const { flaky = false, retryCount = 0 } = test.diagnostic() ?? {};
        if (!flaky) continue;
        process.stdout.write(
          `\npassed at try ${retryCount + 1}: ${module.relativeModuleId}: ${test.fullName}\n`,
        );
        for (const error of result.errors ?? []) {
          process.stdout.write(`  ${error.message}\n`);
        }
      }
    }
    const { passed, failed, skipped } = counts;
    process.stdout.write(`\n${passed} passed, ${failed} failed, ${skipped} skipped\n`);
  }
}
