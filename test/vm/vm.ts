// SPDX-License-Identifier: Apache-2.0
// `npm run test:vm`: tests in virtual machines whose kernel or processor is another than this one's.
// `npm run test:vm -- NAME`: those with this in their names, to which the machine's belongs, as in
// `arm64/vm/arm64/native.test.ts`.
import { spawnSync } from 'node:child_process';
import { globSync } from 'node:fs';
import { join } from 'node:path';

import { projectRoot } from '../support/command.ts';
import { compiled } from '../support/compile.ts';
import { nativePrograms } from '../support/native-programs.ts';
import { requirePackages } from '../support/packages.ts';
import type { PackageNeed } from '../support/packages.ts';
import { TemporaryFolder } from '../support/temporary-folder.ts';
import { buildTestBundles } from '../support/test-bundles.ts';
import { makeMachine, runMachine } from './machine.ts';
import type { MachineArch } from './machine.ts';
import { compilersOf, nativeTests, programsOf, testsOf } from './tests.ts';

const machines: readonly MachineArch[] = ['x64', 'arm64'];

const always: readonly PackageNeed[] = [
  { command: 'depmod', package: 'kmod' },
  { command: 'mke2fs', package: 'e2fsprogs' },
  { command: 'mkfs.erofs', package: 'erofs-utils' },
  { command: 'mmdebstrap', package: 'mmdebstrap' },
  { command: 'setpriv', package: 'util-linux' },
];
const emulators: Readonly<Record<MachineArch, PackageNeed>> = {
  x64: { command: 'qemu-system-x86_64', package: 'qemu-system-x86' },
  arm64: { command: 'qemu-system-aarch64', package: 'qemu-system-arm' },
};
/** Of Debian, to compile for another architecture. */
const crossCompilers: Readonly<Record<MachineArch, string>> = {
  x64: 'g++-x86-64-linux-gnu',
  arm64: 'g++-aarch64-linux-gnu',
};

function packagesFor(arch: MachineArch): readonly PackageNeed[] {
  const compiler = arch === process.arch ? 'g++' : crossCompilers[arch];
  return [...always, emulators[arch], { command: compilersOf[arch].CXX, package: compiler }];
}

/** The files of a machine's tests that are wanted. */
function wantedOf(arch: MachineArch, words: readonly string[]): readonly string[] {
  const files = testsOf[arch].flatMap((pattern) =>
    globSync(pattern, { cwd: join(projectRoot, 'test') }),
  );
  if (words.length === 0) return files;
  return files.filter((file) => words.some((word) => `${arch}/${file}`.includes(word)));
}

function buildAddon(arch: MachineArch): void {
  const command = [join(projectRoot, 'native/build.mjs'), `--arch=${arch}`];
  const { error, status } = spawnSync(process.execPath, command, { stdio: 'inherit' });
  if (status !== 0) throw new Error(`cannot build the addon for ${arch}`, { cause: error });
}

/** On an emulated processor jco takes longer than it may. */
function fillCache(): void {
  // it loads all bundles; what else it finds is of no interest here
  const command = [join(projectRoot, 'dist/host/main.js'), 'doctor'];
  const environment = { CACHE_DIRECTORY: join(projectRoot, 'build/test-cache') };
  spawnSync(process.execPath, command, {
    env: { ...process.env, ...environment },
    stdio: 'ignore',
    timeout: 60_000,
  });
}

/** In the machine there is no compiler. */
async function compileFor(arch: MachineArch, tests: readonly string[]): Promise<void> {
  if (arch !== process.arch) buildAddon(arch);
  Object.assign(process.env, compilersOf[arch]);
  for (const program of programsOf[arch]) compiled(program);
  fillCache();
  // the others use shipped ones
  if (tests.some((test) => test.startsWith('integration/'))) await buildTestBundles();
  if (tests.includes('vm/arm64/native.test.ts')) await nativePrograms(nativeTests);
}

if (process.getuid?.() !== 0) {
  throw new Error('the disk of the machine has files of many users: run this as root');
}
const words = process.argv.slice(2);
const wanted = machines
  .map((arch) => ({ arch, tests: wantedOf(arch, words) }))
  .filter(({ tests }) => tests.length > 0);
if (wanted.length === 0) throw new Error(`no test is named ${words.join(' or ')}`);

const folder = new TemporaryFolder();
process.once('exit', () => {
  folder[Symbol.dispose]();
});
for (const [signal, code] of [
  ['SIGHUP', 129],
  ['SIGINT', 130],
  ['SIGTERM', 143],
] as const) {
  process.once(signal, () => {
    process.exit(code);
  });
}
for (const { arch, tests } of wanted) {
  requirePackages(packagesFor(arch));
  await compileFor(arch, tests);
  const code = await runMachine(folder, makeMachine(arch), tests);
  if (code !== 0) process.exitCode = code;
}
