// SPDX-License-Identifier: Apache-2.0
// Handlers in C: each clang of this machine builds them without a warning.
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';

import { expect, test } from 'vitest';

import { buildHandler } from '../../guest-sdk/build/handler.ts';
import { writeScaffold } from '../../guest-sdk/build/scaffold.ts';
import { loadComponent } from '../../host/handler/direct.ts';
import { families } from '../../host/syscalls/syscall-table.ts';
import { HandlerHarness } from '../../host/trial/handler-harness.ts';
import { cCompilers, withClang } from '../support/c-compilers.ts';
import { projectRoot } from '../support/command.ts';
import { TemporaryFolder } from '../support/temporary-folder.ts';

const compilers = await cCompilers();

/** What newer versions have other instructions for: tables of functions, copies, conversions. */
const varied = `#include <seccompagent.h>

typedef struct {
  uint8_t bytes[300];
} block;

static sca_action refused(sca_path path) { return sca_fail(SCA_EPERM); }
static sca_action performed(sca_path path) { return sca_perform(); }

static sca_action counted(sca_path path) {
  block zeros;
  for (size_t i = 0; i < sizeof zeros.bytes; i++) zeros.bytes[i] = 0;
  block copy = zeros;
  memcpy(copy.bytes, path.data, path.length < 300 ? path.length : 300);
  int64_t sum = 0;
  for (size_t i = 0; i < sizeof copy.bytes; i++) sum += copy.bytes[i];
  return sca_value((int64_t)(double)sum);
}

static sca_action (*const answers[])(sca_path) = {refused, performed, counted};

static sca_action on_mkdir(sca_path path, uint32_t mode) { return answers[mode % 3](path); }
SCA_EXPORT_MKDIR(on_mkdir);
`;

test.for(compilers)('C: no warning of the examples and of what "new" writes: %s', async (path) => {
  using folder = new TemporaryFolder();
  await writeScaffold({
    name: 'all',
    parent: folder.path,
    language: 'c',
    syscalls: [...families(), 'getpid'],
  });
  for (const directory of [
    join(projectRoot, 'guest-sdk/examples/mkdir-suffix-c'),
    join(projectRoot, 'test/fixtures/languages/c'),
    folder.at('all'),
  ]) {
    const outFile = folder.at('handler.wasm');
    const { warnings } = await withClang(path, async () => buildHandler({ directory, outFile }));
    expect(warnings).toEqual([]);
    loadComponent(readFileSync(outFile));
  }
});

test.for(compilers)('C: what is built answers the same whatever has built it: %s', async (path) => {
  using folder = new TemporaryFolder();
  mkdirSync(folder.at('varied'));
  writeFileSync(folder.at('varied/handler.c'), varied);
  const build = { directory: folder.at('varied'), outFile: folder.at('varied.wasm') };
  await withClang(path, async () => buildHandler(build));
  const harness = new HandlerHarness(loadComponent(readFileSync(build.outFile)));
  expect([0, 1, 2].map((mode) => harness.ask('mkdir', '/ab', mode))).toMatchObject([
    { kind: 'fail', errno: 'EPERM' },
    { kind: 'perform' },
    { kind: 'value', value: BigInt('/ab'.charCodeAt(0) + 'a'.charCodeAt(0) + 'b'.charCodeAt(0)) },
  ]);
});
