// SPDX-License-Identifier: Apache-2.0
// Whoever asks for work that is done in turns.

export type IsWanted = () => boolean;

export interface Asker {
  /**
   * Such as a container and its namespace: what work for one of them has taken counts for the rest of
   * it. None: nobody whose work is counted.
   */
  readonly who: readonly string[];
  /** Whether it still waits; absent: it does. */
  readonly isWanted?: IsWanted | undefined;
}

/** Who serves all containers alike. */
export const operator: Asker = { who: [] };

export function isWaiting({ isWanted }: Asker): boolean {
  return isWanted?.() ?? true;
}
