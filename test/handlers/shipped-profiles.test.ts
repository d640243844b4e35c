// SPDX-License-Identifier: Apache-2.0
// Tests the shipped profiles for pods: they trap what their metadata brings handlers for, refuse what
// usual profiles do, and are there for runtimes that take flags, too.
import { readFileSync } from 'node:fs';
import { join } from 'node:path';

import { expect, test } from 'vitest';

import { waitKillableFlag } from '../../host/agent-socket/filter-flags.ts';
import { syscallNumbers } from '../../host/syscalls/syscall-numbers.ts';
import { packageRoot } from '../../host/package-root.ts';
import { containerBase } from '../../host/profile/container-base.ts';
import { lint } from '../../host/profile/lint.ts';
import { keepsNamespaces } from '../../host/profile/namespace-flags.ts';
import { actionsOf } from '../../host/profile/profile.ts';
import type { Profile as ReadProfile } from '../../host/profile/profile.ts';
import { readSoundProfile } from '../../host/profile/read-profile.ts';
import { BundleStore } from '../../host/bundles/bundle-store.ts';
import { defaultPolicies } from '../../host/registry/policy.ts';
import { answeredSyscalls } from '../../host/registry/registry.ts';
import type { Registry } from '../../host/registry/registry.ts';
import { kubernetesResolver } from '../../host/resolvers/kubernetes.ts';
import { runCommand } from '../support/command.ts';
import { deployFolder, manifestsIn } from '../support/manifests.ts';
import { TemporaryFolder } from '../support/temporary-folder.ts';

interface Profile {
  readonly listenerPath: string;
  readonly listenerMetadata: string;
  readonly architectures: readonly string[];
  readonly syscalls: readonly { readonly names: readonly string[]; readonly action: string }[];
}

function textOf(name: string): string {
  return readFileSync(join(packageRoot(), `deploy/profiles/kubernetes/${name}.json`), 'utf8');
}

function profile(name: string): Profile {
  return JSON.parse(textOf(name));
}

function sound(name: string): ReadProfile {
  return readSoundProfile(textOf(name), name).profile;
}

function trapped({ syscalls }: Profile): readonly string[] {
  const rules = syscalls.filter(({ action }) => action === 'SCMP_ACT_NOTIFY');
  return rules.flatMap(({ names }) => names).toSorted();
}

function registryFor({ listenerMetadata }: Profile): Registry {
  const store = new BundleStore({ folders: [] });
  const resolver = kubernetesResolver({ store, policies: defaultPolicies, selection: [] });
  const state = {
    fds: [],
    processPid: 1,
    metadata: listenerMetadata,
    containerId: 'c1',
    containerPid: 1,
    status: '',
    ociBundle: '',
    annotations: new Map([
      ['io.kubernetes.cri.sandbox-namespace', 'default'],
      ['io.kubernetes.cri.sandbox-name', 'pod-0'],
      ['io.kubernetes.cri.container-name', 'container-0'],
    ]),
  };
  return resolver.resolve({ state, firstPid: 1 }).registry;
}

const examples = ['demo-pod', 'unprivileged-build-pod', 'userns-pod-cifs'] as const;

test.for(examples)(
  'K21: shipped profiles: %s traps exactly what its metadata brings handlers for',
  (name) => {
    const read = profile(name);
    expect(trapped(read)).toEqual(answeredSyscalls(registryFor(read)).toSorted());
  },
);

const forRuntimes = [
  ...examples.map((name) => ({ name, runtime: 'runc' as const })),
  ...[...examples, 'dangerous'].map((name) => ({ name: `${name}-crun`, runtime: 'crun' as const })),
];

test.for(forRuntimes)('shipped profiles: nothing is wrong with $name for $runtime', (each) => {
  const { profile: read, findings } = readSoundProfile(textOf(each.name), each.name);
  lint(read, findings, { runtime: each.runtime });
  // notes are for those who refuse calls
  expect(findings.all.filter(({ severity }) => severity !== 'note')).toEqual([]);
});

test.for([...examples, 'dangerous'])('shipped profiles: %s-crun is %s with a flag', (name) => {
  expect(profile(`${name}-crun`)).toEqual({ ...profile(name), flags: [waitKillableFlag] });
});

/** Such as containers have by the profiles that runtimes bring. */
const refusedUsually = [
  'add_key',
  'bpf',
  'clock_settime',
  'delete_module',
  'finit_module',
  'init_module',
  'io_uring_setup',
  'kexec_load',
  'open_by_handle_at',
  'perf_event_open',
  'pidfd_getfd',
  'quotactl',
  'reboot',
  'request_key',
  'settimeofday',
  'swapon',
  'syslog',
  'userfaultfd',
];
const ofNamespaces = ['clone3', 'pivot_root', 'setns', 'sethostname', 'umount2', 'unshare'];

test.for(examples)('shipped profiles: %s refuses what usual profiles refuse', (name) => {
  const read = sound(name);
  const passing = refusedUsually.filter(
    (call) => !actionsOf(read, call).every((action) => action === 'SCMP_ACT_ERRNO'),
  );
  expect(passing).toEqual([]);
  for (const call of ['read', 'openat2', 'futex', 'ptrace', 'statx', 'chroot', 'set_tls']) {
    expect([call, actionsOf(read, call)]).toEqual([call, ['SCMP_ACT_ALLOW']]);
  }
});

/** Of the calls that make and change namespaces. */
function opened(name: string): readonly string[] {
  return ofNamespaces.filter((call) => actionsOf(sound(name), call).includes('SCMP_ACT_ALLOW'));
}

test('shipped profiles: only builds make namespaces', () => {
  expect(opened('demo-pod')).toEqual([]);
  expect(opened('userns-pod-cifs')).toEqual(['umount2']);
  const build = ['pivot_root', 'sethostname', 'umount2', 'unshare'];
  expect(opened('unprivileged-build-pod')).toEqual(build);
  const cloning = ['demo-pod', 'userns-pod-cifs', 'unprivileged-build-pod'].map((name) =>
    keepsNamespaces(sound(name)),
  );
  expect(cloning).toEqual([true, true, false]);
});

test('shipped profiles: dangerous kills for calls that no handler answers, and Falco hears of them', () => {
  const read = profile('dangerous');
  expect(registryFor(read)).toMatchObject({
    handlers: [],
    defaultAction: 'kill-container',
    middleware: ['falco'],
  });
  const names = trapped(read);
  expect(names.length).toBeGreaterThanOrEqual(60);
  const known = syscallNumbers.map(([name]) => name);
  expect(names.filter((name) => !known.includes(name))).toEqual([]);
  // clone has a rule for each flag that makes a namespace
  const whole = names.filter((name) => name !== 'clone');
  expect(new Set(whole).size).toBe(whole.length);
});

test('shipped profiles: dangerous traps what it traps, and has the base for all other calls', () => {
  const read = sound('dangerous');
  const base = containerBase().profile;
  const isTrapped = (name: string): boolean => actionsOf(read, name).includes('SCMP_ACT_NOTIFY');
  const others = syscallNumbers.map(([name]) => name).filter((name) => !isTrapped(name));
  expect(others.map((name) => [name, ...actionsOf(read, name)])).toEqual(
    others.map((name) => [name, ...actionsOf(base, name)]),
  );
});

test.for([...examples, 'dangerous', '../demo-basic'])(
  'K19: shipped profiles: %s is for all architectures whose calls are known',
  (name) => {
    const names = ['SCMP_ARCH_X86_64', 'SCMP_ARCH_X86', 'SCMP_ARCH_X32', 'SCMP_ARCH_AARCH64'];
    expect(sound(name).architectures).toEqual([...names, 'SCMP_ARCH_ARM']);
  },
);

function socketConditions({ rules }: ReadProfile): readonly unknown[] {
  return rules.filter(({ names }) => names.includes('socket')).map(({ conditions }) => conditions);
}

test.for([...examples, 'dangerous'])('shipped profiles: %s has the sockets of the base', (name) => {
  const ofBase = socketConditions(containerBase().profile);
  expect(ofBase).toHaveLength(7);
  expect(socketConditions(sound(name))).toEqual(ofBase);
});

test('profiles: those that are generated are what generate-profiles.sh makes', async () => {
  using folder = new TemporaryFolder();
  const script = join(deployFolder, 'generate-profiles.sh');
  const { code } = await runCommand(['sh', script, folder.path], { deadlineMs: 120_000 });
  expect(code).toBe(0);
  const names = [...examples.flatMap((name) => [name, `${name}-crun`]), 'dangerous-crun'];
  for (const name of names) {
    for (const file of [
      `profiles/kubernetes/${name}.json`,
      `security-profiles-operator/${name}.yaml`,
    ]) {
      const [shipped, made] = [deployFolder, folder.path].map((from) =>
        manifestsIn(readFileSync(join(from, file), 'utf8')).map(({ object }) => object),
      );
      expect(shipped).toEqual(made);
    }
  }
});
