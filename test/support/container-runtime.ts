// SPDX-License-Identifier: Apache-2.0
// Containers of runc and crun: an OCI bundle in a folder, a first process that waits for us.
import { randomUUID } from 'node:crypto';
import { chownSync, existsSync, mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';

import { commandMs, runCommand, RunningCommand } from './command.ts';
import type { CommandResult } from './command.ts';

export type RuntimeName = 'runc' | 'crun';

export interface ContainerOptions {
  readonly runtime: RuntimeName;
  /** For what the runtime keeps; other containers may have it too. */
  readonly folder: string;
  readonly rootfs: string;
  /** The root is an overlay of `rootfs`, in which nothing changes then. */
  readonly isOverlay?: boolean;
  readonly listenerPath: string;
  /** Commands of the first process before it waits: lines for a shell. */
  readonly script: string;
  readonly noNewPrivileges?: boolean;
  readonly uid?: number;
  /** The id that is the container's root outside: with it, the container has a user namespace. */
  readonly rootUidOutside?: number;
  /** Metadata for the agent, in place of the answers of the handlers of demo-basic. */
  readonly trapped?: readonly string[];
  /** Lines of listenerMetadata. */
  readonly metadata?: readonly string[];
  /** A whole seccomp profile, in place of all that; its socket is ours. */
  readonly profile?: object;
  readonly annotations?: Readonly<Record<string, string>>;
  /** Of the filter. */
  readonly flags?: readonly string[];
  /** It has no pid namespace of its own. */
  readonly sharesPids?: boolean;
  /** A process in whose pid namespace it is. */
  readonly pidNamespaceOf?: number;
  readonly apparmorProfile?: string;
  /** Linux capabilities besides the usual ones. */
  readonly capabilities?: readonly string[];
  /** Mounts besides the usual ones, as config.json has them. */
  readonly mounts?: readonly object[];
  /** Hidden paths besides the usual ones. */
  readonly maskedPaths?: readonly string[];
  /** `linux.resources` of config.json. */
  readonly resources?: object;
  /** `linux.devices` of config.json. */
  readonly devices?: readonly object[];
  /** The runtime finds cgroups of version 2 alone, as the agent of the test has to. */
  readonly hasVersion2Alone?: boolean;
}

/** All that the handlers of demo-basic answer. */
const trappedSyscalls = [
  'mkdir',
  'mkdirat',
  'chmod',
  'fchmodat',
  'fchmodat2',
  'mount',
  'fsopen',
] as const;

/** As in the README: no CAP_SYS_ADMIN, and not what passes over the modes of files either. */
const linuxCapabilities = ['CAP_AUDIT_WRITE', 'CAP_KILL', 'CAP_NET_BIND_SERVICE'] as const;

const idsOfUserNamespace = 65_536;

/** Cgroups of version 1 with an additional one of version 2: crun refuses to work there. */
const unifiedBesideVersion1 = '/sys/fs/cgroup/unified';

const withoutUnified = [
  'unshare',
  '-m',
  'sh',
  '-c',
  // crun makes folders where it was
  `umount ${unifiedBesideVersion1} && mount -t tmpfs none ${unifiedBesideVersion1} && exec "$@"`,
  'sh',
] as const;

/** Runs a command where there are cgroups of version 2 alone, without those controllers that version 1 has. */
export const withVersion2Alone = [
  'unshare',
  '-m',
  'sh',
  '-c',
  'umount -R /sys/fs/cgroup && mount -t cgroup2 none /sys/fs/cgroup && exec "$@"',
  'sh',
] as const;

/** Runs a command where an overlay of a folder is mounted over it, and nowhere else. */
const overOverlay = [
  'unshare',
  '-m',
  'sh',
  '-c',
  'mount -t overlay -o "lowerdir=$1,upperdir=$2,workdir=$3" none "$1" && shift 3 && exec "$@"',
  'sh',
] as const;

/** The seccomp profile that sends calls to a socket. */
export function seccompProfile(
  listenerPath: string,
  trapped: readonly string[] = trappedSyscalls,
): object {
  return {
    defaultAction: 'SCMP_ACT_ALLOW',
    architectures: ['SCMP_ARCH_X86_64', 'SCMP_ARCH_X86', 'SCMP_ARCH_X32', 'SCMP_ARCH_AARCH64'],
    listenerPath,
    syscalls: [{ names: trapped, action: 'SCMP_ACT_NOTIFY' }],
  };
}

/** Command of the first process: it prints when it is through, and waits for the end of its stdin. */
export function firstScript(script: string): string {
  return `exec 2>&1\n${script}\necho ready\nread -r line`;
}

function seccompOf({ listenerPath, trapped, metadata, profile, flags }: ContainerOptions): object {
  return {
    ...(profile ?? seccompProfile(listenerPath, trapped)),
    listenerPath,
    ...(metadata === undefined ? {} : { listenerMetadata: metadata.join('\n') }),
    ...(flags === undefined ? {} : { flags }),
  };
}

function namespacesOf(options: ContainerOptions): readonly object[] {
  const { pidNamespaceOf, rootUidOutside } = options;
  const namespaces: object[] = ['network', 'ipc', 'uts', 'mount'].map((type) => ({ type }));
  if (pidNamespaceOf !== undefined) {
    namespaces.push({ type: 'pid', path: `/proc/${pidNamespaceOf}/ns/pid` });
  } else if (options.sharesPids !== true) {
    namespaces.push({ type: 'pid' });
  }
  if (rootUidOutside !== undefined) namespaces.push({ type: 'user' });
  return namespaces;
}

function runtimeConfig(options: ContainerOptions): object {
  const { uid = 0, rootUidOutside, capabilities = [], mounts = [], resources } = options;
  const { apparmorProfile, maskedPaths = [], devices } = options;
  const allCapabilities = [...linuxCapabilities, ...capabilities];
  const hasUserNamespace = rootUidOutside !== undefined;
  const mapping = [{ containerID: 0, hostID: rootUidOutside, size: idsOfUserNamespace }];
  return {
    ociVersion: '1.0.2',
    process: {
      terminal: false,
      user: { uid, gid: uid },
      args: ['sh', '-c', firstScript(options.script)],
      env: ['PATH=/bin'],
      cwd: '/',
      capabilities: {
        bounding: allCapabilities,
        effective: allCapabilities,
        permitted: allCapabilities,
      },
      noNewPrivileges: options.noNewPrivileges ?? true,
      ...(apparmorProfile === undefined ? {} : { apparmorProfile }),
    },
    root: { path: options.rootfs, readonly: false },
    hostname: 'container',
    annotations: options.annotations ?? {},
    mounts: [
      { destination: '/proc', type: 'proc', source: 'proc' },
      {
        destination: '/dev',
        type: 'tmpfs',
        source: 'tmpfs',
        options: ['nosuid', 'strictatime', 'mode=755', 'size=65536k'],
      },
      ...mounts,
    ],
    linux: {
      ...(hasUserNamespace ? { uidMappings: mapping, gidMappings: mapping } : {}),
      namespaces: namespacesOf(options),
      maskedPaths: ['/proc/kcore', '/proc/keys', '/proc/timer_list', ...maskedPaths],
      readonlyPaths: ['/proc/bus', '/proc/fs', '/proc/irq', '/proc/sys', '/proc/sysrq-trigger'],
      seccomp: seccompOf(options),
      ...(resources === undefined ? {} : { resources }),
      ...(devices === undefined ? {} : { devices }),
    },
  };
}

/** A running container. */
export class Container implements AsyncDisposable {
  readonly #runtime: readonly [string, ...string[]];
  readonly #id: string;
  readonly #running: RunningCommand;

  private constructor(
    runtime: readonly [string, ...string[]],
    id: string,
    running: RunningCommand,
  ) {
    this.#runtime = runtime;
    this.#id = id;
    this.#running = running;
  }

  /** Resolves once the script is through. */
  static async run(options: ContainerOptions): Promise<Container> {
    const id = `seccompagent-test-${randomUUID()}`;
    const ociBundle = join(options.folder, id);
    mkdirSync(ociBundle);
    writeFileSync(join(ociBundle, 'config.json'), JSON.stringify(runtimeConfig(options)));
    const runtime = runtimeCommand(options);
    const run = [...runtime, 'run', '--bundle', ociBundle, id] as const;
    const running = new RunningCommand(
      options.isOverlay === true ? [...overOverlayOf(options, ociBundle), ...run] : run,
    );
    const container = new Container(runtime, id, running);
    try {
      await running.printed(/^ready$/mu);
      return container;
    } catch (thrown) {
      await container[Symbol.asyncDispose]();
      throw thrown;
    }
  }

  /** What the runtime calls it, and its cgroups. */
  get id(): string {
    return this.#id;
  }

  /** Output of the script. */
  get output(): string {
    return this.#running.stdout;
  }

  /** The first process, as the runtime names it. */
  async firstPid(): Promise<number> {
    return Number(await this.#stateOf('pid'));
  }

  /** `paused` while it is frozen. */
  async status(): Promise<string> {
    return this.#stateOf('status');
  }

  /** Freezes it. */
  async pause(): Promise<void> {
    await runCommand([...this.#runtime, 'pause', this.#id]);
  }

  /** Thaws it. */
  async resume(): Promise<void> {
    await runCommand([...this.#runtime, 'resume', this.#id]);
  }

  async #stateOf(key: string): Promise<string> {
    const { stdout } = await runCommand([...this.#runtime, 'state', this.#id]);
    const state: unknown = JSON.parse(stdout);
    if (typeof state === 'object' && state !== null) {
      const found = new Map<string, unknown>(Object.entries(state)).get(key);
      if (typeof found === 'string' || typeof found === 'number') return `${found}`;
    }
    throw new Error(`no ${key} in ${stdout}`);
  }

  /** Runs lines for a shell in a further process. */
  async exec(script: string): Promise<CommandResult> {
    return runCommand([...this.#runtime, 'exec', this.#id, 'sh', '-c', `exec 2>&1\n${script}`]);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await runCommand([...this.#runtime, 'delete', '--force', this.#id]);
    await this.#running[Symbol.asyncDispose]();
  }
}

/** The root of the overlay belongs to the container's root. */
function overOverlayOf(
  { rootfs, rootUidOutside = 0 }: ContainerOptions,
  folder: string,
): readonly [string, ...string[]] {
  const layers = [join(folder, 'upper'), join(folder, 'work')];
  for (const layer of layers) {
    mkdirSync(layer);
    chownSync(layer, rootUidOutside, rootUidOutside);
  }
  return [...overOverlay, rootfs, ...layers];
}

/** The runtime with a deadline, and with its own place for what it keeps of containers. */
function runtimeCommand(options: ContainerOptions): readonly [string, ...string[]] {
  const { runtime, folder } = options;
  const isWrapped = runtime === 'crun' && existsSync(unifiedBesideVersion1);
  const besideVersion1 = isWrapped ? withoutUnified : [];
  const wrapper = options.hasVersion2Alone === true ? withVersion2Alone : besideVersion1;
  const deadline = ['timeout', '--signal', 'KILL', String(commandMs / 1000)] as const;
  return [...deadline, ...wrapper, runtime, '--root', join(folder, `state-of-${runtime}`)];
}
