// SPDX-License-Identifier: Apache-2.0
// An agent with one shipped bundle, and one container of a real runtime that it answers for.
import { existsSync, realpathSync } from 'node:fs';
import { join } from 'node:path';

import { shippedBundles } from '../../host/package-root.ts';
import { compiled } from './compile.ts';
import { Container } from './container-runtime.ts';
import type { ContainerOptions } from './container-runtime.ts';
import { giveRootfs, makeRootfs } from './rootfs.ts';
import { TemporaryFolder } from './temporary-folder.ts';
import { startWatchedAgent } from './watched-agent.ts';
import type { WatchedAgent } from './watched-agent.ts';

export type HandledOptions = Omit<ContainerOptions, 'folder' | 'rootfs' | 'listenerPath'> & {
  /** The shipped bundle. */
  readonly bundle: string;
  /** `KEY=VALUE`, as metadata sets them. */
  readonly settings?: readonly string[];
  readonly prepareRootfs?: (rootfs: string) => void;
  /** A program of test/support, which the script finds in its path. */
  readonly program?: string;
};

/** The container sees the machine's libraries, which programs of C need. */
const libraries = ['/lib', '/lib64', '/usr/lib', '/usr/lib64'] as const;

/** A mount, as config.json has them. */
export function readOnly(source: string, destination: string): object {
  return { type: 'bind', source, destination, options: ['bind', 'ro', 'nosuid', 'nodev'] };
}

/** With them, programs of the machine run in a container. */
export function libraryMounts(): readonly object[] {
  return libraries.flatMap((path) =>
    existsSync(path) ? [readOnly(realpathSync(path), path)] : [],
  );
}

function mountsFor(program: string): readonly object[] {
  return [...libraryMounts(), readOnly(compiled(program), `/bin/${program}`)];
}

export class HandledContainer implements AsyncDisposable {
  readonly rootfs: string;
  readonly agent: WatchedAgent;
  readonly container: Container;
  readonly #folder: TemporaryFolder;

  private constructor(folder: TemporaryFolder, agent: WatchedAgent, container: Container) {
    this.#folder = folder;
    this.rootfs = folder.at('rootfs');
    this.agent = agent;
    this.container = container;
  }

  /** Resolves once the container's script is through. */
  static async start(options: HandledOptions): Promise<HandledContainer> {
    const { bundle, settings = [], prepareRootfs, program, ...container } = options;
    await using started = new AsyncDisposableStack();
    const folder = started.use(new TemporaryFolder());
    const rootfs = folder.at('rootfs');
    makeRootfs(rootfs);
    if (options.rootUidOutside !== undefined) giveRootfs(rootfs, options.rootUidOutside);
    prepareRootfs?.(rootfs);
    const agent = started.use(
      await startWatchedAgent({ bundle: join(shippedBundles(), bundle), settings, log: 'warn' }),
    );
    const running = started.use(
      await Container.run({
        ...container,
        mounts: [...(container.mounts ?? []), ...(program === undefined ? [] : mountsFor(program))],
        folder: folder.path,
        rootfs,
        listenerPath: agent.socket,
      }),
    );
    started.move();
    return new HandledContainer(folder, agent, running);
  }

  get output(): string {
    return this.container.output;
  }

  /** Errors of the agent's log. */
  get errors(): readonly string[] {
    return this.agent.log().filter((line) => / (?:ERROR|FATAL) /u.test(line));
  }

  /** A path of the container, seen from outside. */
  outside(path: string): string {
    return `${this.rootfs}${path}`;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.container[Symbol.asyncDispose]();
    await this.agent[Symbol.asyncDispose]();
    this.#folder[Symbol.dispose]();
  }
}
