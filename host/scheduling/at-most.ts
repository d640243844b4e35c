// SPDX-License-Identifier: Apache-2.0
// Waits for work that others must not be held up by.

export interface Patience {
  readonly ms: number;
  /** Ends the wait before. */
  readonly signal: AbortSignal;
}

/** Settles as the work does, or once the wait is over: the work goes on. */
export async function atMost(
  { ms, signal }: Patience,
  work: Promise<void> | undefined,
): Promise<void> {
  if (work === undefined) return;
  let timer: NodeJS.Timeout | undefined;
  const over = new Promise<void>((resolve) => {
    const end = (): void => {
      resolve();
    };
    timer = setTimeout(end, ms);
    signal.addEventListener('abort', end, { once: true });
    if (signal.aborted) end();
  });
  try {
    await Promise.race([work, over]);
  } finally {
    clearTimeout(timer);
  }
}
