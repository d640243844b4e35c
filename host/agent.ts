// SPDX-License-Identifier: Apache-2.0
// The agent: builds the parts and joins them; the one file that knows all.
import { AgentSocket } from './agent-socket.ts';
import type { Arrival } from './agent-socket.ts';
import { AgentError, messageOf, systemCodeOf } from './errors.ts';
import { FirstPids } from './first-pids.ts';
import { createLog } from './log.ts';
import type { LogOptions, Logger } from './log.ts';
import { loadNative } from './native.ts';
import type { LaunchHandle, Native, ReceiverHandle, Token } from './native.ts';
import { Pool } from './notification/pool.ts';
import { Syscalls } from './notification/syscalls.ts';
import { encodeRegistry } from './notification/thread-messages.ts';
import { wantsPointers } from './registry/registry.ts';
import type { Registry } from './registry/registry.ts';
import type { ContainerIdentity, Resolver } from './registry/resolver.ts';

export interface AgentOptions {
  readonly resolver: Resolver;
  readonly log: LogOptions;
}

export interface SocketOptions {
  readonly path: string;
  readonly allowedUids: readonly number[];
}

interface Attached {
  readonly containerId: string;
}

export class Agent {
  readonly native: Native;
  readonly log: Logger;
  readonly #options: AgentOptions;
  readonly #receiver: ReceiverHandle;
  readonly #syscalls = new Syscalls();
  readonly #firstPids = new FirstPids();
  readonly #attached: Map<number, Attached> = new Map();
  readonly #exits: Map<number, () => void> = new Map();
  #pool: Pool | undefined;
  #socket: AgentSocket | undefined;

  private constructor(options: AgentOptions) {
    this.#options = options;
    this.log = createLog(options.log);
    this.native = loadNative();
    this.native.harden();
    this.#receiver = createReceiver(this.native, this.#syscalls);
  }

  /**
   * Starts the workers.
   * @throws AgentError AGENT_NOT_ROOT, AGENT_ADDON_MISSING, AGENT_KERNEL
   */
  static async start(options: AgentOptions): Promise<Agent> {
    if (process.getuid?.() !== 0) {
      throw new AgentError('AGENT_NOT_ROOT', 'must run as root: try it with sudo');
    }
    const agent = new Agent(options);
    agent.#pool = await Pool.start({
      native: agent.native,
      receiver: agent.#receiver,
      log: agent.log,
      logOptions: options.log,
      components: options.resolver.components,
      onEnded: (token) => {
        agent.#end(token);
      },
      onExited: (token) => {
        agent.#exits.get(token)?.();
        agent.#exits.delete(token);
      },
    });
    return agent;
  }

  /** @throws AgentError AGENT_SOCKET_IN_USE, AGENT_SOCKET */
  listen({ path, allowedUids }: SocketOptions): void {
    this.#socket = new AgentSocket({
      native: this.native,
      log: this.log,
      path,
      allowedUids,
      onArrival: (arrival) => {
        this.#attach(arrival);
      },
    });
    this.log.info({ socket: path }, 'listening');
  }

  /** Answers the calls of a launched command; resolves once it has ended. */
  async serve(launch: LaunchHandle, registry: Registry): Promise<void> {
    const token = this.native.adoptLaunch(
      this.#receiver,
      launch,
      encodeRegistry(registry),
      this.#readSet(registry),
    );
    await new Promise<void>((resolve) => {
      this.#exits.set(token, resolve);
    });
  }

  /** Stops accepting, lets calls that are handled be answered, and ends. */
  async stop(): Promise<void> {
    this.#socket?.[Symbol.dispose]();
    await this.#pool?.stop();
    this.native.closeReceiver(this.#receiver);
  }

  #readSet(registry: Registry): Uint8Array {
    return this.#syscalls.readSet((syscall) => wantsPointers(registry, syscall));
  }

  #attach({ state, socket, connection, fdIndex, peerPid }: Arrival): void {
    const { containerId, status } = state;
    const firstPid = this.#firstPids.enter(state, peerPid);
    const registry = this.#resolve({ state, firstPid });
    let token: Token;
    try {
      token = this.native.adoptConnectionFd(
        this.#receiver,
        socket,
        connection,
        fdIndex,
        encodeRegistry(registry),
        this.#readSet(registry),
      );
    } catch (cause) {
      this.#firstPids.leave(containerId);
      throw new AgentError('AGENT_LISTENER', 'the descriptor cannot be taken as a listener', {
        cause,
      });
    }
    this.#attached.set(token, { containerId });
    this.log.info({ container: containerId, status, peerPid, firstPid }, 'container attached');
  }

  /** Whatever is wrong with a container's metadata, its calls get an answer. */
  #resolve(identity: ContainerIdentity): Registry {
    try {
      return this.#options.resolver.resolve(identity);
    } catch (thrown) {
      const { containerId } = identity.state;
      this.log.error(
        { container: containerId, error: messageOf(thrown) },
        'no registry for this container: its trapped calls fail',
      );
      return { containerId, handlers: [], defaultAction: 'EPERM', failureErrno: 'EPERM' };
    }
  }

  #end(token: number): void {
    const attached = this.#attached.get(token);
    if (attached === undefined) return;
    this.#attached.delete(token);
    this.#firstPids.leave(attached.containerId);
    this.log.info({ container: attached.containerId }, 'container detached');
  }
}

function createReceiver(native: Native, syscalls: Syscalls): ReceiverHandle {
  try {
    return native.createReceiver(syscalls.readKinds());
  } catch (cause) {
    const code = systemCodeOf(cause);
    if (code !== 'ENOSYS' && code !== 'EINVAL') throw cause;
    throw new AgentError(
      'AGENT_KERNEL',
      'this kernel has no seccomp user notification: Linux 5.9 or newer is needed',
      { cause },
    );
  }
}
