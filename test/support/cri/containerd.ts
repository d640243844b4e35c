// SPDX-License-Identifier: Apache-2.0
// containerd for one test file, in namespaces, folders and a cgroup of its own, so that nothing of it
// stays and no other disturbs it. Runtimes' pids are the machine's, as on a node of Kubernetes.
import { randomUUID } from 'node:crypto';
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';

import { runCommand, RunningCommand } from '../command.ts';
import { until } from '../polling.ts';
import { TemporaryFolder } from '../temporary-folder.ts';
import { CriClient, messageIn } from './client.ts';
import type { ImageOptions } from './image.ts';
import { makeBusyboxRootfs, makeImage, makePauseRootfs } from './image.ts';
import { Pod } from './pod.ts';
import type { PodOptions } from './pod.ts';

const pauseImage = 'localhost/pause:test';
/** One with a shell. */
export const busyboxImage = 'localhost/busybox:test';

/** Whoever kills what we have started, or all of its group, does not kill what cleans up. */
const apart = [
  'sh',
  '-c',
  'exec 3<&0; setsid "$@" <&3 3<&- & wait',
  'sh',
  'unshare',
  '-m',
  '-n',
] as const;

/** For all that a test file does with it. */
const lifeMs = 600_000;

function config(folder: string): string {
  const cri = 'plugins."io.containerd.grpc.v1.cri"';
  const runtime = (name: string): string => `
[${cri}.containerd.runtimes.${name}]
  runtime_type = "io.containerd.runc.v2"
  pod_annotations = ["*"]
  container_annotations = ["*"]
  [${cri}.containerd.runtimes.${name}.options]
    BinaryName = "${name}"
`;
  return `
version = 2
root = "${folder}/kept"
state = "${folder}/state"
[grpc]
  address = "${folder}/containerd.sock"
[plugins."io.containerd.internal.v1.opt"]
  path = "${folder}/opt"
[${cri}]
  sandbox_image = "${pauseImage}"
  # root need not have CAP_SYS_RESOURCE
  restrict_oom_score_adj = true
[${cri}.cni]
  bin_dir = "/usr/lib/cni"
  conf_dir = "${folder}/networks"
${runtime('runc')}${runtime('crun')}`;
}

/** Pods reach each other and nothing else. */
function network(folder: string): object {
  const ranges = [[{ subnet: '10.123.0.0/16' }]];
  const ipam = { type: 'host-local', ranges, dataDir: join(folder, 'addresses') };
  return { cniVersion: '0.4.0', name: 'test', plugins: [{ type: 'ptp', ipMasq: false, ipam }] };
}

export class Containerd implements AsyncDisposable {
  readonly #folder: TemporaryFolder;
  readonly #cgroup: string;
  readonly #running: RunningCommand;
  readonly #client: CriClient;

  private constructor(folder: TemporaryFolder) {
    this.#folder = folder;
    this.#cgroup = `seccompagent-test-${randomUUID()}`;
    const script = join(import.meta.dirname, 'containerd.sh');
    this.#running = new RunningCommand([...apart, 'sh', script, folder.path, this.#cgroup], {
      deadlineMs: lifeMs,
    });
    this.#client = new CriClient(folder.at('containerd.sock'));
  }

  /** Resolves once it can make pods, with busybox's image. */
  static async start(): Promise<Containerd> {
    const folder = new TemporaryFolder();
    writeFileSync(folder.at('config.toml'), config(folder.path));
    mkdirSync(folder.at('networks'));
    writeFileSync(folder.at('networks/test.conflist'), JSON.stringify(network(folder.path)));
    const containerd = new Containerd(folder);
    try {
      await containerd.#untilReady();
      await containerd.addImage(pauseImage, makePauseRootfs, ['/pause']);
      await containerd.addImage(busyboxImage, makeBusyboxRootfs);
      return containerd;
    } catch (thrown) {
      const { log } = containerd;
      await containerd[Symbol.asyncDispose]();
      throw new Error(`containerd's log: ${log}`, { cause: thrown });
    }
  }

  /** Log of containerd. */
  get log(): string {
    return readFileSync(this.#folder.at('containerd.log'), 'utf8');
  }

  /** A path for what tests put beside it, as agent sockets and profiles. */
  at(name: string): string {
    return this.#folder.at(name);
  }

  /** @param makeRootfs makes the folder that it is given */
  async addImage(
    name: string,
    makeRootfs: (path: string) => void,
    command?: readonly string[],
  ): Promise<void> {
    using folder = new TemporaryFolder();
    const rootfs = folder.at('rootfs');
    makeRootfs(rootfs);
    await this.addImageOf({ name, rootfs, ...(command === undefined ? {} : { command }) });
  }

  async addImageOf(options: ImageOptions): Promise<void> {
    const { name } = options;
    using folder = new TemporaryFolder();
    const archive = await makeImage(folder.at('image'), options);
    const address = `--address=${this.at('containerd.sock')}`;
    const importing = ['ctr', address, '--namespace=k8s.io', 'images', 'import', archive] as const;
    const { code, stderr } = await runCommand(importing);
    if (code !== 0) throw new Error(`cannot import ${name}: ${stderr}`);
    // the part that knows pods hears of images later
    await until(`the image ${name}`, async () => {
      const { image } = await this.#client.call('ImageStatus', { image: { image: name } });
      return image ?? undefined;
    });
  }

  async runPod(options: PodOptions): Promise<Pod> {
    return Pod.run(this.#client, { cgroup: this.#cgroup, logs: this.at('logs') }, options);
  }

  async #untilReady(): Promise<void> {
    await until('containerd', async () => {
      if (this.#running.hasEnded) throw new Error(`it has ended: ${this.#running.stderr}`);
      const status = await this.#client.call('Status', {}).catch(() => undefined);
      if (status === undefined) return undefined;
      const { conditions } = messageIn(status, 'status');
      return JSON.stringify(conditions).includes('"status":false') ? undefined : true;
    });
  }

  /** Also ends all pods. */
  async [Symbol.asyncDispose](): Promise<void> {
    this.#client[Symbol.dispose]();
    this.#running.endInput();
    const { stderr } = await this.#running.ended;
    this.#folder[Symbol.dispose]();
    if (stderr !== '') throw new Error(`containerd left something behind: ${stderr}`);
  }
}
