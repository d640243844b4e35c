// SPDX-License-Identifier: Apache-2.0
// Tests `seccompagent bench`.
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';

import { expect, test } from 'vitest';

import type { Measured } from '../../host/replay/measured-chain.ts';
import { BundleFolder } from '../support/bundle-folder.ts';
import { runCommand, seccompagent } from '../support/command.ts';
import type { CommandResult } from '../support/command.ts';
import { failed, naming } from '../support/failures.ts';
import { TemporaryFolder } from '../support/temporary-folder.ts';

/** A recording of calls of two kinds. */
async function record(folder: TemporaryFolder): Promise<string> {
  const file = folder.at('recording');
  const script = 'mkdir "$1/a"; mkdir "$1/b"; mkdir /throw; chmod 700 "$1"; true';
  const command = ['--', 'sh', '-c', script, 'sh', folder.path];
  const options = ['-bundle=demo-basic', '-o', file];
  const { stderr } = await runCommand([seccompagent, 'record', ...options, ...command]);
  expect(stderr).toEqual(naming(file, / 4 /u));
  await runCommand(['sh', '-c', 'rmdir /throw-pid-*']);
  return file;
}

async function bench(...words: readonly string[]): Promise<CommandResult> {
  return runCommand([seccompagent, 'bench', ...words]);
}

async function measured(...words: readonly string[]): Promise<readonly Measured[]> {
  const { code, stdout, stderr } = await bench('-json', '-seconds=1', ...words);
  expect({ code, stderr }).toEqual({ code: 0, stderr: '' });
  const { measured: found }: { readonly measured: readonly Measured[] } = JSON.parse(stdout);
  return found;
}

test('bench: each system call of a recording has its times', async () => {
  using folder = new TemporaryFolder();
  const file = await record(folder);
  const found = await measured(file);
  expect(found.map(({ syscall, calls, failures }) => [syscall, calls, failures])).toEqual([
    ['mkdir', 3, 0],
    [expect.stringMatching(/^f?chmod/u), 1, 0],
  ]);
  for (const { samples, p50Us, p99Us } of found) {
    expect(samples).toBeGreaterThan(10);
    expect(p50Us).toBeGreaterThan(0);
    expect(p99Us).toBeGreaterThanOrEqual(p50Us);
  }
  const { stdout } = await bench('-seconds=1', file);
  expect(stdout).toMatch(/^mkdir +3 +[\d.]+ +[\d.]+$/mu);
});

test('bench: a handler that computes takes longer, and one that fails is shown to', async () => {
  using folder = new TemporaryFolder();
  using bundles = new BundleFolder();
  const file = await record(folder);
  bundles.write('hostile', { component: 'hostile' });
  bundles.write('counting', { component: 'counting', grants: ['state'] });
  const [quick] = await measured('-bundle=mkdir-suffix', file);
  const own = `-bundle=${join(bundles.path, 'hostile')}`;
  const { code, stdout, stderr } = await bench('-json', '-seconds=1', own, file);
  const { measured: found }: { readonly measured: readonly Measured[] } = JSON.parse(stdout);
  const [failing] = found;
  expect(quick?.failures).toBe(0);
  expect(code).toBe(1);
  expect(stderr).toMatch(/^seccompagent: .*\bmkdir\b.*\n$/u);
  // one call in three, and each of them costs an instance
  expect(failing?.failures).toBe((failing?.samples ?? 0) / 3);
  expect(failing?.p99Us).toBeGreaterThan(3 * (quick?.p50Us ?? 0));
});

test('bench: a handler that never ends is given up, with the reason', async () => {
  using folder = new TemporaryFolder();
  using bundles = new BundleFolder();
  const file = folder.at('recording');
  await runCommand([
    seccompagent,
    'record',
    '-o',
    file,
    '-bundle=errno',
    '-syscalls=mkdir',
    '--',
    'mkdir',
    '/loop',
  ]);
  await runCommand(['rmdir', '/loop']);
  bundles.write('hostile', { component: 'hostile' });
  const own = `-bundle=${join(bundles.path, 'hostile')}`;
  const result = await bench('-patience=3', own, file);
  expect(result).toEqual(failed('AGENT_HANDLER_FAILED', /\b3 s\b/u));
});

test('bench: a file that is no recording is refused, and wrong words get the usage', async () => {
  using folder = new TemporaryFolder();
  const file = folder.at('file');
  writeFileSync(file, 'hello');
  expect(await bench(file)).toEqual(failed('AGENT_RECORDING', file));
  expect(await bench()).toEqual(failed('AGENT_USAGE', 'seccompagent bench -help'));
  expect(await bench('-unknown', file)).toEqual(failed('AGENT_USAGE', '-unknown'));
});
