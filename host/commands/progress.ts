// SPDX-License-Identifier: Apache-2.0
// One line on a terminal that says how far something is that takes over a second.

export interface ProgressLine extends Disposable {
  /** @param text replaces what was shown */
  readonly show: (text: string) => void;
}

/** Output, such as stderr. */
export interface Terminal {
  readonly isTTY?: boolean;
  write(text: string): unknown;
}

const patienceMs = 1000;
const intervalMs = 100;
const clearLine = '\r\u001b[K';

/** Shows nothing where nobody looks, and nothing of what ends soon. */
export function progressLine(terminal: Terminal = process.stderr): ProgressLine {
  const begun = performance.now();
  let lastMs = 0;
  let isShown = false;
  return {
    show: (text) => {
      const now = performance.now();
      if (terminal.isTTY !== true || now - begun < patienceMs || now - lastMs < intervalMs) return;
      lastMs = now;
      isShown = true;
      terminal.write(`${clearLine}${text}`);
    },
    [Symbol.dispose]: () => {
      if (isShown) terminal.write(clearLine);
    },
  };
}
