// SPDX-License-Identifier: Apache-2.0
// Tests the line that shows how far something is.
import { afterEach, beforeEach, expect, test, vi } from 'vitest';

import { progressLine } from '../../host/commands/progress.ts';

beforeEach(() => {
  vi.useFakeTimers({ toFake: ['performance'] });
});

afterEach(() => {
  vi.useRealTimers();
});

/** Its output. */
function fakeTerminal(isTTY: boolean): { isTTY: boolean; text: string; write(text: string): void } {
  return {
    isTTY,
    text: '',
    write(text: string) {
      this.text += text;
    },
  };
}

test('progress: it is shown on a terminal after a second, not too often, and cleared away', () => {
  const terminal = fakeTerminal(true);
  {
    using line = progressLine(terminal);
    line.show('0 of 9');
    vi.advanceTimersByTime(1001);
    line.show('1 of 9');
    line.show('2 of 9');
    vi.advanceTimersByTime(101);
    line.show('3 of 9');
  }
  expect(terminal.text).toBe('\r\u001b[K1 of 9\r\u001b[K3 of 9\r\u001b[K');
});

test('progress: nothing is shown of what ends soon, or where nobody looks', () => {
  const quick = fakeTerminal(true);
  const pipe = fakeTerminal(false);
  {
    using quickLine = progressLine(quick);
    using pipeLine = progressLine(pipe);
    quickLine.show('1 of 1');
    vi.advanceTimersByTime(2000);
    pipeLine.show('1 of 1');
  }
  expect([quick.text, pipe.text]).toEqual(['', '']);
});
