// SPDX-License-Identifier: Apache-2.0
// Builds the image of deploy/Dockerfile and runs containers of it, without any registry for images:
// what it builds on is made of Debian's packages and kept. Packages of npm come from where npm gets them.
import { spawnSync } from 'node:child_process';
import { randomUUID } from 'node:crypto';
import { join } from 'node:path';

import { projectRoot, runCommand, RunningCommand } from './command.ts';
import type { CommandResult } from './command.ts';
import { TemporaryFolder } from './temporary-folder.ts';

export const buildMs: number = 20 * 60_000;
const runMs = 120_000;

/** What podman and buildah mount and lock goes with the command. */
const privately = 'mount -t tmpfs none /run && mount -t tmpfs none /dev/shm && exec "$@"';
const buildOptions = [
  '--isolation=chroot',
  '--network=host',
  '--pull=never',
  '--layers=false',
  '--timestamp=0',
  // root of some machines may not raise them
  '--ulimit=nofile=1024:1024',
  '--ulimit=nproc=4096:4096',
] as const;
const runOptions = ['--rm', '--pull=never', '--network=none', '--log-driver=none'] as const;
const podmanOptions = ['--runtime=runc', '--events-backend=none', '--cgroup-manager=cgroupfs'];

/** @throws Error when there is none */
function npmSetting(name: string): string {
  const { stdout, status } = spawnSync('npm', ['config', 'get', name], { encoding: 'utf8' });
  if (status !== 0) throw new Error(`npm has no setting ${name}`);
  return stdout.trim();
}

async function succeed(
  command: readonly [string, ...string[]],
  deadlineMs: number,
): Promise<string> {
  const { code, stdout, stderr } = await runCommand(command, {
    deadlineMs,
    environment: { PODMAN_IGNORE_CGROUPSV1_WARNING: '1' },
  });
  if (code === 0) return stdout;
  throw new Error(`${command.join(' ')} has ended with ${code}: ${stdout}${stderr}`);
}

export interface ImageRun {
  /** What stands before the image: rights, mounts. */
  readonly options?: readonly string[];
  readonly args?: readonly string[];
}

/** Images of one test, in the storage that has what they build on. */
export class ImageStore implements AsyncDisposable {
  readonly #storage: string;
  readonly #folder: TemporaryFolder = new TemporaryFolder();
  readonly #images: string[] = [];

  private constructor(storage: string) {
    this.#storage = storage;
  }

  static async open(): Promise<ImageStore> {
    const script = join(import.meta.dirname, 'image-bases.sh');
    return new ImageStore((await succeed(['sh', script], buildMs)).trim());
  }

  /** @returns its name */
  async build(context: string = projectRoot): Promise<string> {
    const image = `localhost/seccompagent:${randomUUID()}`;
    const bases = ['BUILD_IMAGE=localhost/build:test', 'BASE_IMAGE=localhost/base:test'];
    const settings = [...bases, `NPM_CONFIG_REGISTRY=${npmSetting('registry')}`];
    await succeed(
      [
        ...this.#command('buildah', ['-m']),
        'build',
        ...buildOptions,
        ...settings.map((setting) => `--build-arg=${setting}`),
        `--volume=${npmSetting('cache')}:/root/.npm`,
        `--file=${join(context, 'deploy/Dockerfile')}`,
        `--tag=${image}`,
        context,
      ],
      buildMs,
    );
    this.#images.push(image);
    return image;
  }

  /** The digests of its layers, before they are compressed. */
  async layersOf(image: string): Promise<readonly string[]> {
    const format = '{{json .OCIv1.RootFS.DiffIDs}}';
    const buildah = this.#command('buildah', ['-m']);
    const text = await succeed([...buildah, 'inspect', '--format', format, image], runMs);
    const layers: unknown = JSON.parse(text);
    if (Array.isArray(layers)) return layers.map(String);
    throw new Error(`${image} has no layers, but ${text}`);
  }

  /** Runs one container to its end. */
  async run(image: string, run: ImageRun): Promise<CommandResult> {
    return runCommand(this.#runCommand(image, run), { deadlineMs: runMs });
  }

  /** Starts one that goes on; whoever started it ends it by a signal. */
  start(image: string, run: ImageRun): RunningCommand {
    return new RunningCommand(this.#runCommand(image, run), { deadlineMs: runMs });
  }

  #runCommand(
    image: string,
    { options = [], args = [] }: ImageRun,
  ): readonly [string, ...string[]] {
    return [
      ...this.#command('podman', ['-m', '-n']),
      'run',
      ...runOptions,
      ...options,
      image,
      ...args,
    ];
  }

  #command(
    program: 'buildah' | 'podman',
    namespaces: readonly string[],
  ): readonly [string, ...string[]] {
    const own = [`--root=${this.#storage}`, `--runroot=${this.#folder.at('run')}`];
    const places = [...own, '--storage-driver=overlay'];
    const podman = [`--tmpdir=${this.#folder.at('podman')}`, ...podmanOptions];
    const options = program === 'podman' ? [...places, ...podman] : places;
    return ['unshare', ...namespaces, 'sh', '-c', privately, 'sh', program, ...options];
  }

  async [Symbol.asyncDispose](): Promise<void> {
    for (const image of this.#images) {
      await succeed([...this.#command('buildah', ['-m']), 'rmi', '--force', image], runMs);
    }
    this.#folder[Symbol.dispose]();
  }
}
