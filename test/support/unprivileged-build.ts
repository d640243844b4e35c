// SPDX-License-Identifier: Apache-2.0
// Runs deploy/examples/unprivileged-build, and reads what it shows.
import { join } from 'node:path';

import { projectRoot, runCommand, RunningCommand } from './command.ts';
import type { RuntimeName } from './container-runtime.ts';

export const exampleFolder: string = join(projectRoot, 'deploy/examples/unprivileged-build');

export interface ExampleRun {
  /** Options of buildah for the RUN step. */
  readonly runtime?: RuntimeName;
  /** The agent socket; absent: the container has no seccomp profile. */
  readonly socket?: string;
  /** For what the script keeps while it runs. */
  readonly temporaryFolder?: string;
  /** Command of the container in place of the build. */
  readonly command?: readonly string[];
}

export interface ExampleResult {
  readonly code: number | null;
  /** Of both its streams, as a terminal shows it. */
  readonly output: string;
  /** Output of show.sh: in the container, then in the RUN step. */
  readonly shown: readonly Shown[];
}

/** Expected output of show.sh about its place. */
export interface Shown {
  readonly pid: number;
  readonly processes: readonly number[];
  readonly user: number;
  readonly effectiveCapabilities: bigint;
  readonly boundingCapabilities: bigint;
  readonly hidden: readonly string[];
  readonly shown: readonly string[];
  readonly readOnly: readonly string[];
  readonly writable: readonly string[];
}

/** More than the script's own deadline, after which it removes its container. */
const runDeadlineMs = 90_000;
const rootfsDeadlineMs = 280_000;

const shownPattern = new RegExp(
  [
    '^  process (?<pid>\\d+) of these: (?<processes>.*)',
    '  user (?<user>\\d+), Linux capabilities (?<effective>\\w+) of (?<bounding>\\w+)',
    '  hidden:(?<hidden>.*)',
    '  shown:(?<shown>.*)',
    '  read-only:(?<readOnly>.*)',
    '  writable:(?<writable>.*)$',
  ].join('\\n'),
  'gmu',
);

function words(text: string | undefined): readonly string[] {
  return (text ?? '').split(' ').filter((word) => word !== '');
}

function shownIn(output: string): readonly Shown[] {
  return [...output.matchAll(shownPattern)].map(({ groups = {} }) => ({
    pid: Number(groups['pid']),
    processes: words(groups['processes']).map(Number),
    user: Number(groups['user']),
    effectiveCapabilities: BigInt(`0x${groups['effective']}`),
    boundingCapabilities: BigInt(`0x${groups['bounding']}`),
    hidden: words(groups['hidden']),
    shown: words(groups['shown']),
    readOnly: words(groups['readOnly']),
    writable: words(groups['writable']),
  }));
}

/** Makes the root file system of the container unless there is one. @returns what was printed */
export async function makeExampleRootfs(): Promise<{
  readonly path: string;
  readonly progress: string;
}> {
  const { code, stdout, stderr } = await runCommand(['sh', join(exampleFolder, 'rootfs.sh')], {
    deadlineMs: rootfsDeadlineMs,
  });
  if (code !== 0) throw new Error(`cannot make the root file system: ${stderr}`);
  return { path: stdout.trim(), progress: stderr };
}

/** Starts it; its output is all on stdout. */
export function startExample(run: ExampleRun): RunningCommand {
  const { runtime, socket, temporaryFolder, command = [] } = run;
  const options = [
    ...(runtime === undefined ? [] : ['--runtime', runtime]),
    ...(socket === undefined ? ['--without-agent'] : ['--socket', socket]),
  ];
  const script = join(exampleFolder, 'run.sh');
  return new RunningCommand(
    ['sh', '-c', 'exec sh "$@" 2>&1', 'sh', script, ...options, ...command],
    {
      deadlineMs: runDeadlineMs,
      environment: temporaryFolder === undefined ? {} : { TMPDIR: temporaryFolder },
    },
  );
}

export async function runExample(run: ExampleRun): Promise<ExampleResult> {
  const running = startExample(run);
  running.endInput();
  const { code, stdout } = await running.ended;
  return { code, output: stdout, shown: shownIn(stdout) };
}
