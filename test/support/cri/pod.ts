// SPDX-License-Identifier: Apache-2.0
// Pods and their containers, made as a kubelet makes them.
import { randomUUID } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';

import type { CommandResult } from '../command.ts';
import type { RuntimeName } from '../container-runtime.ts';
import { until } from '../polling.ts';
import { messageIn, textIn } from './client.ts';
import type { CriClient, Message } from './client.ts';

export interface PodOptions {
  readonly name: string;
  readonly namespace?: string;
  /** Absent: one of its own. */
  readonly uid?: string;
  readonly runtime: RuntimeName;
  /** The file of the seccomp profile that the sandbox has. */
  readonly profile?: string;
  readonly annotations?: Readonly<Record<string, string>>;
  /** The id that is the pods' root outside: with it, the pod has `hostUsers: false`. */
  readonly rootUidOutside?: number;
  readonly hostNetwork?: boolean;
}

export interface PodContainerOptions {
  readonly name: string;
  /** Which one of this name it is; absent: the first. */
  readonly attempt?: number;
  readonly image: string;
  readonly command: readonly string[];
  /** The file of the seccomp profile. */
  readonly profile?: string;
  /** Linux capabilities besides the usual ones, as pods name them: without `CAP_`. */
  readonly capabilities?: readonly string[];
  readonly uid?: number;
  readonly gid?: number;
  /** Besides `gid`. */
  readonly groups?: readonly number[];
  readonly environment?: Readonly<Record<string, string>>;
  /** Folders of the machine, by their paths in the container. */
  readonly volumes?: Readonly<Record<string, string>>;
}

/** Common parts of all pods of a containerd. */
export interface PodPlace {
  readonly cgroup: string;
  readonly logs: string;
}

export type ExecResult = Pick<CommandResult, 'code' | 'stdout' | 'stderr'>;

const idsOfUserNamespace = 65_536;

/** As kubelets send them, of the default `procMount`. */
const maskedPaths = ['/proc/asound', '/proc/acpi', '/proc/kcore', '/proc/keys'].concat(
  ['/proc/latency_stats', '/proc/timer_list', '/proc/timer_stats', '/proc/sched_debug'],
  ['/proc/scsi', '/sys/firmware'],
);
const readonlyPaths = ['bus', 'fs', 'irq', 'sys', 'sysrq-trigger'].map((name) => `/proc/${name}`);

function seccomp(profile: string | undefined): Message {
  return profile === undefined
    ? { profile_type: 'Unconfined' }
    : { profile_type: 'Localhost', localhost_ref: profile };
}

function namespaces({ rootUidOutside, hostNetwork }: PodOptions): Message {
  const ids = [{ host_id: rootUidOutside, container_id: 0, length: idsOfUserNamespace }];
  return {
    network: hostNetwork === true ? 'NODE' : 'POD',
    pid: 'CONTAINER',
    ipc: 'POD',
    ...(rootUidOutside === undefined
      ? {}
      : { userns_options: { mode: 'POD', uids: ids, gids: ids } }),
  };
}

export class Pod implements AsyncDisposable {
  readonly #client: CriClient;
  readonly #options: PodOptions;
  readonly #config: Message;
  /** Of the sandbox, as the runtime names it. */
  readonly id: string;

  private constructor(client: CriClient, options: PodOptions, made: PodMade) {
    this.#client = client;
    this.#options = options;
    this.#config = made.config;
    this.id = made.id;
  }

  static async run(client: CriClient, place: PodPlace, options: PodOptions): Promise<Pod> {
    const { name, namespace = 'default', annotations = {}, runtime, uid = randomUUID() } = options;
    const config = {
      metadata: { name, namespace, uid, attempt: 0 },
      ...(options.hostNetwork === true ? {} : { hostname: name }),
      log_directory: join(place.logs, uid),
      annotations,
      linux: {
        cgroup_parent: `/${place.cgroup}/pod${uid}`,
        security_context: {
          namespace_options: namespaces(options),
          seccomp: seccomp(options.profile),
        },
      },
    };
    const made = await client.call('RunPodSandbox', { config, runtime_handler: runtime });
    return new Pod(client, options, { config, id: textIn(made, 'pod_sandbox_id') });
  }

  /** Resolves once its first process runs. */
  async start(options: PodContainerOptions): Promise<PodContainer> {
    const { name, image, command, capabilities = [], uid = 0, volumes = {} } = options;
    const { gid, groups = [], environment = {} } = options;
    const mounts = Object.entries(volumes).map(([inside, outside]) => ({
      container_path: inside,
      host_path: outside,
      readonly: true,
    }));
    const config = {
      metadata: { name, attempt: options.attempt ?? 0 },
      image: { image },
      command,
      mounts,
      envs: Object.entries(environment).map(([key, value]) => ({ key, value })),
      log_path: `${name}.log`,
      linux: {
        resources: {},
        security_context: {
          namespace_options: namespaces(this.#options),
          seccomp: seccomp(options.profile),
          capabilities: { add_capabilities: capabilities },
          run_as_user: { value: uid },
          ...(gid === undefined ? {} : { run_as_group: { value: gid } }),
          supplemental_groups: groups,
          masked_paths: maskedPaths,
          readonly_paths: readonlyPaths,
        },
      },
    };
    const made = await this.#client.call('CreateContainer', {
      pod_sandbox_id: this.id,
      sandbox_config: this.#config,
      config,
    });
    const id = textIn(made, 'container_id');
    await this.#client.call('StartContainer', { container_id: id });
    const log = join(textIn(this.#config, 'log_directory'), `${name}.log`);
    return new PodContainer(this.#client, { id, log });
  }

  /** Ends all its processes. */
  async stop(): Promise<void> {
    await this.#client.call('StopPodSandbox', { pod_sandbox_id: this.id });
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.stop();
    await this.#client.call('RemovePodSandbox', { pod_sandbox_id: this.id });
  }
}

interface PodMade {
  readonly config: Message;
  readonly id: string;
}

interface ContainerMade {
  readonly id: string;
  readonly log: string;
}

export class PodContainer {
  readonly #client: CriClient;
  readonly #log: string;
  /** As the runtime names it: what Kubernetes shows behind `containerd://`. */
  readonly id: string;

  constructor(client: CriClient, { id, log }: ContainerMade) {
    this.#client = client;
    this.#log = log;
    this.id = id;
  }

  /** Output of its first process so far, as `kubectl logs` shows it. */
  printed(): string {
    // TIME STREAM F|P TEXT, where P is a part of a line
    const lines = readFileSync(this.#log, 'utf8').matchAll(/^\S+ \S+ (?<tag>[FP]) (?<text>.*)$/gmu);
    return [...lines]
      .map(({ groups }) => `${groups?.['text'] ?? ''}${groups?.['tag'] === 'F' ? '\n' : ''}`)
      .join('');
  }

  /** Runs a program in it, as `kubectl exec` does. */
  async exec(...cmd: readonly [string, ...string[]]): Promise<ExecResult> {
    const request = { container_id: this.id, cmd, timeout: 60 };
    const response = await this.#client.call('ExecSync', request);
    const output = (field: string): string => bytesIn(response, field).toString();
    const code = Number(response['exit_code']);
    return { code, stdout: output('stdout'), stderr: output('stderr') };
  }

  /** Runs lines for a shell, with errors among the output. */
  async shell(script: string): Promise<string> {
    return (await this.exec('sh', '-c', `exec 2>&1\n${script}`)).stdout;
  }

  /** As the runtime knows it, for example `CONTAINER_RUNNING`. */
  async state(): Promise<string> {
    return textIn(messageIn(await this.#status(), 'status'), 'state');
  }

  /** Resolves with the exit code of the first process once it has ended. */
  async exitCode(): Promise<number> {
    return until(`the end of ${this.id}`, async () => {
      const status = messageIn(await this.#status(), 'status');
      return status['state'] === 'CONTAINER_EXITED' ? Number(status['exit_code']) : undefined;
    });
  }

  /** The first process, as the machine numbers it. */
  async firstPid(): Promise<number> {
    const info = messageIn(await this.#status(), 'info');
    const { pid }: { readonly pid: number } = JSON.parse(textIn(info, 'info'));
    return pid;
  }

  async #status(): Promise<Message> {
    return this.#client.call('ContainerStatus', { container_id: this.id, verbose: true });
  }
}

function bytesIn(message: Message, field: string): Buffer {
  const value = message[field];
  if (Buffer.isBuffer(value)) return value;
  throw new Error(`${field} has no bytes`);
}
