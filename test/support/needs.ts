// SPDX-License-Identifier: Apache-2.0
// Skips tests where something that they need is missing, and says what.
import type { TestContext } from 'vitest';

export function needsRoot({ skip }: TestContext): void {
  skip(process.getuid?.() !== 0, 'needs root');
}
