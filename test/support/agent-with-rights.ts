// SPDX-License-Identifier: Apache-2.0
// An agent that has some Linux capabilities and no others, and what comes of it for a container.
import { chmodSync, chownSync, existsSync, mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';

import { AgentProcess } from './agent-process.ts';
import { Container } from './container-runtime.ts';
import type { ContainerOptions } from './container-runtime.ts';
import { until } from './polling.ts';
import { giveRootfs, makeRootfs } from './rootfs.ts';
import { TemporaryFolder } from './temporary-folder.ts';
import { testBundle } from './test-bundles.ts';

const user = 1000;
const ownerOnly = 0o700;
const rootUidOutside = 100_000;
const bundles = [testBundle('hold'), 'mknod-safe', 'mount', testBundle('files')];
/** Those that runtimes give by default, as far as they mean files. */
const usualCapabilities = ['CHOWN', 'DAC_OVERRIDE', 'FOWNER', 'FSETID', 'MKNOD'];

const trapped = [
  'mkdir',
  'mkdirat',
  'chmod',
  'fchmodat',
  'fchmodat2',
  'chown',
  'fchownat',
  'lchown',
  'mount',
  'mknod',
  'mknodat',
];

/** Acts of root in a container, each by a call that the agent does for it. */
export const deeds = {
  'mkdir in a folder of somebody else': 'mkdir /home/user/new',
  chown: 'chown 1000:1000 /tmp/file',
  'chmod of a file of somebody else': 'chmod 700 /home/user/file',
  'chmod that sets a group of somebody else':
    'chmod 2755 /home/user/file && test -g /home/user/file',
  'mknod of null': 'mknod /tmp/null c 1 3',
  'mount of proc': 'mount -t proc proc /mnt',
} as const;

export type Deed = keyof typeof deeds;

const script = [
  ': >/tmp/file',
  ...Object.entries(deeds).map(([name, command]) => `(${command}) && echo 'done: ${name}'`),
].join('\n');

/** With files of a user whom root there may pass over. */
function rootfsIn(folder: TemporaryFolder, hasUserNamespace: boolean): string {
  const rootfs = folder.at('rootfs');
  makeRootfs(rootfs);
  if (hasUserNamespace) giveRootfs(rootfs, rootUidOutside);
  const home = join(rootfs, 'home/user');
  mkdirSync(home);
  writeFileSync(join(home, 'file'), '');
  const owner = user + (hasUserNamespace ? rootUidOutside : 0);
  for (const path of [join(home, 'file'), home]) {
    chownSync(path, owner, owner);
    chmodSync(path, ownerOnly);
  }
  return rootfs;
}

export class AgentWithRights implements AsyncDisposable {
  readonly #folder: TemporaryFolder = new TemporaryFolder();
  readonly #rootfs: string;
  readonly #options: Omit<ContainerOptions, 'script'>;
  #agent: AgentProcess | undefined;

  private constructor(hasUserNamespace: boolean) {
    this.#rootfs = rootfsIn(this.#folder, hasUserNamespace);
    this.#options = {
      runtime: 'runc',
      folder: this.#folder.path,
      rootfs: this.#rootfs,
      listenerPath: this.#folder.at('agent.socket'),
      capabilities: usualCapabilities.map((name) => `CAP_${name}`),
      noNewPrivileges: false,
      trapped,
      ...(hasUserNamespace ? { rootUidOutside } : {}),
    };
  }

  /** @param capabilities without CAP_ */
  static async start(
    capabilities: readonly string[],
    { hasUserNamespace = false }: { readonly hasUserNamespace?: boolean } = {},
  ): Promise<AgentWithRights> {
    const made = new AgentWithRights(hasUserNamespace);
    try {
      await made.#start(capabilities);
      return made;
    } catch (thrown) {
      await made[Symbol.asyncDispose]();
      throw thrown;
    }
  }

  get log(): string {
    return this.#agent?.log ?? '';
  }

  /** Acts of root in a container that succeed. */
  async doneByRoot(): Promise<readonly string[]> {
    await using container = await Container.run({ ...this.#options, script });
    return [...container.output.matchAll(/^done: (?<deed>.*)$/gmu)].map(
      (match) => match.groups?.['deed'] ?? '',
    );
  }

  /** Whether the agent kills a container of another user than root. */
  async killsContainerOfUser(): Promise<boolean> {
    await using container = await Container.run({ ...this.#options, uid: user, script: ':' });
    const pid = await container.firstPid();
    const { stdout } = await container.exec('mkdir /kill');
    if (stdout.includes('Operation not permitted')) return false;
    // before it is ended by us
    return await until('the end of the container', () => !existsSync(`/proc/${pid}`) || undefined);
  }

  async #start(capabilities: readonly string[]): Promise<void> {
    const bounding = ['-all', ...capabilities.map((name) => `+${name.toLowerCase()}`)].join(',');
    const rights = ['setpriv', `--bounding-set=${bounding}`, '--inh-caps=-all'] as const;
    const { listenerPath } = this.#options;
    this.#agent = await AgentProcess.startBy(rights, listenerPath, `-bundle=${bundles.join(',')}`);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    using _folder = this.#folder;
    await this.#agent?.[Symbol.asyncDispose]();
  }
}
