// SPDX-License-Identifier: Apache-2.0
// Tests `seccompagent doctor` under profiles of AppArmor that take away what an agent needs.
import { beforeAll, expect, test } from 'vitest';

import { doctorSees } from '../support/doctor.ts';
import type { Seen } from '../support/doctor.ts';
import { naming } from '../support/failures.ts';
import { loadProfile } from './profiles.ts';

/** Needs of an agent, by the rules that give them. */
const rules = [
  'file,',
  'capability,',
  'change_profile,',
  'mount,',
  'network,',
  'pivot_root,',
  'ptrace,',
  'signal,',
  'umount,',
  'unix,',
  'userns,',
] as const;

/** Without some of these rules, and with others. */
function profileOf(
  name: string,
  { without = [], others = [] }: Partial<Record<'without' | 'others', readonly string[]>>,
): string {
  const kept = rules.filter((rule) => !without.includes(rule));
  return loadProfile(name, [...kept, ...others], 'flags=(attach_disconnected)');
}

async function doctorUnder(profile: string): Promise<Seen> {
  return doctorSees(['aa-exec', '-p', profile, '--']);
}

let unconfined: Seen;

beforeAll(async () => {
  unconfined = await doctorSees();
});

/** Those that say something else than without a profile, but for what is left of memory. */
function changed({ checks }: Seen): readonly string[] {
  return checks
    .filter(({ name, status }) => name !== 'memory' && unconfined.of(name)?.status !== status)
    .map(({ name, status }) => `${status} ${name}`);
}

/** What may forbid something, as advice names it. */
const modules = ['AppArmor', 'SELinux'] as const;

test('G9: doctor: without a profile, and with one that gives all, nothing is missing', async () => {
  expect(unconfined.checks.filter(({ status }) => status === 'fail')).toEqual([]);
  for (const name of ['capability-use', 'labelled-memory', 'labels', 'new-mounts']) {
    expect(unconfined.of(name)).toMatchObject({ status: 'ok' });
  }
  const seen = await doctorUnder(profileOf('gives-all', {}));
  expect(seen.of('security-modules')?.message).toContain('gives-all (enforce)');
  expect(changed(seen)).toEqual([]);
  expect(seen.code).toBe(0);
});

test('G9: doctor: a profile that lets nobody be traced', async () => {
  const seen = await doctorUnder(profileOf('traces-nobody', { without: ['ptrace,'] }));
  expect(changed(seen)).toEqual([
    'fail notify',
    'fail pidfd-getfd',
    'fail caller-memory',
    'warn hidden-memory',
    'warn namespaces',
    'warn idmapped-mounts',
  ]);
  for (const name of ['pidfd-getfd', 'caller-memory']) {
    expect(seen.of(name)?.advice).toEqual(naming(...modules));
  }
  expect(seen.of('caller-memory')?.message).toEqual(naming('process_vm_readv', 'EPERM'));
  expect(seen.code).toBe(1);
});

// what profiles for all containers allow; the children of doctor have its own label
test('G9: doctor: a profile that lets only its own be traced', async () => {
  const name = 'traces-its-own';
  const others = [`ptrace peer=${name},`];
  const seen = await doctorUnder(profileOf(name, { without: ['ptrace,'], others }));
  expect(changed(seen)).toEqual(['warn labelled-memory']);
  expect(seen.of('labelled-memory')).toMatchObject({
    message: naming('process_vm_readv', 'EPERM'),
    advice: naming('ptrace,'),
  });
});

test('G9: doctor: a profile that must not be left for those of callers', async () => {
  const seen = await doctorUnder(profileOf('stays', { without: ['change_profile,'] }));
  expect(changed(seen)).toEqual(['warn labels']);
  expect(seen.of('labels')).toMatchObject({
    message: naming('EACCES'),
    advice: naming('change_profile,'),
  });
});

test('G9: doctor: a profile that forbids to mount', async () => {
  const without = ['mount,', 'umount,', 'pivot_root,'];
  const seen = await doctorUnder(profileOf('mounts-nothing', { without }));
  expect(changed(seen)).toEqual(['warn new-mounts']);
  expect(seen.of('new-mounts')).toMatchObject({
    message: naming('EACCES'),
    advice: naming(...modules),
  });
});

test('G9: doctor: a profile that forbids signals', async () => {
  const seen = await doctorUnder(profileOf('signals-nobody', { without: ['signal,'] }));
  expect(seen.of('signals')).toMatchObject({
    status: 'fail',
    message: naming(/\bkill\b/u, 'EACCES'),
    advice: naming('signal,'),
  });
  // what would be tried with processes that have to be ended is not
  expect(seen.of('notify')).toBeUndefined();
  expect(seen.code).toBe(1);
});

// two profiles, since some can only be tried with others
test.for([
  {
    names: ['dac_override', 'fowner', 'fsetid', 'kill', 'mknod', 'setgid', 'setpcap', 'sys_chroot'],
  },
  { names: ['chown', 'setuid', 'sys_nice'] },
])('G9: doctor: a profile that forbids to use $names', async ({ names }) => {
  const others = names.map((name) => `deny capability ${name},`);
  const seen = await doctorUnder(profileOf(`denies-${names[0]}`, { others }));
  // /proc says that they are there
  expect(seen.of('linux-capabilities')).toMatchObject({ status: 'ok' });
  const check = seen.of('capability-use');
  expect(check).toMatchObject({ status: 'fail' });
  const told = names.map((name) => `CAP_${name.toUpperCase()}`);
  expect(check?.message).toEqual(naming(...told));
  expect(check?.message.match(/\bCAP_\w+/gu)).toHaveLength(names.length);
  expect(check?.advice).toEqual(naming(...told, ...modules));
});
