// SPDX-License-Identifier: Apache-2.0
// An operator's files: a configuration, keys and a folder of bundles.
import { generateKeyPairSync } from 'node:crypto';
import { cpSync, mkdirSync, writeFileSync } from 'node:fs';

import { stringify } from 'yaml';

import { runCommand, seccompagent } from './command.ts';
import type { CommandResult } from './command.ts';
import { TemporaryFolder } from './temporary-folder.ts';
import { testBundle } from './test-bundles.ts';

/** All of it in a folder of its own, which also has the empty folders `in` and `out`. */
export class Operator implements Disposable {
  readonly #folder = new TemporaryFolder();

  constructor() {
    for (const name of ['bundles', 'in', 'out']) mkdirSync(this.at(name));
  }

  at(name: string): string {
    return this.#folder.at(name);
  }

  /** A test bundle, or a shipped one, as one of the operator's. */
  add(name: string, folder: string = testBundle(name)): void {
    cpSync(folder, this.at(`bundles/${name}`), { recursive: true });
  }

  addKey(name: string): void {
    const { publicKey } = generateKeyPairSync('ec', { namedCurve: 'P-256' });
    writeFileSync(this.at(name), publicKey.export({ type: 'spki', format: 'pem' }), {
      mode: 0o644,
    });
  }

  /** @returns the path of the configuration */
  write(config: Readonly<Record<string, unknown>>): string {
    const text = stringify({ 'bundle-folders': [this.at('bundles')], ...config });
    writeFileSync(this.at('config.yaml'), text, { mode: 0o644 });
    return this.at('config.yaml');
  }

  async run(script: string, ...options: readonly string[]): Promise<CommandResult> {
    return runCommand([
      seccompagent,
      'run',
      `-config=${this.at('config.yaml')}`,
      ...options,
      '--',
      'busybox',
      'sh',
      '-c',
      script,
    ]);
  }

  [Symbol.dispose](): void {
    this.#folder[Symbol.dispose]();
  }
}
