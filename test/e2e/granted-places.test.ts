// SPDX-License-Identifier: Apache-2.0
// Folders of a grant mean those of the container, whatever a program makes of its own root and mounts.
import { cpSync, existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';

import { expect, test } from 'vitest';

import { shippedBundles } from '../../host/package-root.ts';
import { runCommand, seccompagent } from '../support/command.ts';
import { TemporaryFolder } from '../support/temporary-folder.ts';

/** A bundle that makes directories in one folder, and that folder with one beside it. */
class Places implements Disposable {
  readonly #folder = new TemporaryFolder();
  readonly bundle = this.#folder.at('bundle');
  readonly granted = this.#folder.at('granted');
  readonly outside = this.#folder.at('outside');
  /** A root with a folder of the granted one's name. */
  readonly jail = this.#folder.at('jail');

  constructor() {
    cpSync(join(shippedBundles(), 'mkdir-suffix'), this.bundle, { recursive: true });
    const manifest = join(this.bundle, 'bundle.json');
    const { grants, ...rest } = JSON.parse(readFileSync(manifest, 'utf8'));
    grants.filesystem.paths = [this.granted];
    writeFileSync(manifest, JSON.stringify({ ...rest, grants }));
    for (const folder of [this.granted, this.outside]) mkdirSync(folder, { mode: 0o777 });
    mkdirSync(join(this.jail, this.granted), { recursive: true });
  }

  /** @returns what it printed, and whether it failed */
  async run(script: string): Promise<string> {
    const command = [seccompagent, 'run', '-bundle', this.bundle, '--', 'sh', '-c', script];
    const [program = '', ...rest] = command;
    const { code, stderr } = await runCommand([program, ...rest]);
    return `${code} ${/: ([A-Z][^:]+)$/mu.exec(stderr)?.[1] ?? ''}`.trim();
  }

  [Symbol.dispose](): void {
    this.#folder[Symbol.dispose]();
  }
}

/** Without a program: what the caller does itself, in the middle of a shell's script. */
const mkdir = (path: string): string => `perl -e 'mkdir "${path}" or die ": $!\\n"'`;

test('A15: granted places: a directory in the folder is made, one outside is not', async () => {
  using places = new Places();
  const { granted, outside } = places;

  expect(await places.run(mkdir(`${granted}/a`))).toBe('0');
  expect(existsSync(`${granted}/a-suffix`)).toBe(true);
  expect(await places.run(mkdir(`${outside}/a`))).not.toBe('0');
  expect(existsSync(`${outside}/a-suffix`)).toBe(false);
});

test.for([
  {
    way: 'a bind in a mount namespace of its own',
    script: ({ granted, outside }: Places) =>
      `unshare -m sh -c 'mount --bind ${outside} ${granted}; exec perl -e "mkdir q(${granted}/a) or die \\": \\$!\\\\n\\""'`,
  },
  {
    way: 'another root',
    script: ({ granted, jail }: Places) =>
      `perl -e 'chroot "${jail}" or die; mkdir "${granted}/a" or die ": $!\\n"'`,
  },
])('A15: granted places: $way leads nowhere else', async ({ script }) => {
  using places = new Places();
  const { granted, outside, jail } = places;

  expect(await places.run(script(places))).not.toBe('0');
  expect(existsSync(`${outside}/a-suffix`)).toBe(false);
  expect(existsSync(join(jail, granted, 'a-suffix'))).toBe(false);
  expect(existsSync(`${granted}/a-suffix`)).toBe(false);
});
