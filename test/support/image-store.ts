// SPDX-License-Identifier: Apache-2.0
// Builds the image of deploy/Dockerfile and runs containers of it, without any registry for images:
// what it builds on is made of Debian's packages and kept. Packages of npm come from where npm gets them.
import { spawnSync } from 'node:child_process';
import { randomUUID } from 'node:crypto';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';

import { projectRoot, runCommand, RunningCommand } from './command.ts';
import type { CommandResult } from './command.ts';
import { manifestsIn, textsAt } from './manifests.ts';
import { removeCgroups } from './podman.ts';
import { TemporaryFolder } from './temporary-folder.ts';

export const buildMs: number = 20 * 60_000;
const runMs = 120_000;

/** Mounts and locks of podman and buildah end with the command. */
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

const environment = { PODMAN_IGNORE_CGROUPSV1_WARNING: '1' } as const;

async function succeed(
  command: readonly [string, ...string[]],
  deadlineMs: number,
): Promise<string> {
  const { code, stdout, stderr } = await runCommand(command, {
    deadlineMs,
    environment,
  });
  if (code === 0) return stdout;
  throw new Error(`${command.join(' ')} has ended with ${code}: ${stdout}${stderr}`);
}

export interface ImageRun {
  /** Options in front of the image: rights, mounts. */
  readonly options?: readonly string[];
  readonly args?: readonly string[];
}

/** Images of one test, beside a storage that has what they build on, which nothing is written to. */
export class ImageStore implements Disposable {
  readonly #folder: TemporaryFolder = new TemporaryFolder();
  readonly #cgroup = `seccompagent-test-${randomUUID()}`;

  private constructor(stores: readonly string[]) {
    writeFileSync(
      this.#folder.at('storage.conf'),
      `[storage]
driver = "overlay"
graphroot = "${this.#folder.at('storage')}"
runroot = "${this.#folder.at('run')}"
[storage.options]
additionalimagestores = ${JSON.stringify(stores)}
`,
    );
  }

  /** For containers that have a folder in place of an image. */
  static empty(): ImageStore {
    return new ImageStore([]);
  }

  static async open(): Promise<ImageStore> {
    const script = join(import.meta.dirname, 'image-bases.sh');
    return new ImageStore([(await succeed(['sh', script], buildMs)).trim()]);
  }

  /** @returns its name */
  async build(context: string = projectRoot): Promise<string> {
    const image = `localhost/seccompagent:${randomUUID()}`;
    const bases = ['BUILD_IMAGE=localhost/build:test', 'BASE_IMAGE=localhost/base:test'];
    const settings = [...bases, `NPM_CONFIG_REGISTRY=${npmSetting('registry')}`];
    await succeed(
      [
        ...this.#builder(),
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
    return image;
  }

  /** The digests of its layers, before they are compressed. */
  async layersOf(image: string): Promise<readonly string[]> {
    const text = await succeed([...this.#builder(), 'inspect', '--type', 'image', image], runMs);
    const [inspected] = manifestsIn(text);
    const layers = textsAt(inspected?.object ?? null, 'OCIv1', 'rootfs', 'diff_ids');
    if (layers.length > 0) return layers;
    throw new Error(`${image} has no layers, but ${text}`);
  }

  /** Runs one container to its end. */
  async run(image: string, run: ImageRun): Promise<CommandResult> {
    return runCommand(this.#runCommand(image, run), { deadlineMs: runMs, environment });
  }

  /** Starts one that goes on; whoever started it ends it by a signal. */
  start(image: string, run: ImageRun): RunningCommand {
    return new RunningCommand(this.#runCommand(image, run), { deadlineMs: runMs, environment });
  }

  /** Runs a command in one that `start` has started with a name. */
  async exec(
    running: RunningCommand,
    name: string,
    command: readonly string[],
  ): Promise<CommandResult> {
    const inside = ['nsenter', `--target=${running.pid}`, '--mount', '--net'] as const;
    return runCommand(
      ['env', this.#storage, ...inside, ...this.#podman, 'exec', name, ...command],
      { deadlineMs: runMs, environment },
    );
  }

  get #podman(): readonly string[] {
    return ['podman', `--tmpdir=${this.#folder.at('podman')}`, ...podmanOptions];
  }

  #runCommand(
    image: string,
    { options = [], args = [] }: ImageRun,
  ): readonly [string, ...string[]] {
    return [
      ...this.#privately(['--net']),
      ...this.#podman,
      'run',
      ...runOptions,
      `--cgroup-parent=/${this.#cgroup}`,
      ...options,
      image,
      ...args,
    ];
  }

  /** With buildah all ends that it has started. */
  #builder(): readonly [string, ...string[]] {
    return [...this.#privately(['--pid', '--fork', '--kill-child', '--mount-proc']), 'buildah'];
  }

  get #storage(): string {
    return `CONTAINERS_STORAGE_CONF=${this.#folder.at('storage.conf')}`;
  }

  #privately(namespaces: readonly string[]): readonly [string, ...string[]] {
    const own = ['env', this.#storage, 'unshare', '--mount'] as const;
    return [...own, ...namespaces, 'sh', '-c', privately, 'sh'];
  }

  [Symbol.dispose](): void {
    removeCgroups(this.#cgroup);
    this.#folder[Symbol.dispose]();
  }
}
