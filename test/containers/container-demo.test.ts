// SPDX-License-Identifier: Apache-2.0
// Tests the agent with containers of real runtimes: runc, crun, and podman as a third client.
import { existsSync, lchownSync, readFileSync, statSync } from 'node:fs';

import { beforeAll, describe, expect, test } from 'vitest';

import { AgentProcess } from '../support/agent-process.ts';
import { Container } from '../support/container-runtime.ts';
import type { ContainerOptions } from '../support/container-runtime.ts';
import { PodmanContainer } from '../support/podman.ts';
import { giveRootfs, makeRootfs } from '../support/rootfs.ts';
import { TemporaryFolder } from '../support/temporary-folder.ts';

type Setting = Omit<ContainerOptions, 'folder' | 'rootfs' | 'listenerPath'> & {
  readonly agentOptions?: readonly string[];
  readonly prepareRootfs?: (rootfs: string) => void;
};

/** An agent and one container of it. */
class Demo implements AsyncDisposable {
  readonly folder: TemporaryFolder = new TemporaryFolder();
  readonly rootfs: string = this.folder.at('rootfs');
  readonly socketFile: string = this.folder.at('agent.socket');
  readonly #agentOptions: readonly string[];
  #agent: AgentProcess | undefined;
  #container: Container | undefined;

  private constructor(agentOptions: readonly string[]) {
    this.#agentOptions = agentOptions;
  }

  static async start(setting: Setting): Promise<Demo> {
    const { agentOptions = ['-resolver=demo-basic'], prepareRootfs, ...container } = setting;
    const demo = new Demo(agentOptions);
    try {
      makeRootfs(demo.rootfs);
      prepareRootfs?.(demo.rootfs);
      await demo.#startAgent();
      demo.#container = await Container.run({
        ...container,
        folder: demo.folder.path,
        rootfs: demo.rootfs,
        listenerPath: demo.socketFile,
      });
      return demo;
    } catch (thrown) {
      const log = demo.#agent?.log ?? '';
      await demo[Symbol.asyncDispose]();
      throw new Error(`cannot start a container; the agent's log: ${log}`, { cause: thrown });
    }
  }

  get container(): Container {
    if (this.#container === undefined) throw new Error('the container has not been started');
    return this.#container;
  }

  /** A path of the container, seen from outside. */
  outside(path: string): string {
    return `${this.rootfs}${path}`;
  }

  async restartAgent(): Promise<void> {
    await this.#agent?.stop('SIGTERM');
    await this.#startAgent();
  }

  async #startAgent(): Promise<void> {
    this.#agent = await AgentProcess.start(this.socketFile, ...this.#agentOptions);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#container?.[Symbol.asyncDispose]();
    await this.#agent?.[Symbol.asyncDispose]();
    this.folder[Symbol.dispose]();
  }
}

interface MountInfo {
  readonly mountPoint: string;
  readonly options: readonly string[];
  readonly type: string;
}

/** The mounts that a process has, see proc_pid_mountinfo(5). */
function mountsOf(pid: number): readonly MountInfo[] {
  const lines = readFileSync(`/proc/${pid}/mountinfo`, 'utf8').trim().split('\n');
  return lines.map((line) => {
    const fields = line.split(' ');
    const type = fields[fields.indexOf('-') + 1] ?? '';
    return { mountPoint: fields[4] ?? '', options: (fields[5] ?? '').split(','), type };
  });
}

function modeOf(path: string): number {
  return statSync(path).mode & 0o7777;
}

function giveHomeToUser(rootfs: string): void {
  lchownSync(`${rootfs}/home`, 1000, 1000);
}

const runtimes = ['runc', 'crun'] as const;
const capSysAdmin = 1n << 21n;

const allAnswers = `
mkdir /abc
chmod 777 /
mount -t tmpfs none /mnt
mount -t proc proc root
ls /root/self/cmdline
echo processes: /root/[0-9]*
mount -t proc -o nosuid,nodev,noexec,ro proc /mnt
`;

describe.for(
  runtimes.flatMap((runtime) =>
    [true, false].map((noNewPrivileges) => ({ runtime, noNewPrivileges })),
  ),
)('$runtime with noNewPrivileges $noNewPrivileges', ({ runtime, noNewPrivileges }) => {
  let demo: Demo;
  let firstPid: number;

  beforeAll(async () => {
    demo = await Demo.start({ runtime, noNewPrivileges, script: allAnswers });
    firstPid = await demo.container.firstPid();
    return async () => {
      await demo[Symbol.asyncDispose]();
    };
  });

  test('mkdir: makes a directory with the number of the first process in its name', () => {
    expect(existsSync(demo.outside(`/abc-pid-${firstPid}`))).toBe(true);
    expect(existsSync(demo.outside('/abc'))).toBe(false);
  });

  test('chmod: fails with EBADMSG and changes nothing', () => {
    expect(demo.container.output).toContain('chmod: /: Bad message\n');
    expect(modeOf(demo.rootfs)).toBe(0o755);
  });

  test('mount: makes a proc for a process without CAP_SYS_ADMIN', () => {
    const status = readFileSync(`/proc/${firstPid}/status`, 'utf8');
    const effective = /^CapEff:\s*(?<mask>\w+)$/mu.exec(status)?.groups?.['mask'];
    expect(BigInt(`0x${effective}`) & capSysAdmin).toBe(0n);
    expect(demo.container.output).toContain('/root/self/cmdline\n');
  });

  test('mount: a new proc shows the processes of the container only', () => {
    expect(demo.container.output).toContain('processes: /root/1\n');
  });

  test('mount: the kernel judges a tmpfs', () => {
    expect(demo.container.output).toMatch(/^mount: permission denied/mu);
    const tmpfs = mountsOf(firstPid).filter(({ type }) => type === 'tmpfs');
    expect(tmpfs.map(({ mountPoint }) => mountPoint)).not.toContain('/mnt');
  });

  test('mount: the flags of the caller are on the new proc', () => {
    const made = mountsOf(firstPid).find(({ mountPoint }) => mountPoint === '/mnt');
    expect(made?.type).toBe('proc');
    expect(made?.options).toEqual(expect.arrayContaining(['ro', 'nosuid', 'nodev', 'noexec']));
  });

  test('mount: no flags are on the new proc that the caller did not ask for', () => {
    const made = mountsOf(firstPid).find(({ mountPoint }) => mountPoint === '/root');
    expect(made?.options).toEqual(['rw', 'relatime']);
  });

  test('exec: mkdir has the number of the first process, not its own', async () => {
    const { code, stdout } = await demo.container.exec('mkdir /by-exec');
    expect({ code, stdout }).toEqual({ code: 0, stdout: '' });
    expect(existsSync(demo.outside(`/by-exec-pid-${firstPid}`))).toBe(true);
  });

  test('exec: mount makes a proc without CAP_SYS_ADMIN', async () => {
    const { stdout } = await demo.container.exec('mount -t proc proc /home && ls /home/1/comm');
    expect(stdout).toBe('/home/1/comm\n');
  });

  test('exec: chmod fails with EBADMSG', async () => {
    const { stdout } = await demo.container.exec('chmod 700 /etc');
    expect(stdout).toBe('chmod: /etc: Bad message\n');
  });
});

describe.for(runtimes)('%s', (runtime) => {
  test('exec: a new agent finds the first process of a container it has not seen', async () => {
    await using demo = await Demo.start({ runtime, script: ':' });
    await demo.restartAgent();
    const { stdout } = await demo.container.exec('mkdir /abc');
    expect(stdout).toBe('');
    expect(existsSync(demo.outside(`/abc-pid-${await demo.container.firstPid()}`))).toBe(true);
  });

  test('resolver none: is the default, and every call continues', async () => {
    const script = 'mkdir /abc\nchmod 700 /abc\nmount -t proc proc /mnt';
    await using demo = await Demo.start({ runtime, agentOptions: [], script });
    expect(modeOf(demo.outside('/abc'))).toBe(0o700);
    expect(demo.container.output).toMatch(/^mount: permission denied.*\nready\n$/u);
  });

  test('A1: a directory made by a user belongs to the user', async () => {
    const script = 'mkdir /home/abc';
    const prepareRootfs = giveHomeToUser;
    await using demo = await Demo.start({ runtime, uid: 1000, prepareRootfs, script });
    const made = statSync(demo.outside(`/home/abc-pid-${await demo.container.firstPid()}`));
    expect({ uid: made.uid, gid: made.gid }).toEqual({ uid: 1000, gid: 1000 });
  });

  test('A1: a user gets EACCES for a directory of root', async () => {
    await using demo = await Demo.start({ runtime, uid: 1000, script: 'mkdir /etc/abc' });
    expect(demo.container.output).toMatch(/^mkdir: .*: Permission denied\n/u);
    expect(existsSync(demo.outside(`/etc/abc-pid-${await demo.container.firstPid()}`))).toBe(false);
  });

  test('A1: the umask of the caller holds', async () => {
    await using demo = await Demo.start({ runtime, script: 'umask 077\nmkdir /abc' });
    expect(modeOf(demo.outside(`/abc-pid-${await demo.container.firstPid()}`))).toBe(0o700);
  });

  test('A8: a new proc hides and protects what the first proc of the container does', async () => {
    const script = `
mount -t proc proc /mnt
for proc in /proc /mnt; do
  head -c 1 $proc/keys 2>/dev/null | grep -q . && echo readable: $proc/keys
  (: >>$proc/sys/vm/swappiness) 2>/dev/null && echo writable: $proc/sys
done
`;
    await using demo = await Demo.start({ runtime, script });
    expect(demo.container.output).toBe('ready\n');
  });

  describe('with a user namespace', () => {
    const rootUidOutside = 100_000;
    let demo: Demo;
    let firstPid: number;

    beforeAll(async () => {
      const prepareRootfs = (rootfs: string): void => {
        giveRootfs(rootfs, rootUidOutside);
      };
      const script = 'mkdir /abc\nmount -t proc proc /mnt\nls /mnt/self/cmdline';
      demo = await Demo.start({ runtime, rootUidOutside, prepareRootfs, script });
      firstPid = await demo.container.firstPid();
      return async () => {
        await demo[Symbol.asyncDispose]();
      };
    });

    test('mkdir: a directory belongs to the root of the container', () => {
      const made = statSync(demo.outside(`/abc-pid-${firstPid}`));
      expect({ uid: made.uid, gid: made.gid }).toEqual({
        uid: rootUidOutside,
        gid: rootUidOutside,
      });
    });

    test('mount: makes a proc', () => {
      expect(demo.container.output).toContain('/mnt/self/cmdline\n');
    });
  });
});

describe('podman', () => {
  test('run: mkdir, chmod and mount get the answers of demo-basic', async () => {
    using folder = new TemporaryFolder();
    const rootfs = folder.at('rootfs');
    const listenerPath = folder.at('agent.socket');
    makeRootfs(rootfs);
    await using agent = await AgentProcess.start(listenerPath, '-resolver=demo-basic');
    const script = 'mkdir /abc\nchmod 777 /\nmount -t proc proc /mnt\nls /mnt/self/cmdline';
    await using container = await PodmanContainer.run({
      folder: folder.at('podman'),
      rootfs,
      listenerPath,
      script,
    });
    expect(container.output).toBe('chmod: /: Bad message\n/mnt/self/cmdline\nready\n');
    expect(existsSync(`${rootfs}/abc-pid-${container.firstPid}`)).toBe(true);
    expect(agent.log).not.toMatch(/ERROR|FATAL/u);
  });
});
