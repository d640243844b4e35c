// SPDX-License-Identifier: Apache-2.0
// Runs the pod of deploy/kubernetes as a kubelet would: rights, mounts, profiles and arguments are
// those that the manifest has. Only folders of the node are those of the test.
import { chmodSync, mkdirSync, readFileSync, symlinkSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';

import type { CommandResult, RunningCommand } from './command.ts';
import type { ImageStore } from './image-store.ts';
import { at, listAt, manifestOfKind, numberAt, textAt, textsAt } from './manifests.ts';
import type { Json, JsonObject } from './manifests.ts';

const containerName = 'agent';
const everybody = 0o777;
const volumesOfRoot = ['profiles', 'socket', 'containerd-bundles', 'crio-bundles', 'config'];

/** We stand for the node's first process, which machines in machines let nobody look at. */
function ofNode(argument: string): string {
  return argument.replace('/proc/1/', `/proc/${process.pid}/`);
}

export interface DaemonSetPodOptions {
  readonly store: ImageStore;
  readonly image: string;
  /** For what is the node's, and for volumes. */
  readonly folder: string;
  /** Of podman, in front of the image. */
  readonly imageOptions?: readonly string[];
  /** config.yaml in place of that of the manifest. */
  readonly config?: string;
}

export class DaemonSetPod implements AsyncDisposable {
  readonly #options: DaemonSetPodOptions;
  readonly #pod: Json = at(manifestOfKind('DaemonSet').object, 'spec', 'template', 'spec');
  readonly #pidFile: string;
  #agent: RunningCommand | undefined;

  private constructor(options: DaemonSetPodOptions) {
    this.#options = options;
    this.#pidFile = join(options.folder, 'pid');
  }

  /** Resolves once runtimes can connect. */
  static async start(options: DaemonSetPodOptions): Promise<DaemonSetPod> {
    const pod = new DaemonSetPod(options);
    pod.#makeConfig();
    for (const container of listAt(pod.#pod, 'initContainers')) await pod.#initialize(container);
    pod.#agent = pod.#start();
    try {
      await pod.#agent.printed(/\bagent-listening\b/u);
      return pod;
    } catch (thrown) {
      await pod[Symbol.asyncDispose]();
      throw thrown;
    }
  }

  get log(): string {
    return `${this.#agent?.stdout ?? ''}${this.#agent?.stderr ?? ''}`;
  }

  /** The agent's process, as the node names it. */
  get pid(): number {
    return Number(readFileSync(this.#pidFile, 'utf8'));
  }

  /** On the node. */
  get socket(): string {
    return join(this.folderOf('socket'), 'agent.socket');
  }

  /** Where OCI bundles have to be: both sides see them at the same path. */
  get ociBundles(): string {
    return this.folderOf('containerd-bundles');
  }

  /** Where the kubelet looks for a profile. */
  profile(localhostProfile: string): string {
    return join(this.folderOf('profiles'), localhostProfile);
  }

  /** A volume, as a folder of the test. */
  folderOf(volume: string): string {
    const path = join(this.#options.folder, volume);
    mkdirSync(path, { recursive: true });
    // as those of emptyDir are
    if (!volumesOfRoot.includes(volume)) chmodSync(path, everybody);
    return path;
  }

  /** As a kubelet writes them: the file is a link to a link. */
  #makeConfig(): void {
    const folder = this.folderOf('config');
    mkdirSync(join(folder, '..now'));
    symlinkSync('..now', join(folder, '..data'));
    const text =
      this.#options.config ?? textAt(manifestOfKind('ConfigMap').object, 'data', 'config.yaml');
    writeFileSync(join(folder, '..now/config.yaml'), text);
    symlinkSync('..data/config.yaml', join(folder, 'config.yaml'));
  }

  async #initialize(container: JsonObject): Promise<void> {
    const { store, image } = this.#options;
    const { code, stdout, stderr } = await store.run(image, this.#runOf(container));
    if (code !== 0) throw new Error(`an init container has failed: ${stdout}${stderr}`);
  }

  #start(): RunningCommand {
    const [container = {}] = listAt(this.#pod, 'containers');
    const { options, args } = this.#runOf(container);
    const named = [`--name=${containerName}`, '--pidfile', this.#pidFile, ...options];
    return this.#options.store.start(this.#options.image, { options: named, args });
  }

  #runOf(container: JsonObject): {
    readonly options: readonly string[];
    readonly args: readonly string[];
  } {
    const [entry = '', ...rest] = textsAt(container, 'command');
    return {
      options: [
        ...this.#rightsOf(at(container, 'securityContext')),
        ...listAt(container, 'volumeMounts').flatMap((mount) => ['--volume', this.#mount(mount)]),
        '--env=NODE_NAME=node-1',
        `--entrypoint=${entry}`,
        ...(this.#options.imageOptions ?? []),
        `--memory=${textAt(container, 'resources', 'limits', 'memory').replace('i', '')}`,
      ],
      args: [...rest.map(ofNode), ...textsAt(container, 'args')],
    };
  }

  #rightsOf(context: Json): readonly string[] {
    const profile = at(context, 'seccompProfile', 'localhostProfile');
    const ids = `${numberAt(context, 'runAsUser')}:${numberAt(context, 'runAsGroup')}`;
    return [
      `--user=${ids}`,
      '--cgroupns=private',
      ...(at(this.#pod, 'hostPID') === true ? ['--pid=host'] : []),
      ...(at(context, 'readOnlyRootFilesystem') === true
        ? ['--read-only', '--read-only-tmpfs=false']
        : []),
      ...(at(context, 'allowPrivilegeEscalation') === false
        ? ['--security-opt', 'no-new-privileges']
        : []),
      ...(typeof profile === 'string'
        ? ['--security-opt', `seccomp=${this.profile(profile)}`]
        : []),
      ...textsAt(context, 'capabilities', 'drop').map((name) => `--cap-drop=${name}`),
      ...textsAt(context, 'capabilities', 'add').map((name) => `--cap-add=${name}`),
    ];
  }

  #mount(mount: JsonObject): string {
    const name = textAt(mount, 'name');
    const path = textAt(mount, 'mountPath');
    const isOfNode = name === 'cgroups';
    const source = isOfNode ? path : this.folderOf(name);
    const target = name === 'containerd-bundles' ? source : path;
    const flags = [
      at(mount, 'readOnly') === true ? 'ro' : 'rw',
      at(mount, 'mountPropagation') === 'HostToContainer' ? 'rslave' : 'rprivate',
    ];
    return `${source}:${target}:${flags.join(',')}`;
  }

  /** Runs a command beside the agent, as `kubectl exec` does. */
  async exec(...command: readonly string[]): Promise<CommandResult> {
    if (this.#agent === undefined) throw new Error('the agent has not started');
    const environment = ['env', 'KUBERNETES_SERVICE_HOST=10.96.0.1'] as const;
    return this.#options.store.exec(this.#agent, containerName, [...environment, ...command]);
  }

  /** Ends it as a kubelet does. */
  async stop(): Promise<number | null> {
    this.#agent?.kill('SIGTERM');
    return (await this.#agent?.ended)?.code ?? null;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.stop();
  }
}
