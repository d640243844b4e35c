// SPDX-License-Identifier: Apache-2.0
// Tests what the doctor makes of machines that are not this one.
import { readFileSync } from 'node:fs';
import { constants } from 'node:os';
import { join } from 'node:path';

import { describe, expect, test } from 'vitest';
import { parse } from 'yaml';

import type { Check, CommandOutput, Machine } from '../../host/doctor/check.ts';
import { kernelChecks } from '../../host/doctor/kernel.ts';
import { thisMachine } from '../../host/doctor/machine.ts';
import { runtimeChecks } from '../../host/doctor/runtimes.ts';
import {
  capabilityUseCheck,
  neededCapabilities,
  surroundingChecks,
} from '../../host/doctor/surroundings.ts';
import type { ProbeOutcome } from '../../host/native.ts';
import { projectRoot } from '../support/command.ts';
import { naming } from '../support/failures.ts';

const works: ProbeOutcome = { works: true, step: '', errno: 0, signal: 0 };

interface Seen {
  readonly check: Check | undefined;
  readonly tried: readonly string[];
}

function machineWith(parts: Partial<Machine>): Machine {
  return {
    read: () => undefined,
    inode: () => undefined,
    run: () => undefined,
    environment: {},
    ...parts,
  };
}

function named(checks: readonly Check[], name: string): Check | undefined {
  return checks.find((check) => check.name === name);
}

/** Findings where one probe fails. */
function failing(name: string, outcome: Partial<ProbeOutcome>): readonly Check[] {
  return kernelChecks((each) => (each === name ? { ...works, works: false, ...outcome } : works));
}

/** Finding where the kernel lacks the checked feature. */
function statusWithout(name: string): string | undefined {
  return named(failing(name, { step: name, errno: constants.errno.ENOSYS }), name)?.status;
}

/** Findings where these files are. */
function reading(files: Readonly<Record<string, string>>): readonly Check[] {
  return surroundingChecks(machineWith({ read: (path) => files[path] }));
}

/** Findings where programs of PATH say this. */
function saying(outputs: Readonly<Record<string, string>>): readonly Check[] {
  const run = (command: string, args: readonly string[]): CommandOutput | undefined => {
    const stdout = outputs[`${command} ${args.join(' ')}`];
    if (stdout !== undefined) return { code: 0, stdout };
    return outputs[`${command} --version`] === undefined ? undefined : { code: 1, stdout: '' };
  };
  return runtimeChecks(machineWith({ run }));
}

function features(actions: readonly string[]): string {
  return JSON.stringify({ linux: { seccomp: { enabled: true, actions } } });
}

describe('the kernel', () => {
  test('doctor: missing needs of the agent fail, other findings are warnings', () => {
    const needed = ['signals', 'notify', 'pidfd-getfd', 'caller-memory', 'openat2'];
    const all = kernelChecks(() => works).map(({ name }) => name);
    expect(all.filter((name) => statusWithout(name) === 'fail')).toEqual(needed);
  });

  test('K9: doctor: a kernel that loses answers is told of', () => {
    const check = named(failing('fast-reply', { step: 'lossless' }), 'fast-reply');
    expect(check).toMatchObject({ status: 'warn', message: naming('lossless') });
  });

  test('K9: doctor: without the flag there is no answer to be lost', () => {
    const checks = failing('wait-killable', {
      step: 'seccomp(2)',
      errno: constants.errno.EINVAL,
    });
    expect(named(checks, 'wait-killable')?.message).toEqual(naming('seccomp(2)', 'EINVAL'));
    expect(named(checks, 'fast-reply')).toBeUndefined();
  });

  test('doctor: where nothing can be signalled, nothing is started that has to be killed', () => {
    const checks = failing('signals', { step: 'kill', errno: constants.errno.EACCES });
    expect(checks.map(({ name, status }) => `${status} ${name}`)).toEqual(['fail signals']);
  });

  test('G9: doctor: where no memory of others can be read, it is no matter of labels', () => {
    const checks = failing('hidden-memory', { step: 'process_vm_readv' });
    expect(named(checks, 'labelled-memory')).toBeUndefined();
    expect(named(checks, 'labels')).toMatchObject({ status: 'ok' });
  });

  test('G9: doctor: a forbidden feature is no matter of versions', () => {
    const checks = failing('new-mounts', { step: 'fsopen', errno: constants.errno.EPERM });
    expect(named(checks, 'new-mounts')?.advice).toEqual(naming('AppArmor'));
  });
});

describe('the surroundings', () => {
  test.for([
    ['0', 'ok'],
    ['2', 'ok'],
    ['3', 'fail'],
  ] as const)('M3: doctor: ptrace_scope %s of Yama is %s', ([scope, status]) => {
    const checks = reading({ '/proc/sys/kernel/yama/ptrace_scope': `${scope}\n` });
    expect(named(checks, 'yama')).toMatchObject({ status });
  });

  test('doctor: the label of its own process is shown', () => {
    const checks = reading({
      '/sys/kernel/security/lsm': 'lockdown,capability,apparmor',
      '/proc/self/attr/current': 'docker-default (enforce)\n',
    });
    expect(named(checks, 'security-modules')?.message).toEqual(
      naming('lockdown,capability,apparmor', 'docker-default (enforce)'),
    );
  });

  test('doctor: the limit of its cgroup is memory, too', () => {
    const meminfo = { '/proc/meminfo': 'MemTotal: 9 kB\nMemAvailable:   8000000 kB\n' };
    expect(named(reading(meminfo), 'memory')).toMatchObject({ status: 'ok' });
    const limited = { ...meminfo, '/sys/fs/cgroup/memory.max': '67108864\n' };
    expect(named(reading(limited), 'memory')).toMatchObject({ status: 'warn', message: '64 MiB' });
    const unlimited = { ...meminfo, '/sys/fs/cgroup/memory.max': 'max\n' };
    expect(named(reading(unlimited), 'memory')).toMatchObject({ status: 'ok' });
  });

  test.for([
    ['/sys/fs/cgroup/cgroup.controllers', '2'],
    ['/sys/fs/cgroup/freezer/cgroup.procs', '1'],
  ])('doctor: cgroups with %s are of version %s', ([file, version]) => {
    const machine = machineWith({ inode: (path) => (path === file ? 1 : undefined) });
    expect(named(surroundingChecks(machine), 'cgroups')?.message).toEqual(
      naming(new RegExp(String.raw`\b${version}\b`, 'u')),
    );
  });

  test('doctor: without cgroups nothing can be frozen', () => {
    expect(named(surroundingChecks(machineWith({})), 'cgroups')).toMatchObject({ status: 'warn' });
  });
});

describe('the use of Linux capabilities', () => {
  const initialUser = 0xeffffffd;

  /** Findings where a process has these and may not use the named ones. */
  function using(effective: string, forbidden: readonly string[], inode = initialUser): Seen {
    const tried: string[] = [];
    const machine = machineWith({
      read: (path) => (path === '/proc/self/status' ? `CapEff:\t${effective}\n` : undefined),
      inode: () => inode,
    });
    const [check] = capabilityUseCheck(machine, (name) => {
      tried.push(name);
      const outcome = { works: false, step: name, errno: constants.errno.EPERM, signal: 0 };
      return forbidden.includes(name) ? outcome : works;
    });
    return { check, tried };
  }

  test('G9: doctor: those that are there are tried, but for those of other checks', () => {
    const others = ['CAP_SYS_PTRACE', 'CAP_SYS_ADMIN'];
    const all = neededCapabilities.map(({ name }) => name);
    const { check, tried } = using('1ffffffffff', []);
    expect(check).toMatchObject({ status: 'ok' });
    expect(tried).toEqual(all.filter((name) => !others.includes(name)));
    // CAP_CHOWN and CAP_KILL
    expect(using('21', []).tried.toSorted()).toEqual(['CAP_CHOWN', 'CAP_KILL']);
  });

  test.for([
    ['CAP_SETUID', 'fail'],
    ['CAP_CHOWN', 'warn'],
  ] as const)('G9: doctor: %s that cannot be used is %s', ([name, status]) => {
    const { check } = using('1ffffffffff', [name]);
    expect(check).toMatchObject({
      status,
      message: naming(`${name}: EPERM`),
      advice: naming(name),
    });
  });

  test('doctor: in another user namespace they are not tried', () => {
    expect(using('1ffffffffff', [], 1)).toEqual({ check: undefined, tried: [] });
  });
});

test('doctor: the Linux capabilities are those that the DaemonSet gives', () => {
  const file = join(projectRoot, 'deploy/kubernetes/4-daemonset.yaml');
  const [container] = parse(readFileSync(file, 'utf8')).spec.template.spec.containers;
  const given: readonly string[] = container.securityContext.capabilities.add;
  expect(given.map((name) => `CAP_${name}`).toSorted()).toEqual(
    neededCapabilities.map(({ name }) => name).toSorted(),
  );
});

describe('the runtimes', () => {
  test.for([
    ['runc --version', 'runc version 1.0.3\nlibseccomp: 2.5.4\n', 'fail'],
    ['runc --version', 'runc version 1.1.15+ds1\nlibseccomp: 2.4.4\n', 'fail'],
    ['runc --version', 'runc version 1.1.15+ds1\nspec: 1.2.0\nlibseccomp: 2.6.0\n', 'warn'],
    ['runc --version', 'runc version 1.5.0\nlibseccomp: 2.6.0\n', 'ok'],
    ['crun --version', 'crun version 0.18\n', 'fail'],
    ['crun --version', 'crun version 1.4.5\n', 'warn'],
    ['crun --version', 'crun version 1.21\n', 'ok'],
    ['crun --version', 'crun version UNKNOWN\n', 'warn'],
  ] as const)('doctor: %s that says %j is %s', ([command, stdout, status]) => {
    const [check] = saying({ [command]: stdout });
    expect(check).toMatchObject({ status });
  });

  test('doctor: a runtime that says what it knows is believed', () => {
    const version = { 'crun --version': 'crun version 1.21\n' };
    const [without] = saying({ ...version, 'crun features': features(['SCMP_ACT_ALLOW']) });
    expect(without).toMatchObject({ status: 'fail' });
    const [having] = saying({ ...version, 'crun features': features(['SCMP_ACT_NOTIFY']) });
    expect(having).toMatchObject({ status: 'ok' });
  });

  test('doctor: a program that is not there is none that says nothing', () => {
    expect(thisMachine.run('seccompagent-no-such-program', [])).toBeUndefined();
    expect(thisMachine.run('false', [])).toEqual({ code: 1, stdout: '' });
  });

  test('doctor: in a pod, the runtimes of the node are not missed', () => {
    const machine = machineWith({ environment: { KUBERNETES_SERVICE_HOST: '10.96.0.1' } });
    expect(runtimeChecks(machine)).toMatchObject([{ name: 'runtimes', status: 'ok' }]);
  });

  test('doctor: no runtime in PATH is told of, and what runs containers is named', () => {
    expect(saying({ 'podman --version': 'podman version 5.4.2\n' })).toEqual([
      expect.objectContaining({ name: 'runtimes', status: 'warn' }),
      { name: 'podman', status: 'ok', message: '5.4.2' },
    ]);
  });
});
