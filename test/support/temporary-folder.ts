// SPDX-License-Identifier: Apache-2.0
// A folder for one test, removed with all that is in it.
import { chmodSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

const everybodyMayEnter = 0o755;

export class TemporaryFolder implements Disposable {
  readonly path: string;

  constructor(parent: string = tmpdir()) {
    this.path = mkdtempSync(join(parent, 'seccompagent-test-'));
    // containers of other users have their root below
    chmodSync(this.path, everybodyMayEnter);
  }

  /** A path in it. */
  at(name: string): string {
    return join(this.path, name);
  }

  [Symbol.dispose](): void {
    rmSync(this.path, { recursive: true, force: true });
  }
}
