// SPDX-License-Identifier: Apache-2.0
// A virtual machine with a kernel of Debian's, in which a checkout of the project is at the same
// place as here. It has no network but its own, and what it writes to its disk goes with it.
import { spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';

import { projectRoot } from '../support/command.ts';
import type { TemporaryFolder } from '../support/temporary-folder.ts';

const qemu = 'qemu-system-x86_64';
const imageDeadlineMs = 600_000;
const packDeadlineMs = 60_000;
const probeDeadlineMs = 20_000;
const lifeMs = 1_800_000;

/** What it does not know, the kernel gives to its first process as environment. */
const kernelOptions = 'console=ttyS0 loglevel=2 panic=-1 root=/dev/nvme0n1 rw';

/** What is large and not needed to run tests. */
const leftOut = [
  '.git',
  'build-asan',
  'build/bench',
  'build/native-tests',
  'node_modules/.cache',
  'node_modules/@andreiltd',
  'node_modules/@bytecodealliance',
  'node_modules/@oxfmt',
  'node_modules/@oxlint',
  'node_modules/@oxlint-tsgolint',
  'node_modules/@typescript',
  'node_modules/assemblyscript',
  'node_modules/binaryen',
  'node_modules/typescript-compiler-api',
] as const;

/** Where the kernel and the disk that it starts from are; they are made unless they are there. */
export function makeRootImage(): string {
  return run(['sh', join(import.meta.dirname, 'root-image.sh')], imageDeadlineMs).trim();
}

/** Makes a disk of the project. @returns its file */
function packProject(folder: TemporaryFolder): string {
  const node = join(projectRoot, 'node_modules/.bin/node');
  if (!existsSync(node)) throw new Error(`there is no ${node}: npm ci installs it for x86-64`);
  const file = folder.at('project.erofs');
  const excluded = leftOut.map((path) => `--exclude-path=${path}`);
  run(['mkfs.erofs', '--quiet', ...excluded, file, projectRoot], packDeadlineMs);
  return file;
}

/** @returns what it printed */
function run([program, ...args]: readonly [string, ...string[]], timeout: number): string {
  const { error, status, signal, stdout } = spawnSync(program, args, {
    encoding: 'utf8',
    stdio: ['ignore', 'pipe', 'inherit'],
    timeout,
    killSignal: 'SIGKILL',
  });
  if (status === 0) return stdout;
  throw new Error(`${program} ended with ${signal ?? `status ${status}`}`, { cause: error });
}

/**
 * Whether the processor may run it. There are machines that have /dev/kvm and fail as soon as a
 * processor is set up, which qemu does before it listens to its monitor.
 */
function hasKvm(): boolean {
  const args = ['-accel', 'kvm', '-cpu', 'max', '-S', '-nodefaults', '-display', 'none'];
  const { status } = spawnSync(qemu, [...args, '-monitor', 'stdio'], {
    input: 'quit\n',
    stdio: ['pipe', 'ignore', 'ignore'],
    timeout: probeDeadlineMs,
    killSignal: 'SIGKILL',
  });
  return status === 0;
}

function diskOptions(file: string, device: string, access: string): readonly string[] {
  const drive = `id=${device},file=${file.replaceAll(',', ',,')},format=raw,if=none,${access}`;
  return ['-drive', drive, '-device', `${device},drive=${device},serial=${device}`];
}

interface MachineDisks {
  readonly image: string;
  readonly project: string;
  readonly answer: string;
}

function machineOptions(disks: MachineDisks, tests: readonly string[]): readonly string[] {
  const { image, project, answer } = disks;
  const acceleration = hasKvm() ? 'kvm' : 'tcg,thread=multi';
  console.log(`starting a machine with ${acceleration}`);
  const single = {
    accel: acceleration,
    cpu: 'max',
    smp: '2',
    m: '2G',
    display: 'none',
    kernel: join(image, 'vmlinuz'),
    append: `${kernelOptions} "PROJECT=${projectRoot}" "TESTS=${tests.join(' ')}"`,
  };
  return [
    '-nodefaults',
    '-no-reboot',
    ...Object.entries(single).flatMap(([name, value]) => [`-${name}`, value]),
    // the console, and where init.sh says how the tests ended
    '-serial',
    'stdio',
    '-serial',
    `file:${answer}`,
    // of different kinds: of two that are alike, either may be the first to be found
    ...diskOptions(join(image, 'root.ext4'), 'nvme', 'snapshot=on'),
    ...diskOptions(project, 'virtio-blk-pci', 'readonly=on'),
  ];
}

/**
 * Starts the machine, which runs the tests of this folder, and shows what it prints.
 * @param tests what is in the names of those that are wanted; none: all of them
 * @returns the code that they ended with
 */
export async function runMachine(
  folder: TemporaryFolder,
  image: string,
  tests: readonly string[],
): Promise<number> {
  const answer = folder.at('answer');
  const options = machineOptions({ image, project: packProject(folder), answer }, tests);
  // it must not outlive us, however we end
  const command = ['--pdeathsig', 'KILL', qemu, ...options];
  const machine = spawn('setpriv', command, {
    stdio: ['ignore', 'inherit', 'inherit'],
    timeout: lifeMs,
    killSignal: 'SIGKILL',
  });
  const [status, signal]: unknown[] = await once(machine, 'exit');
  const code = existsSync(answer) ? readFileSync(answer, 'utf8').trim() : '';
  if (/^\d+$/u.test(code)) return Number(code);
  const end = typeof signal === 'string' ? signal : `status ${String(status)}`;
  throw new Error(`the machine ended with ${end}, and its tests did not`);
}
