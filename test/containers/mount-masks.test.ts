// SPDX-License-Identifier: Apache-2.0
// A8: what the proc of a container hides is hidden by every proc that the agent mounts in it, and
// whatever the container does to its mounts then, with a handler that lends its power for all there
// is, uncovers nothing.
import { chmodSync, chownSync, readFileSync } from 'node:fs';

import { beforeAll, describe, expect, test } from 'vitest';

import { Container } from '../support/container-runtime.ts';
import type { RuntimeName } from '../support/container-runtime.ts';
import { giveRootfs, makeRootfs } from '../support/rootfs.ts';
import { TemporaryFolder } from '../support/temporary-folder.ts';
import { testBundle } from '../support/test-bundles.ts';
import { startWatchedAgent } from '../support/watched-agent.ts';
import type { WatchedAgent } from '../support/watched-agent.ts';

const trapped = ['mount', 'umount2', 'chmod', 'fchmodat', 'fchmodat2'] as const;
const hidden = ['kcore', 'keys', 'timer_list'] as const;
const readOnly = ['bus', 'fs', 'irq', 'sys'] as const;

/** Lines for a shell: `look FOLDER` names what can be seen or written of a proc there. */
const look = `
look() {
  for name in ${hidden.join(' ')}; do
    # not every kernel has them
    [ -c "$1/$name" ] || [ ! -e "$1/$name" ] || echo "seen: $1/$name"
  done
  for name in ${readOnly.join(' ')}; do
    answer=missing
    while read -r _ _ _ _ point options _; do
      [ "$point" = "$1/$name" ] && answer=$options
    done </proc/self/mountinfo
    case $answer in
      ro,*) ;;
      *) echo "writable: $1/$name $answer" ;;
    esac
  done
}
try() { "$@" 2>/dev/null && echo "done: $*"; }
`;

/** Whatever changes one place. */
function changesOf(place: string): readonly string[] {
  return [
    `umount ${place}`,
    `umount -l ${place}`,
    `umount -f ${place}`,
    `mount -o remount,rw ${place}`,
    `mount -o remount,bind,rw ${place}`,
    `mount --move ${place} /tmp`,
    `chmod 001 ${place}`,
    `chmod 002 ${place}`,
    `chmod 003 ${place}`,
  ];
}

const places = ['', ...hidden.map((name) => `/${name}`), ...readOnly.map((name) => `/${name}`)];

function tries(commands: readonly string[]): string {
  return commands.map((command) => `try ${command}`).join('\n');
}

const attacks = ['/proc', '/mnt']
  .flatMap((proc) => places.map((place) => proc + place))
  .flatMap((place) => changesOf(place));

const copies = ['mount --bind /mnt /tmp', 'mount --bind /mnt/sys /tmp'] as const;

/** Lines for a shell that run as the root of namespaces inside. */
function asNestedRoot(namespaces: string, lines: string): string {
  return `unshare ${namespaces} sh -c '${lines.replaceAll("'", String.raw`'\''`)}'`;
}

interface Stage {
  readonly runtime: RuntimeName;
  readonly rootUidOutside: number | undefined;
  readonly uid: number;
}

/** An agent that lends all power over mounts, and a container with a proc at /mnt. */
class MountingContainer implements AsyncDisposable {
  readonly #resources: AsyncDisposableStack;
  readonly agent: WatchedAgent;
  readonly container: Container;

  private constructor(
    resources: AsyncDisposableStack,
    parts: Readonly<Pick<MountingContainer, 'agent' | 'container'>>,
  ) {
    this.#resources = resources;
    this.agent = parts.agent;
    this.container = parts.container;
  }

  static async start({ runtime, rootUidOutside, uid }: Stage): Promise<MountingContainer> {
    await using resources = new AsyncDisposableStack();
    const folder = resources.use(new TemporaryFolder());
    const rootfs = folder.at('rootfs');
    makeRootfs(rootfs);
    if (rootUidOutside !== undefined) giveRootfs(rootfs, rootUidOutside);
    chmodSync(`${rootfs}/tmp`, 0o1777);
    const owner = (rootUidOutside ?? 0) + uid;
    chownSync(`${rootfs}/mnt`, owner, owner);
    const bundle = testBundle('mounts');
    const agent = resources.use(await startWatchedAgent({ bundle, log: 'warn' }));
    const container = resources.use(
      await Container.run({
        runtime,
        folder: folder.path,
        rootfs,
        listenerPath: agent.socket,
        trapped,
        script: 'mount -t proc proc /mnt',
        mounts: [{ type: 'tmpfs', source: 'tmpfs', destination: '/run/hidden', options: [] }],
        uid,
        ...(rootUidOutside === undefined ? {} : { rootUidOutside }),
      }),
    );
    return new MountingContainer(resources.move(), { agent, container });
  }

  async inside(script: string): Promise<string> {
    const { stdout } = await this.container.exec(look + script);
    return stdout;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#resources.disposeAsync();
  }
}

describe.for([
  { kind: 'without a user namespace', rootUidOutside: undefined },
  { kind: 'with a user namespace', rootUidOutside: 100_000 },
] as const)('a container $kind', ({ rootUidOutside }) => {
  let stage: MountingContainer;
  let firstPid: number;

  beforeAll(async () => {
    stage = await MountingContainer.start({ runtime: 'runc', rootUidOutside, uid: 0 });
    firstPid = await stage.container.firstPid();
    return async () => {
      await stage[Symbol.asyncDispose]();
    };
  });

  /** The mounts at and below a place, as options and place. */
  function mountsAt(place: string): readonly string[] {
    return readFileSync(`/proc/${firstPid}/mountinfo`, 'utf8')
      .split('\n')
      .map((line) => line.split(' '))
      .filter(([, , , , point = '']) => point === place || point.startsWith(`${place}/`))
      .map(([, , , root = '', point = '', options = '']) => `${root} ${point} ${options}`);
  }

  test('A8: its processes have no CAP_SYS_ADMIN', () => {
    const status = readFileSync(`/proc/${firstPid}/status`, 'utf8');
    const bounding = /^CapBnd:\s*(?<mask>\w+)$/mu.exec(status)?.groups?.['mask'];
    expect(BigInt(`0x${bounding}`) & (1n << 21n)).toBe(0n);
  });

  test('A8: a new proc hides what the first process does not see', async () => {
    expect(stage.container.output).toBe('ready\n');
    expect(await stage.inside('look /proc; look /mnt; ls /mnt/1/status')).toBe('/mnt/1/status\n');
    const own = mountsAt('/proc').map((line) => line.split(' /proc')[1]?.split(' ')[0] ?? '');
    const made = mountsAt('/mnt').map((line) => line.split(' /mnt')[1]?.split(' ')[0] ?? '');
    expect(made.toSorted()).toEqual(own.toSorted());
    expect(made.length).toBeGreaterThan(readOnly.length + 1);
  });

  test('A8: umount, remount, move and attributes uncover nothing', async () => {
    const before = [...mountsAt('/proc'), ...mountsAt('/mnt')];
    expect(await stage.inside(`${tries(attacks)}\n${tries(copies)}\nlook /proc; look /mnt`)).toBe(
      '',
    );
    expect([...mountsAt('/proc'), ...mountsAt('/mnt')]).toEqual(before);
  });

  test('A8: nothing is mounted over a proc or its masks', async () => {
    const before = [...mountsAt('/proc'), ...mountsAt('/mnt')];
    const points = ['/proc', '/mnt', '/mnt/bus', '/mnt/sys', '/mnt/self', '/mnt/1/task'];
    const script = tries(
      points.flatMap((point) => [`mount -t tmpfs none ${point}`, `mount -t proc proc ${point}`]),
    );
    expect(await stage.inside(`${script}\nlook /proc; look /mnt`)).toBe('');
    expect([...mountsAt('/proc'), ...mountsAt('/mnt')]).toEqual(before);
  });

  test('A8: root of a user namespace inside takes nothing off', async () => {
    const user = { runtime: 'runc', rootUidOutside, uid: 1000 } as const;
    await using users = await MountingContainer.start(user);
    const attempts = [
      ...attacks,
      ...places.slice(1).flatMap((place) => changesOf(`/tmp/a${place}`)),
    ];
    // what can be done changes nothing: masks that are no folders are not read-only
    const nested = `
      ${look}
      mkdir /tmp/a
      mount --rbind /mnt /tmp/a
      { ${tries([...attempts, 'mount --bind /mnt /tmp'])}
      } >/tmp/log
      look /tmp/a; look /proc; look /mnt
      grep -v -e remount,bind -e chmod /tmp/log; echo end`;
    expect(await users.inside(asNestedRoot('-U -r -m', nested))).toBe('end\n');
    expect(users.agent.log()).toEqual([]);
  });

  test.for(['runc', 'crun'] as const)(
    'A8: a process inside that has got a proc of its namespaces takes nothing off: %s',
    async (runtime) => {
      await using users = await MountingContainer.start({ runtime, rootUidOutside, uid: 1000 });
      const attempts = ['/tmp/new', '/tmp/copy'].flatMap((proc) => [
        `mount --bind ${proc} /tmp/other`,
        `chmod 003 ${proc}`,
        ...places.slice(1).flatMap((place) => changesOf(proc + place)),
      ]);
      // what can be done changes nothing, see above; what is mounted on a mask comes off alone
      const nested = `
        ${look}
        mkdir /tmp/new /tmp/copy /tmp/other
        mount -t proc proc /tmp/new
        echo /tmp/new/[0-9]*
        look /tmp/new
        mount --rbind /tmp/new /tmp/copy && echo copied
        { ${tries(attempts)}
        } >/tmp/log
        for name in sys irq; do
          mount -t tmpfs none /tmp/new/$name && umount /tmp/new/$name && echo "covered: $name"
        done
        mount --bind /tmp/new/sys /tmp/other && try mount -o remount,bind,rw /tmp/other
        umount /tmp/other
        # it is writable but for its masks
        mount -o remount,rw /tmp/new
        look /tmp/new; look /tmp/copy; look /mnt; look /proc
        mount --move /tmp/new /tmp/other && look /tmp/other
        grep -v -e remount,bind -e chmod /tmp/log; echo end`;
      expect(await users.inside(asNestedRoot('-U -r -m -p -f', nested))).toBe(
        '/tmp/new/1\ncopied\ncovered: sys\ncovered: irq\nend\n',
      );
      expect(users.agent.log()).toEqual([]);
    },
  );

  test('what the runtime has mounted is not unmounted with lent power, but what came later', async () => {
    const script = `
      mkdir -p /tmp/later
      mount -t tmpfs none /tmp/later
      for place in /run/hidden /dev/shm /tmp/later; do
        umount $place && echo "gone: $place"
        umount -l $place && echo "lazily gone: $place"
      done 2>/dev/null
      grep -c ' /run/hidden ' /proc/self/mountinfo`;
    expect(await stage.inside(script)).toBe('gone: /tmp/later\n1\n');
  });

  // 1 sets read-only, 3 takes it away again
  test('A8: other mounts are unmounted and changed as a handler approves', async () => {
    const script = `
      mkdir -p /tmp/m
      mount -t tmpfs none /tmp/m && mkdir /tmp/m/x && chmod 001 /tmp/m
      mkdir /tmp/m/y
      chmod 003 /tmp/m
      umount /tmp/m && ls -A /tmp/m`;
    expect(await stage.inside(script)).toBe(
      "mkdir: can't create directory '/tmp/m/y': Read-only file system\n" +
        'chmod: /tmp/m: Operation not permitted\n',
    );
  });
});
