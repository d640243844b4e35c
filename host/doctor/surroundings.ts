// SPDX-License-Identifier: Apache-2.0
// Surroundings of the agent: its namespaces, Linux capabilities, limits, and confinement by the
// machine.
import { fail, isInPod, ok, warn } from './check.ts';
import type { Check, Machine, Probe } from './check.ts';
import { reasonOf } from './kernel.ts';

/** Of the first namespaces of a machine, see <linux/nsfs.h>. */
const initial = { pid: 0xeffffffc, user: 0xeffffffd } as const;

/** In the order of their numbers, see <linux/capability.h>. */
const capabilityNames = [
  'CAP_CHOWN',
  'CAP_DAC_OVERRIDE',
  'CAP_DAC_READ_SEARCH',
  'CAP_FOWNER',
  'CAP_FSETID',
  'CAP_KILL',
  'CAP_SETGID',
  'CAP_SETUID',
  'CAP_SETPCAP',
  'CAP_LINUX_IMMUTABLE',
  'CAP_NET_BIND_SERVICE',
  'CAP_NET_BROADCAST',
  'CAP_NET_ADMIN',
  'CAP_NET_RAW',
  'CAP_IPC_LOCK',
  'CAP_IPC_OWNER',
  'CAP_SYS_MODULE',
  'CAP_SYS_RAWIO',
  'CAP_SYS_CHROOT',
  'CAP_SYS_PTRACE',
  'CAP_SYS_PACCT',
  'CAP_SYS_ADMIN',
  'CAP_SYS_BOOT',
  'CAP_SYS_NICE',
  'CAP_SYS_RESOURCE',
  'CAP_SYS_TIME',
  'CAP_SYS_TTY_CONFIG',
  'CAP_MKNOD',
] as const;

type CapabilityName = (typeof capabilityNames)[number];

interface CapabilityNeed {
  readonly name: CapabilityName;
  readonly isNeeded: boolean;
  /** Features that fail without it. */
  readonly without: string;
}

/** Those that the DaemonSet gives. */
export const neededCapabilities: readonly CapabilityNeed[] = [
  {
    name: 'CAP_SYS_PTRACE',
    isNeeded: true,
    without: 'memory and descriptors of callers cannot be read',
  },
  {
    name: 'CAP_SYS_ADMIN',
    isNeeded: true,
    without: 'namespaces cannot be entered, and mounts fail',
  },
  { name: 'CAP_SYS_CHROOT', isNeeded: true, without: 'roots of containers cannot be entered' },
  { name: 'CAP_SETUID', isNeeded: true, without: 'operations as another user fail' },
  { name: 'CAP_SETGID', isNeeded: true, without: 'operations with the groups of a caller fail' },
  {
    name: 'CAP_SETPCAP',
    isNeeded: true,
    without: 'operations with the Linux capabilities of a caller fail',
  },
  { name: 'CAP_KILL', isNeeded: false, without: 'containers of other users cannot be killed' },
  { name: 'CAP_MKNOD', isNeeded: false, without: 'device nodes cannot be created' },
  { name: 'CAP_CHOWN', isNeeded: false, without: 'callers that are root cannot give files away' },
  {
    name: 'CAP_DAC_OVERRIDE',
    isNeeded: false,
    without: 'callers that are root meet the modes of files',
  },
  {
    name: 'CAP_FOWNER',
    isNeeded: false,
    without: 'callers that are root cannot change files of others',
  },
  {
    name: 'CAP_FSETID',
    isNeeded: false,
    without: 'set-group-ID bits are lost where callers keep them',
  },
  {
    name: 'CAP_SYS_NICE',
    isNeeded: false,
    without: 'calls wait while handlers need all processors',
  },
  {
    name: 'CAP_SYS_RESOURCE',
    isNeeded: false,
    without: 'helpers may end where the memory of a container is short',
  },
];

/** A line `NAME:\tVALUE` of /proc/PID/status. */
function lineOf(status: string, name: string): string | undefined {
  return new RegExp(`^${name}:\\s*(?<value>.*)$`, 'mu').exec(status)?.groups?.['value'];
}

function rootCheck(status: string): Check {
  const [, effective] = (lineOf(status, 'Uid') ?? '').split('\t');
  return effective === '0'
    ? ok('root', 'this is root')
    : fail('root', `this is user ${effective ?? 'nobody knows which'}`, 'start the agent as root');
}

/** Those of the needed ones that a process has, of which this is the status. */
function heldCapabilities(status: string): readonly CapabilityNeed[] {
  const effective = BigInt(`0x${lineOf(status, 'CapEff') ?? '0'}`);
  const isThere = (name: CapabilityName): boolean =>
    ((effective >> BigInt(capabilityNames.indexOf(name))) & 1n) === 1n;
  return neededCapabilities.filter(({ name }) => isThere(name));
}

function capabilityCheck(status: string): Check {
  const held = heldCapabilities(status);
  const missing = neededCapabilities.filter((each) => !held.includes(each));
  const name = 'linux-capabilities';
  if (missing.length === 0) return ok(name, 'all required ones are present');
  const message = missing.map((each) => `without ${each.name} ${each.without}`).join('; ');
  const tell = missing.some(({ isNeeded }) => isNeeded) ? fail : warn;
  return tell(name, message, `add ${missing.map((each) => each.name).join(', ')} to the agent`);
}

/** Checks that try something have these, too. */
const triedElsewhere: readonly CapabilityName[] = ['CAP_SYS_PTRACE', 'CAP_SYS_ADMIN'];

/** Security modules and seccomp filters may forbid what a process has all the same. */
export function capabilityUseCheck(machine: Machine, probe: Probe): readonly Check[] {
  // there is no power over others' ids to be tried in another user namespace, as is said already
  if (machine.inode('/proc/self/ns/user') !== initial.user) return [];
  const name = 'capability-use';
  const forbidden = heldCapabilities(machine.read('/proc/self/status') ?? '')
    .filter((each) => !triedElsewhere.includes(each.name))
    .map((need) => ({ need, outcome: probe(need.name) }))
    .filter(({ outcome }) => !outcome.works);
  if (forbidden.length === 0) return [ok(name, 'all present ones can be used')];
  const message = forbidden.map(
    ({ need, outcome }) =>
      `${need.name} is present but denied (${reasonOf(outcome)}): ${need.without}`,
  );
  const tell = forbidden.some(({ need }) => need.isNeeded) ? fail : warn;
  const names = forbidden.map(({ need }) => need.name).join(', ');
  return [
    tell(
      name,
      message.join('; '),
      `allow ${names} in the AppArmor profile, SELinux domain or seccomp profile of the agent`,
    ),
  ];
}

function pidNamespaceCheck(machine: Machine): Check {
  const name = 'pid-namespace';
  const inode = machine.inode('/proc/self/ns/pid');
  if (inode === initial.pid) return ok(name, 'this is that of the machine');
  const message =
    'running in a non-initial pid namespace: callers outside of it have no pid here, and their calls fail';
  // a DaemonSet serves the pods of its node, which are never in its own
  if (isInPod(machine)) {
    return fail(name, message, 'set "hostPID: true" in the pod of the agent');
  }
  return warn(
    name,
    message,
    'start the agent in the pid namespace of the machine (hostPID, --pid=host), unless all containers are started in here',
  );
}

function userNamespaceCheck(machine: Machine): Check {
  const name = 'user-namespace';
  if (machine.inode('/proc/self/ns/user') === initial.user) {
    return ok(name, 'this is that of the machine');
  }
  return warn(
    name,
    'running in a non-initial user namespace: no privilege over containers outside it, and few file systems can be mounted',
    'start the agent in the user namespace of the machine',
  );
}

function ownSeccompCheck(status: string): Check {
  const filters = lineOf(status, 'Seccomp_filters') ?? 'some';
  return lineOf(status, 'Seccomp') === '0'
    ? ok('own-seccomp', 'no filter')
    : ok('own-seccomp', `${filters} filter(s); all checks ran under them`);
}

function securityModulesCheck(machine: Machine): Check {
  const name = 'security-modules';
  const active = machine.read('/sys/kernel/security/lsm')?.trim();
  const own = machine.read('/proc/self/attr/current')?.replaceAll('\0', '').trim() ?? '';
  const label = own === '' ? 'no label' : own;
  return ok(name, `${active ?? 'securityfs is not mounted'}; this process: ${label}`);
}

function yamaCheck(machine: Machine): Check {
  const name = 'yama';
  const scope = machine.read('/proc/sys/kernel/yama/ptrace_scope')?.trim();
  if (scope === undefined) return ok(name, 'not there');
  if (scope !== '3') return ok(name, `ptrace_scope ${scope}, which CAP_SYS_PTRACE passes`);
  return fail(
    name,
    'ptrace_scope 3: no process may trace another until the next boot',
    'boot with kernel.yama.ptrace_scope below 3',
  );
}

function cgroupCheck(machine: Machine): Check {
  const name = 'cgroups';
  if (machine.inode('/sys/fs/cgroup/cgroup.controllers') !== undefined)
    return ok(name, 'version 2');
  if (machine.inode('/sys/fs/cgroup/unified/cgroup.procs') !== undefined) {
    const controllers = machine.read('/sys/fs/cgroup/unified/cgroup.controllers') ?? '';
    if (controllers.trim() === '') return ok(name, 'version 1, with version 2 beside it');
    return warn(
      name,
      `version 1, and version 2 with controllers (${controllers.trim()}): crun does not start containers there`,
      'use runc, or boot with systemd.unified_cgroup_hierarchy=1',
    );
  }
  if (machine.inode('/sys/fs/cgroup/freezer/cgroup.procs') !== undefined)
    return ok(name, 'version 1');
  return warn(
    name,
    'no cgroups in /sys/fs/cgroup: containers cannot be frozen, and handlers cannot read their limits',
    'mount /sys/fs/cgroup of the machine for the agent',
  );
}

/** A listener for each container and each exec, and what is open while their calls are handled. */
const enoughFiles = 4096;

function openFilesCheck(machine: Machine): Check {
  const name = 'open-files';
  const line = /^Max open files\s+(?<soft>\S+)\s+(?<hard>\S+)/mu.exec(
    machine.read('/proc/self/limits') ?? '',
  );
  const hard = line?.groups?.['hard'] ?? 'unlimited';
  const message = `at most ${hard}`;
  if (hard === 'unlimited' || Number(hard) >= enoughFiles) return ok(name, message);
  return warn(
    name,
    `${message}: each container has a listener, and each program that is executed in one`,
    `set LimitNOFILE (or ulimit -n) to ${enoughFiles} or more`,
  );
}

const mib = 1024 * 1024;
const enoughMemory = 256 * mib;

/** The least of what the machine has and what cgroups leave. */
function memoryCheck(machine: Machine): Check {
  const kib = /^MemAvailable:\s+(?<kib>\d+)/mu.exec(machine.read('/proc/meminfo') ?? '');
  const limits = ['/sys/fs/cgroup/memory.max', '/sys/fs/cgroup/memory/memory.limit_in_bytes']
    .map((path) => Number(machine.read(path) ?? Number.NaN))
    .filter((limit) => Number.isFinite(limit));
  const available = Math.min(Number(kib?.groups?.['kib'] ?? 0) * 1024, ...limits);
  const message = `${Math.floor(available / mib)} MiB`;
  return available >= enoughMemory
    ? ok('memory', message)
    : warn('memory', message, `the agent wants ${enoughMemory / mib} MiB`);
}

export function surroundingChecks(machine: Machine): readonly Check[] {
  const status = machine.read('/proc/self/status') ?? '';
  return [
    rootCheck(status),
    pidNamespaceCheck(machine),
    userNamespaceCheck(machine),
    capabilityCheck(status),
    ownSeccompCheck(status),
    securityModulesCheck(machine),
    yamaCheck(machine),
    cgroupCheck(machine),
    openFilesCheck(machine),
    memoryCheck(machine),
  ];
}
