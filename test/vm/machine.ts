// SPDX-License-Identifier: Apache-2.0
// A virtual machine with a kernel of Debian's, in which a checkout of the project is at the same
// place as here. It has no network but its own, and what it writes to its disk goes with it.
import { spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, mkdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';

import { projectRoot } from '../support/command.ts';
import type { TemporaryFolder } from '../support/temporary-folder.ts';

const imageDeadlineMs = 600_000;
const packDeadlineMs = 120_000;
const probeDeadlineMs = 20_000;
const lifeMs = 2_700_000;

/** Unknown options are given to its first process as environment. */
const kernelOptions = 'loglevel=2 panic=-1 root=/dev/nvme0n1 rw';

/** Dependencies that are large and not needed to run tests. */
const leftOutModules = [
  '@andreiltd',
  '@bytecodealliance/componentize-js',
  '@bytecodealliance/componentize-js-0-19-3',
  '@bytecodealliance/jco',
  '@bytecodealliance/jco-std',
  '@bytecodealliance/wizer-linux-x64',
  '@oxfmt',
  '@oxlint',
  '@oxlint-tsgolint',
  '@typescript',
  'assemblyscript',
  'typescript-compiler-api',
] as const;

/** And other files like that. */
const leftOut = [
  '.git',
  'build-asan',
  'build/bench',
  'node_modules/.cache',
  ...leftOutModules.map((name) => `node_modules/${name}`),
] as const;

export type MachineArch = 'x64' | 'arm64';

interface MachineKind {
  readonly qemu: string;
  /** Debian's name of the architecture. */
  readonly debian: string;
  /** Options of qemu. */
  readonly options: Readonly<Record<string, string>>;
  /** Its serial lines: for what it prints, and for how the tests have ended. */
  readonly lines: readonly [string, string];
}

const kinds: Readonly<Record<MachineArch, MachineKind>> = {
  x64: {
    qemu: 'qemu-system-x86_64',
    debian: 'amd64',
    options: { cpu: 'max' },
    lines: ['ttyS0', 'ttyS1'],
  },
  arm64: {
    qemu: 'qemu-system-aarch64',
    debian: 'arm64',
    // of the first servers with atomic instructions; newer ones take longer to emulate
    options: { machine: 'virt', cpu: 'neoverse-n1' },
    lines: ['ttyAMA0', 'ttyAMA1'],
  },
};

export interface Machine {
  readonly arch: MachineArch;
  /** Where its kernel and the disk that it starts from are. */
  readonly image: string;
  /** Folders that are in the project in place of others, by the paths of those. */
  readonly replaced: ReadonlyMap<string, string>;
}

/** Makes what a machine is started with, unless it is there. */
export function makeMachine(arch: MachineArch): Machine {
  const image = runScript('root-image.sh', kinds[arch].debian);
  if (arch === process.arch) return { arch, image, replaced: new Map() };
  const modules = runScript('modules.sh', arch, ...leftOutModules);
  const replaced = new Map([
    ['node_modules', join(modules, 'node_modules')],
    ['build/Release', join(projectRoot, `build-${arch}/build/Release`)],
  ]);
  return { arch, image, replaced };
}

/** @returns what it printed */
function runScript(name: string, ...args: readonly string[]): string {
  return run(['sh', join(import.meta.dirname, name), ...args], imageDeadlineMs).trim();
}

/** Makes a disk of the project. @returns its file */
function packProject(folder: TemporaryFolder, { replaced }: Machine): string {
  const node = join(projectRoot, 'node_modules/.bin/node');
  if (!existsSync(node)) throw new Error(`there is no ${node}: npm ci installs it`);
  const file = folder.at('project.erofs');
  const mounts = [...replaced].flatMap(([path, other]) => [other, join(projectRoot, path)]);
  const script = 'while [ $# -gt 0 ]; do mount --bind "$1" "$2"; shift 2; done';
  const excluded = leftOut.map((path) => `--exclude-path=${path}`).join(' ');
  const pack = `${script}\nexec mkfs.erofs --quiet ${excluded} --exclude-regex='[.]o$' "$FILE" "$PROJECT"`;
  mkdirSync(join(projectRoot, 'build/Release'), { recursive: true });
  // the mounts are nobody else's, and go with the namespace
  run(['unshare', '--mount', 'sh', '-ec', pack, 'sh', ...mounts], packDeadlineMs, {
    FILE: file,
    PROJECT: projectRoot,
  });
  return file;
}

/** @returns what it printed */
function run(
  [program, ...args]: readonly [string, ...string[]],
  timeout: number,
  environment: Readonly<Record<string, string>> = {},
): string {
  const { error, status, signal, stdout } = spawnSync(program, args, {
    encoding: 'utf8',
    env: { ...process.env, ...environment },
    stdio: ['ignore', 'pipe', 'inherit'],
    timeout,
    killSignal: 'SIGKILL',
  });
  if (status === 0) return stdout;
  throw new Error(`${program} ended with ${signal ?? `status ${status}`}`, { cause: error });
}

/**
 * Whether this machine's processor has a part in /dev/kvm. Where it has none, the kernel emulates
 * the first steps of a machine, and fails at instructions that it does not know.
 */
function hasVirtualizationOfProcessor(arch: MachineArch): boolean {
  return (
    arch !== 'x64' || /^flags\b.*\b(?:vmx|svm)\b/mu.test(readFileSync('/proc/cpuinfo', 'utf8'))
  );
}

/**
 * Whether the processor may run it. There are machines that have /dev/kvm and fail as soon as a
 * processor is set up, which qemu does before it listens to its monitor.
 */
function startsWithKvm({ qemu, options }: MachineKind): boolean {
  const machine = options['machine'] ?? 'pc';
  const args = ['-machine', machine, '-accel', 'kvm', '-cpu', 'max', '-S', '-nodefaults'];
  const { status } = spawnSync(qemu, [...args, '-display', 'none', '-monitor', 'stdio'], {
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

function machineOptions(
  { arch, image }: Machine,
  { project, answer }: { readonly project: string; readonly answer: string },
  tests: readonly string[],
): readonly string[] {
  const kind = kinds[arch];
  const isKvm = arch === process.arch && hasVirtualizationOfProcessor(arch) && startsWithKvm(kind);
  const acceleration = isKvm ? 'kvm' : 'tcg,thread=multi';
  console.log(`starting a machine of ${arch} with ${acceleration}`);
  const [printed, line] = kind.lines;
  const words = [`PROJECT=${projectRoot}`, `TESTS=${tests.join(' ')}`, `ANSWER=${line}`];
  const single = {
    ...kind.options,
    ...(isKvm ? { cpu: 'max' } : {}),
    accel: acceleration,
    smp: '2',
    m: '2G',
    display: 'none',
    kernel: join(image, 'vmlinuz'),
    append: `console=${printed} ${kernelOptions} ${words.map((word) => `"${word}"`).join(' ')}`,
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
 * Starts the machine, which runs tests, and shows what it prints.
 * @param tests their files, as vitest takes them
 * @returns the code that they ended with
 */
export async function runMachine(
  folder: TemporaryFolder,
  machine: Machine,
  tests: readonly string[],
): Promise<number> {
  const answer = folder.at(`answer-${machine.arch}`);
  const project = packProject(folder, machine);
  const options = machineOptions(machine, { project, answer }, tests);
  // it must not outlive us, however we end
  const command = ['--pdeathsig', 'KILL', kinds[machine.arch].qemu, ...options];
  const running = spawn('setpriv', command, {
    stdio: ['ignore', 'inherit', 'inherit'],
    timeout: lifeMs,
    killSignal: 'SIGKILL',
  });
  const [status, signal]: unknown[] = await once(running, 'exit');
  const code = existsSync(answer) ? readFileSync(answer, 'utf8').trim() : '';
  if (/^\d+$/u.test(code)) return Number(code);
  const end = typeof signal === 'string' ? signal : `status ${String(status)}`;
  throw new Error(`the machine ended with ${end}, and its tests did not`);
}
