// SPDX-License-Identifier: Apache-2.0
// The result of the last reload, for later requests.
import type { ReloadFailure, ReloadStatus } from './status.ts';

/** More are not kept: one broken bundle can fail any number of containers. */
const maxFailures = 100;

export class ReloadReport {
  #failures: ReloadFailure[] = [];
  #last: ReloadStatus | null = null;

  get last(): ReloadStatus | null {
    return this.#last;
  }

  /** Of the reload that is going on. */
  failed(failure: ReloadFailure): void {
    if (this.#failures.length < maxFailures) this.#failures.push(failure);
  }

  ended({ changed, kept }: { readonly changed: number; readonly kept: number }): void {
    this.#last = { at: new Date().toISOString(), changed, kept, failures: this.#failures };
    this.#failures = [];
  }
}
