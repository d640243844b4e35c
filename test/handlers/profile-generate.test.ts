// SPDX-License-Identifier: Apache-2.0
// Tests the seccomp profiles that are made.
import { describe, expect, test } from 'vitest';
import { parse } from 'yaml';

import { syscallNumbers } from '../../host/syscalls/syscall-numbers.ts';
import { containerBase, refusedCalls } from '../../host/profile/container-base.ts';
import { expectedToBeTrapped, runtimeCalls } from '../../host/profile/runtime-calls.ts';
import { isKnownCall, isNewerThanLibseccomp } from '../../host/profile/families.ts';
import { kinOf } from '../../host/profile/kin.ts';
import { generateProfile, ociText } from '../../host/profile/generate.ts';
import type { Generated, Wanted } from '../../host/profile/generate.ts';
import { lint } from '../../host/profile/lint.ts';
import { operatorText } from '../../host/profile/operator-profile.ts';
import { actionsOf } from '../../host/profile/profile.ts';
import type { Profile } from '../../host/profile/profile.ts';
import { preFilters } from '../../host/profile/pre-filters.ts';
import { readProfile, readSoundProfile } from '../../host/profile/read-profile.ts';
import { isRefusedBy, refusalsOf } from '../../host/profile/refusals.ts';
import { families, familyMembers } from '../../host/syscalls/syscall-table.ts';
import type { Bundle } from '../../host/bundles/bundle.ts';
import { BundleStore } from '../../host/bundles/bundle-store.ts';
import { failure, naming } from '../support/failures.ts';

function generated(changes: Partial<Wanted> = {}): Generated {
  return generateProfile({
    syscalls: familyMembers('mkdir'),
    listenerPath: '/run/agent.socket',
    listenerMetadata: 'BUNDLE=names',
    isWaitKillable: false,
    ...changes,
  });
}

function baseOf(json: object): Wanted['base'] {
  return readSoundProfile(JSON.stringify(json), 'base.json');
}

function reread(made: Generated): Profile {
  return readSoundProfile(ociText(made), 'made.json').profile;
}

function rules(made: Generated): readonly Readonly<Record<string, unknown>>[] {
  return JSON.parse(ociText(made)).syscalls;
}

/** Only libseccomp can mend the one; the other is what is there without a base. */
const usual = ['unknown-to-runtimes', 'allows-all'];

function findings(text: string): readonly string[] {
  const read = readProfile(text);
  if (read.profile !== undefined) lint(read.profile, read.findings);
  return read.findings.all.map(({ code }) => code).filter((code) => !usual.includes(code));
}

/** Of its calls that a runtime makes itself when the filter is there. */
function ofRuntimes(family: string): readonly string[] {
  const made = runtimeCalls.flatMap((own) => own.made);
  return familyMembers(family)
    .filter((name) => made.includes(name) && !expectedToBeTrapped.includes(name))
    .map(() => 'notify-runtime');
}

test.for(families())('K21: generate: the family %s is complete, and nothing is wrong', (family) => {
  const made = generated({ syscalls: familyMembers(family), isWaitKillable: true });
  expect(rules(made)[0]).toEqual({
    names: familyMembers(family).toSorted(),
    action: 'SCMP_ACT_NOTIFY',
  });
  // its kin is left to programs, and said
  const noted = [...ofRuntimes(family), ...kinOf(family).map(() => 'walks-around')];
  expect(findings(ociText(made)).toSorted()).toEqual(['flags-refused', ...noted]);
  expect(findings(operatorText(made, 'a-b')).toSorted()).toEqual(['flags-refused', ...noted]);
});

/** Notes that begin with calls, and name others or flags. */
function notesOn(made: Generated, calls: string, ...named: readonly string[]): readonly string[] {
  return made.notes.filter(
    (note) =>
      note.startsWith(`${calls}: `) &&
      named.every((name) => new RegExp(`\\b${name}\\b`, 'u').test(note)),
  );
}

test('K21: generate: calls with the same effect on open files stay as they are, and are noted', () => {
  const noted = (changes: Partial<Wanted>): number =>
    notesOn(generated(changes), 'fchmod', 'chmod').length;
  const chmod = familyMembers('chmod');
  expect(noted({ syscalls: chmod })).toBe(1);
  expect(actionsOf(reread(generated({ syscalls: chmod })), 'fchmod')).toEqual(['SCMP_ACT_ALLOW']);
  expect(noted({ syscalls: [...chmod, 'fchmod'] })).toBe(0);
  const base = baseOf({ defaultAction: 'SCMP_ACT_ERRNO', syscalls: [] });
  expect(noted({ syscalls: chmod, base })).toBe(0);
  expect(noted({ syscalls: chmod, base, allowed: ['fchmod'] })).toBe(1);
});

test('K21: generate: calls with the effect of others are noted, unless they are refused', () => {
  expect(
    notesOn(generated({ syscalls: ['connect'] }), 'sendto, sendmsg, sendmmsg', 'connect'),
  ).toHaveLength(1);
  expect(notesOn(generated({ syscalls: ['accept'] }), 'accept4', 'accept')).toHaveLength(1);
  const unlink = generated({ syscalls: familyMembers('unlink') });
  expect(notesOn(unlink, 'rename, renameat, renameat2', 'unlink')).toHaveLength(1);
  const guarded = [
    ...familyMembers('umount'),
    ...familyMembers('mount'),
    ...familyMembers('mountapi'),
  ];
  const counts = [[], ['pivot_root']].map(
    (words) =>
      notesOn(generated({ syscalls: guarded, refused: refusalsOf(words) }), 'pivot_root').length,
  );
  expect(counts).toEqual([1, 0]);
});

test.for([
  ['sendto', 3],
  ['sendmsg', 2],
  ['sendmmsg', 3],
] as const)('K21: generate: where connect is handled, %s does not connect', ([name, index]) => {
  const flag = 0x2000_0000;
  const rulesOf = (changes: Partial<Wanted>): readonly object[] =>
    rules(generated(changes)).filter(({ names }) => Array.isArray(names) && names.includes(name));
  const op = 'SCMP_CMP_MASKED_EQ';
  const refusing = {
    names: [name],
    action: 'SCMP_ACT_ERRNO',
    errnoRet: 95,
    args: [{ index, value: flag, valueTwo: flag, op }],
  };
  const passing = {
    names: [name],
    action: 'SCMP_ACT_ALLOW',
    args: [{ index, value: flag, valueTwo: 0, op }],
  };
  const base = baseOf({ defaultAction: 'SCMP_ACT_ALLOW', syscalls: [] });
  expect(rulesOf({ syscalls: ['connect'] })).toEqual([refusing, passing]);
  expect(rulesOf({ syscalls: ['connect'], base })).toEqual([refusing]);
  expect(rulesOf({ syscalls: ['connect'], allowed: [name] })).toEqual([refusing, passing]);
  expect(rulesOf({ syscalls: ['connect', name] })).toMatchObject([{ action: 'SCMP_ACT_NOTIFY' }]);
});

test('K21: generate: what changes lengths beside truncate stays as it is, and is said', () => {
  const truncate = familyMembers('truncate');
  const all = [...truncate, ...familyMembers('open'), 'fallocate'];
  const counts = [truncate, all].map((syscalls) => {
    const made = generated({ syscalls });
    return [
      notesOn(made, 'fallocate', 'truncate').length,
      notesOn(made, 'open, openat, openat2, creat', 'O_TRUNC', 'truncate').length,
    ];
  });
  expect(counts).toEqual([
    [1, 1],
    [0, 0],
  ]);
});

test('generate: the same bundles give the same text', () => {
  const syscalls = familyMembers('open');
  expect(ociText(generated({ syscalls: syscalls.toReversed() }))).toBe(
    ociText(generated({ syscalls })),
  );
});

const rings = ['io_uring_enter', 'io_uring_register', 'io_uring_setup'];
const unseen = [...rings, 'pidfd_getfd'];

test.for(families())(
  'K21: generate: io_uring and pidfd_getfd fail beside %s, whatever the base is',
  (family) => {
    const open = baseOf({ defaultAction: 'SCMP_ACT_ALLOW', syscalls: [] });
    for (const base of [undefined, containerBase(), open]) {
      const made = generated({ syscalls: familyMembers(family), base });
      expect(rules(made)[1]).toMatchObject({
        names: expect.arrayContaining(unseen),
        errnoRet: 38,
      });
    }
  },
);

test('K21: generate: io_uring is left to whoever asks for it, and that is said', () => {
  const made = generated({ allowed: rings });
  for (const name of rings) expect(actionsOf(reread(made), name)).toEqual(['SCMP_ACT_ALLOW']);
  expect(made.notes).toContainEqual(naming(rings.join(', ')));
  expect(findings(ociText(made))).toContain('io-uring');
});

test('K21: generate: pidfd_getfd is left to whoever asks for it, and that is said', () => {
  const made = generated({ allowed: ['pidfd_getfd'] });
  expect(actionsOf(reread(made), 'pidfd_getfd')).toEqual(['SCMP_ACT_ALLOW']);
  expect(made.notes).toContainEqual(naming('pidfd_getfd', 'CAP_SYS_PTRACE'));
  expect(findings(ociText(made))).toContain('listener-taken');
});

test.for([
  ['open', 'open_by_handle_at'],
  ['umount', 'open_by_handle_at'],
  ['connect', 'socketcall'],
  ['msgget', 'ipc'],
] as const)(
  'K21: generate, lint: beside %s the call %s fails, or is told of',
  ([family, around]) => {
    const made = generated({ syscalls: familyMembers(family) });
    expect(actionsOf(reread(made), around)).toEqual(['SCMP_ACT_ERRNO']);
    const notify = { names: familyMembers(family), action: 'SCMP_ACT_NOTIFY' };
    const open = { defaultAction: 'SCMP_ACT_ALLOW', listenerPath: '/s', syscalls: [notify] };
    expect(findings(JSON.stringify(open))).toContain('walks-around');
    expect(() => generated({ syscalls: familyMembers(family), allowed: [around] })).toThrow(
      failure('AGENT_PROFILE_INVALID', around),
    );
  },
);

test('K21: generate: without a base, calls that nobody knows fail with ENOSYS, all others pass', () => {
  const made = generated();
  expect(made.profile).toMatchObject({ defaultAction: 'SCMP_ACT_ERRNO', defaultErrnoRet: 38 });
  const handled = [...familyMembers('mkdir'), ...unseen, 'seccomp'];
  const passing = syscallNumbers.map(([name]) => name).filter((name) => !handled.includes(name));
  for (const name of passing) {
    expect([name, actionsOf(reread(made), name)]).toEqual([name, ['SCMP_ACT_ALLOW']]);
  }
  expect(parse(operatorText(made, 'a')).spec).not.toHaveProperty('defaultErrnoRet');
});

test('K21: generate: calls that bypass the handler fail, so that programs use the older calls', () => {
  const made = generated({ syscalls: ['mount'] });
  expect(rules(made)[1]).toEqual({
    names: [...familyMembers('mountapi'), ...unseen, 'open_by_handle_at'].toSorted(),
    action: 'SCMP_ACT_ERRNO',
    errnoRet: 38,
  });
  expect(made.notes).toEqual([naming('-base container'), naming('move_mount', 'ENOSYS')]);
  const base = baseOf({ defaultAction: 'SCMP_ACT_ALLOW', syscalls: [] });
  expect(generated({ syscalls: ['mount'], base }).notes).toContainEqual(
    naming('open_tree_attr', 'libseccomp 2.6.0'),
  );
});

function cloneAllowed(args: readonly object[]): object {
  const rule = { names: ['clone'], action: 'SCMP_ACT_ALLOW' };
  return args.length === 0 ? rule : { ...rule, args };
}

function allowingClone(...args: readonly object[]): Wanted['base'] {
  return baseOf({ defaultAction: 'SCMP_ACT_ERRNO', syscalls: [cloneAllowed(args)] });
}

function rulesOfClone(base?: Wanted['base']): readonly object[] {
  return rules(generated({ syscalls: ['unshare'], base })).filter(
    ({ names }) => JSON.stringify(names) === '["clone"]',
  );
}

describe('K21: generate: unshare(2), and what else makes namespaces', () => {
  const refused = [17, 25, 26, 27, 28, 29, 30].map((bit) => ({
    names: ['clone'],
    action: 'SCMP_ACT_ERRNO',
    errnoRet: 38,
    args: [{ index: 0, value: 2 ** bit, valueTwo: 2 ** bit, op: 'SCMP_CMP_MASKED_EQ' }],
  }));
  const without = { index: 0, value: 0x7e02_0000, valueTwo: 0, op: 'SCMP_CMP_MASKED_EQ' };

  test('generate: clone3 and setns fail, and clone with flags of namespaces does', () => {
    const made = generated({ syscalls: ['unshare'] });
    expect(rules(made)[1]).toMatchObject({ names: ['clone3', ...unseen, 'setns'], errnoRet: 38 });
    expect(rulesOfClone()).toEqual([...refused, cloneAllowed([without])]);
    expect(findings(ociText(made))).toEqual(['wait-killable']);
  });

  test('generate: threads and processes are made as the base has it', () => {
    expect(rulesOfClone(allowingClone())).toEqual([...refused, cloneAllowed([without])]);
    expect(rulesOfClone(allowingClone(without))).toEqual([cloneAllowed([without])]);
    expect(() => rulesOfClone(allowingClone({ ...without, value: 1 }))).toThrow(
      failure('AGENT_PROFILE_INVALID', 'clone(2)'),
    );
  });
});

describe('generate: on the base for containers', () => {
  const base = containerBase();

  test('generate: handlers get the calls that they answer, and rules of the base stay', () => {
    const made = generated({ syscalls: familyMembers('mount'), base, isWaitKillable: true });
    const { profile } = readSoundProfile(ociText(made), 'made');
    const actions = ['mount', 'bpf', 'read', 'fsopen', 'clone3'].map((name) =>
      actionsOf(profile, name),
    );
    expect(actions).toEqual([
      ['SCMP_ACT_NOTIFY'],
      ['SCMP_ACT_ERRNO'],
      ['SCMP_ACT_ALLOW'],
      ['SCMP_ACT_ERRNO'],
      ['SCMP_ACT_ERRNO'],
    ]);
    expect(findings(ociText(made))).toEqual(['flags-refused']);
    expect(findings(operatorText(made, 'a'))).toEqual(['flags-refused']);
  });

  test('generate: it refuses calls by name, also those newer than runtimes', () => {
    expect(refusedCalls.filter((name) => !isKnownCall(name))).toEqual([]);
    const newer = syscallNumbers
      .map(([name]) => name)
      .filter((name) => isNewerThanLibseccomp(name));
    expect(newer).toContain('open_tree_attr');
    for (const name of [...refusedCalls, ...newer]) {
      expect([name, actionsOf(base.profile, name)]).toEqual([name, ['SCMP_ACT_ERRNO']]);
    }
  });

  test('generate: it allows sockets of all families but AF_ALG and AF_VSOCK, by their 32 bits', () => {
    const { rules: all } = base.profile;
    const sockets = all.filter(({ names }) => names.includes('socket'));
    const isAllowed = (family: bigint): boolean =>
      sockets.some(({ action, conditions }) => {
        expect([action, conditions.length]).toEqual(['SCMP_ACT_ALLOW', 1]);
        return conditions.every(({ index, op, value, valueTwo }) => {
          expect([index, op]).toEqual([0, 'SCMP_CMP_MASKED_EQ']);
          return (family & BigInt(value)) === BigInt(valueTwo);
        });
      });
    const numbers = [...Array(64).keys()].map(BigInt);
    const known = numbers.filter((family) => family < 46n);
    const allowed = known.filter((family) => family !== 38n && family !== 40n);
    for (const above of [0n, 2n ** 32n, 2n ** 63n]) {
      expect(numbers.filter((family) => isAllowed(above + family))).toEqual(allowed);
    }
  });

  test('generate: calls opened beyond their conditions are noted', () => {
    const allowed = ['socket', 'personality', 'clone3', 'clone', 'bpf', 'read'];
    const made = generated({ base, allowed });
    const counts = allowed.map((name) => notesOn(made, name).length);
    expect(counts).toEqual([1, 1, 1, 1, 0, 0]);
    expect(notesOn(made, 'socket', 'AF_ALG', 'AF_VSOCK')).toHaveLength(1);
    const read = readSoundProfile(JSON.stringify(made.profile), 'made').profile;
    for (const name of allowed) expect(actionsOf(read, name)).toEqual(['SCMP_ACT_ALLOW']);
    const open = baseOf({ defaultAction: 'SCMP_ACT_ALLOW', syscalls: [] });
    expect(generated({ base: open, allowed }).notes).toEqual([
      expect.stringMatching(/^io_uring_enter, .* ENOSYS/u),
    ]);
  });

  test('generate: allowed variants pass, where they bypass nothing', () => {
    const made = generated({ syscalls: familyMembers('mount'), base, allowed: ['unshare'] });
    const { profile } = readSoundProfile(ociText(made), 'made');
    expect(actionsOf(profile, 'unshare')).toEqual(['SCMP_ACT_ALLOW']);
    for (const name of ['mount', 'fsopen', 'seccomp']) {
      expect(() => generated({ syscalls: ['mount'], base, allowed: [name] })).toThrow(
        failure('AGENT_PROFILE_INVALID', name),
      );
    }
    expect(() => generated({ syscalls: ['unshare'], base, allowed: ['clone'] })).toThrow(
      failure('AGENT_PROFILE_INVALID', 'clone'),
    );
  });
});

function rulesFor(name: string, made: Generated): readonly object[] {
  return rules(made).filter(({ names }) => Array.isArray(names) && names.includes(name));
}

/** Rules for a call with the flags of mount and user namespaces, and others. */
function failing(name: string, ...more: readonly number[]): readonly object[] {
  return [0x2_0000, 0x1000_0000, ...more].map((value) => ({
    names: [name],
    action: 'SCMP_ACT_ERRNO',
    errnoRet: 1,
    args: [{ index: 0, value, valueTwo: value, op: 'SCMP_CMP_MASKED_EQ' }],
  }));
}

describe('K21: generate: what a bundle wants refused', () => {
  const refused = refusalsOf(['CLONE_NEWNS', 'CLONE_NEWUSER', 'pivot_root', 'umount']);
  const emptyMounts = 0x10_0000;
  const without = { index: 0, value: 0x1012_0000, valueTwo: 0, op: 'SCMP_CMP_MASKED_EQ' };

  function isRefused(made: Generated): boolean {
    const { profile } = readSoundProfile(ociText(made), 'made.json');
    return refused.every((refusal) => isRefusedBy(profile, refusal));
  }

  test('generate: fails with EPERM, by the flags in registers, and clone3 with ENOSYS', () => {
    const made = generated({ refused });
    expect(isRefused(generated())).toBe(false);
    expect(isRefused(made)).toBe(true);
    expect(rulesFor('pivot_root', made)).toEqual([
      { names: ['pivot_root', 'umount', 'umount2'], action: 'SCMP_ACT_ERRNO', errnoRet: 1 },
    ]);
    expect(rulesFor('clone3', made)).toEqual([
      { names: ['clone3'], action: 'SCMP_ACT_ERRNO', errnoRet: 38 },
    ]);
    const rest = { action: 'SCMP_ACT_ALLOW', args: [{ ...without, value: 0x1002_0000 }] };
    expect(rulesFor('clone', made)).toEqual([...failing('clone'), { names: ['clone'], ...rest }]);
    expect(rulesFor('unshare', made)).toEqual([
      ...failing('unshare', emptyMounts),
      { names: ['unshare'], action: 'SCMP_ACT_ALLOW', args: [without] },
    ]);
    expect(made.notes).toContainEqual(
      naming(
        'pivot_root, umount, umount2',
        /\bclone\b[^,]*\bCLONE_NEWNS\b[^,]*\bCLONE_NEWUSER\b/u,
        /\bunshare\b[^,]*\bCLONE_NEWNS\b[^,]*\bCLONE_NEWUSER\b[^,]*\bUNSHARE_EMPTY_MNTNS\b/u,
        /\bclone3\b/u,
      ),
    );
    expect(findings(ociText(made))).toEqual(findings(ociText(generated())));
  });

  test('generate: a base that lets it pass goes on without these flags', () => {
    const names = ['clone', 'unshare', 'pivot_root', 'read'];
    const base = baseOf({
      defaultAction: 'SCMP_ACT_ERRNO',
      syscalls: [{ names, action: 'SCMP_ACT_ALLOW' }],
    });
    const made = generated({ refused, base });
    expect(isRefused(made)).toBe(true);
    const left = { names: ['unshare'], action: 'SCMP_ACT_ALLOW', args: [without] };
    expect(rulesFor('unshare', made)).toEqual([...failing('unshare', emptyMounts), left]);
    expect(rulesFor('read', made)).toEqual([{ names: ['read'], action: 'SCMP_ACT_ALLOW' }]);
  });

  test('generate: a base that refuses it already keeps its rules', () => {
    const base = containerBase();
    const made = generated({ refused, base });
    expect(isRefused(made)).toBe(true);
    expect(rules(made)).toEqual(rules(generated({ base })));
  });

  test('generate: calls refused to some containers are refused to all', () => {
    const syscalls = ['clone3', 'pivot_root'].map((name) => ({
      names: [name],
      action: 'SCMP_ACT_ERRNO',
      excludes: { caps: ['CAP_SYS_ADMIN'] },
    }));
    const base = baseOf({ defaultAction: 'SCMP_ACT_ALLOW', syscalls });
    expect(rulesFor('clone3', generated({ refused, base }))).toEqual([
      { names: ['clone3'], action: 'SCMP_ACT_ERRNO', errnoRet: 38 },
    ]);
  });

  test('generate: calls allowed to some containers only stay theirs', () => {
    const includes = { caps: ['CAP_SYS_ADMIN'] };
    const whole = { index: 0, value: 0x7e02_0000, valueTwo: 0, op: 'SCMP_CMP_MASKED_EQ' };
    const forOthers = {
      names: ['clone'],
      action: 'SCMP_ACT_ALLOW',
      args: [whole],
      excludes: includes,
    };
    const base = baseOf({
      defaultAction: 'SCMP_ACT_ERRNO',
      syscalls: [forOthers, { names: ['clone', 'unshare'], action: 'SCMP_ACT_ALLOW', includes }],
    });
    const made = generated({ refused, base });
    expect(isRefused(made)).toBe(true);
    const passing = (name: string, value: number): object => ({
      names: [name],
      action: 'SCMP_ACT_ALLOW',
      includes,
      args: [{ ...without, value }],
    });
    expect(rulesFor('clone', made)).toEqual([
      ...failing('clone'),
      forOthers,
      passing('clone', 0x1002_0000),
    ]);
    expect(rulesFor('unshare', made)).toEqual([
      ...failing('unshare', emptyMounts),
      passing('unshare', 0x1012_0000),
    ]);
  });

  test('generate: -allow opens what else the calls do', () => {
    const made = generated({ refused, base: containerBase(), allowed: ['unshare', 'setns'] });
    expect(isRefused(made)).toBe(true);
    const left = { names: ['unshare'], action: 'SCMP_ACT_ALLOW', args: [without] };
    expect(rulesFor('unshare', made)).toEqual([...failing('unshare', emptyMounts), left]);
    const cloning = generated({ refused, base: containerBase(), allowed: ['clone'] });
    expect(notesOn(cloning, 'clone', 'CLONE_NEWNS', 'CLONE_NEWUSER')).toHaveLength(1);
    for (const name of ['pivot_root', 'clone3', 'umount2']) {
      expect(() => generated({ refused, base: containerBase(), allowed: [name] })).toThrow(
        failure('AGENT_PROFILE_INVALID', name),
      );
    }
  });

  test('generate: calls that a handler answers cannot be refused', () => {
    expect(() => generated({ syscalls: ['mkdir', 'pivot_root'], refused })).toThrow(
      failure('AGENT_PROFILE_INVALID', 'pivot_root'),
    );
  });

  test('generate: conditions of a base that let it pass are refused', () => {
    const args = [{ index: 0, value: 0x12_0000, valueTwo: 0, op: 'SCMP_CMP_MASKED_EQ' }];
    const base = baseOf({
      defaultAction: 'SCMP_ACT_ERRNO',
      syscalls: [{ names: ['unshare'], action: 'SCMP_ACT_ALLOW', args }],
    });
    const flagNames = ['CLONE_NEWNS', 'CLONE_NEWUSER', 'UNSHARE_EMPTY_MNTNS'] as const;
    expect(() => generated({ refused, base })).toThrow(
      failure('AGENT_PROFILE_INVALID', 'unshare', ...flagNames),
    );
    const only = generated({ refused: refusalsOf(['CLONE_NEWNS']), base });
    expect(rulesFor('unshare', only)).toEqual([
      { names: ['unshare'], action: 'SCMP_ACT_ALLOW', args },
    ]);
  });
});

test('K20: generate: whoever asks for a nested listener is told that there is none', () => {
  const flag = { index: 1, value: 8, op: 'SCMP_CMP_MASKED_EQ' };
  expect(rulesFor('seccomp', generated())).toEqual([
    {
      names: ['seccomp'],
      action: 'SCMP_ACT_ERRNO',
      errnoRet: 22,
      args: [{ ...flag, valueTwo: 8 }],
    },
    { names: ['seccomp'], action: 'SCMP_ACT_ALLOW', args: [{ ...flag, valueTwo: 0 }] },
  ]);
});

test('K8: generate: the flag is there where it is wanted', () => {
  expect(generated({ isWaitKillable: true }).profile).toMatchObject({
    flags: ['SECCOMP_FILTER_FLAG_WAIT_KILLABLE_RECV'],
  });
  expect(generated().profile).not.toHaveProperty('flags');
});

/** A base that allows seccomp(2) on conditions. */
function allowing(...args: readonly object[]): Wanted['base'] {
  return baseOf({
    defaultAction: 'SCMP_ACT_ERRNO',
    syscalls: [{ names: ['seccomp', 'read'], action: 'SCMP_ACT_ALLOW', args }],
  });
}

/** On the flags of seccomp(2). */
function flags(op: string, value: number, valueTwo = 0): object {
  return { index: 1, value, valueTwo, op };
}

describe('a base', () => {
  const strict = {
    defaultAction: 'SCMP_ACT_ERRNO',
    defaultErrnoRet: 1,
    archMap: [{ architecture: 'SCMP_ARCH_PPC64LE', subArchitectures: ['SCMP_ARCH_PPC64'] }],
    syscalls: [
      { names: ['mkdir', 'read', 'seccomp', 'io_uring_setup'], action: 'SCMP_ACT_ALLOW' },
      {
        names: ['personality'],
        action: 'SCMP_ACT_ALLOW',
        args: [{ index: 0, value: 8, op: 'SCMP_CMP_EQ' }],
      },
      { names: ['mkdirat'], action: 'SCMP_ACT_ALLOW', includes: { caps: ['CAP_SYS_ADMIN'] } },
    ],
  };

  test('generate: its rules stay but for what ours decide', () => {
    const made = generated({ base: baseOf(strict) });
    expect(rules(made).slice(2)).toEqual([
      {
        names: ['seccomp'],
        action: 'SCMP_ACT_ERRNO',
        errnoRet: 22,
        args: [{ index: 1, value: 8, valueTwo: 8, op: 'SCMP_CMP_MASKED_EQ' }],
      },
      {
        names: ['seccomp'],
        action: 'SCMP_ACT_ALLOW',
        args: [{ index: 1, value: 8, valueTwo: 0, op: 'SCMP_CMP_MASKED_EQ' }],
      },
      { names: ['read'], action: 'SCMP_ACT_ALLOW' },
      strict.syscalls[1],
    ]);
    expect(made.profile).toMatchObject({ defaultAction: 'SCMP_ACT_ERRNO', defaultErrnoRet: 1 });
    expect(made.profile).not.toHaveProperty('archMap');
    expect(JSON.parse(ociText(made)).architectures.slice(5)).toEqual(['SCMP_ARCH_PPC64LE']);
  });

  test('generate: changes of the base are noted', () => {
    const made = generated({ base: baseOf(strict) });
    expect(made.notes).toContainEqual(naming(/\bSCMP_ARCH_PPC64\b/u));
    expect(made.notes).toContainEqual(naming('"includes"', '"excludes"'));
    expect(notesOn(made, 'mkdirat', 'SCMP_ACT_ALLOW')).toHaveLength(1);
    const other = { defaultAction: 'SCMP_ACT_ERRNO', listenerPath: '/run/other', syscalls: [] };
    const changed = generated({ base: baseOf(other) });
    expect(changed.notes).toContainEqual(naming('listenerPath', '/run/other'));
    expect(notesOn(changed, 'mkdir, mkdirat', 'SCMP_ACT_ERRNO')).toHaveLength(1);
  });

  test('generate: a base that refuses seccomp(2) keeps to it', () => {
    const made = generated({ base: baseOf({ defaultAction: 'SCMP_ACT_ERRNO', syscalls: [] }) });
    expect(rules(made).flatMap(({ names }) => names)).not.toContain('seccomp');
  });

  const noListener = { index: 1, value: 8, valueTwo: 0, op: 'SCMP_CMP_MASKED_EQ' };
  const onlyFilters = { index: 0, value: 1, valueTwo: 0, op: 'SCMP_CMP_EQ' };
  test.for([
    [[onlyFilters], [[onlyFilters, noListener]]],
    [[flags('SCMP_CMP_EQ', 0)], [[flags('SCMP_CMP_EQ', 0)]]],
    [[flags('SCMP_CMP_EQ', 8)], []],
    [[flags('SCMP_CMP_MASKED_EQ', 3, 1)], [[flags('SCMP_CMP_MASKED_EQ', 11, 1)]]],
    [[flags('SCMP_CMP_MASKED_EQ', 10, 2)], [[flags('SCMP_CMP_MASKED_EQ', 10, 2)]]],
    [[flags('SCMP_CMP_MASKED_EQ', 8, 8)], []],
  ] as const)('K20: generate: conditions of the base on seccomp(2) stay: %j', ([args, left]) => {
    const own = rules(generated({ base: allowing(...args) })).filter(
      ({ names, action }) => JSON.stringify(names) === '["seccomp"]' && action === 'SCMP_ACT_ALLOW',
    );
    expect(own.map((rule) => rule['args'])).toEqual(left);
  });

  test.for([[flags('SCMP_CMP_GT', 8)], [flags('SCMP_CMP_EQ', 1), flags('SCMP_CMP_EQ', 2)]])(
    'K20: generate: a base with conditions that do not go with ours is refused: %j',
    (args) => {
      expect(() => generated({ base: allowing(...args) })).toThrow(
        failure('AGENT_PROFILE_INVALID', 'seccomp(2)'),
      );
    },
  );

  test('generate: the rest of the base’s rule for seccomp(2) stays', () => {
    const base = baseOf({
      defaultAction: 'SCMP_ACT_ALLOW',
      syscalls: [
        { names: ['seccomp'], action: 'SCMP_ACT_ERRNO', errnoRet: 5, excludes: { caps: ['A'] } },
      ],
    });
    expect(rules(generated({ base })).at(-1)).toEqual({
      names: ['seccomp'],
      action: 'SCMP_ACT_ERRNO',
      errnoRet: 5,
      excludes: { caps: ['A'] },
      args: [noListener],
    });
  });

  test('generate: a base that is wrong is refused with its place', () => {
    expect(() => readSoundProfile('{\n"defaultAction": "NO"\n}', 'base.json')).toThrow(
      failure('AGENT_PROFILE_INVALID', 'base.json:2', '$.defaultAction'),
    );
  });
});

describe('for the Security Profiles Operator', () => {
  test('generate: errnos are texts, and comments are left out', () => {
    const base = baseOf({
      defaultAction: 'SCMP_ACT_ALLOW',
      syscalls: [{ names: ['reboot'], action: 'SCMP_ACT_ERRNO', errnoRet: 5, comment: 'no' }],
    });
    const object = parse(operatorText(generated({ base }), 'a'));
    expect(object).toMatchObject({
      apiVersion: 'security-profiles-operator.x-k8s.io/v1beta1',
      kind: 'SeccompProfile',
      metadata: { name: 'a' },
    });
    expect(object.spec.syscalls.at(-1)).toEqual({
      names: ['reboot'],
      action: 'SCMP_ACT_ERRNO',
      errnoRet: '5',
    });
  });

  test.for([
    ['defaultErrnoRet', { defaultAction: 'SCMP_ACT_ERRNO', defaultErrnoRet: 38, syscalls: [] }],
    [
      'includes',
      {
        defaultAction: 'SCMP_ACT_ALLOW',
        syscalls: [
          { names: ['reboot'], action: 'SCMP_ACT_ERRNO', includes: { caps: ['CAP_KILL'] } },
        ],
      },
    ],
  ] as const)('generate: %s is refused, which has no equivalent there', ([key, base]) => {
    expect(() => operatorText(generated({ base: baseOf(base) }), 'a')).toThrow(
      failure('AGENT_PROFILE_INVALID', `"${key}"`),
    );
  });
});

/** The rule for one type of file. */
function filtered(name: string, index: number, valueTwo: number): object {
  return {
    names: [name],
    action: 'SCMP_ACT_NOTIFY',
    args: [{ index, value: 0o170000, valueTwo, op: 'SCMP_CMP_MASKED_EQ' }],
  };
}

describe('calls that handlers pass on', () => {
  const devices = { mask: 0o170000, values: [0o020000, 0o060000] };
  const syscalls = ['mkdir', 'mkdirat', 'mknod', 'mknodat'];
  const filters = new Map([
    ['mknod', { index: 1, ...devices }],
    ['mknodat', { index: 2, ...devices }],
  ]);

  test('generate: the filter passes them on itself', () => {
    const notifying = rules(generated({ syscalls, preFilters: filters })).filter(
      ({ action }) => action === 'SCMP_ACT_NOTIFY',
    );
    expect(notifying).toEqual([
      { names: ['mkdir', 'mkdirat'], action: 'SCMP_ACT_NOTIFY' },
      filtered('mknod', 1, 0o020000),
      filtered('mknod', 1, 0o060000),
      filtered('mknodat', 2, 0o020000),
      filtered('mknodat', 2, 0o060000),
    ]);
    // only who knows the bundles knows that it is none
    expect(new Set(findings(ociText(generated({ syscalls, preFilters: filters }))))).toEqual(
      new Set(['wait-killable', 'conditional-trap']),
    );
  });

  test('generate: a rule of the base that allows is said of all other values', () => {
    const base = baseOf({
      defaultAction: 'SCMP_ACT_ERRNO',
      syscalls: [{ names: ['mknod'], action: 'SCMP_ACT_ALLOW' }],
    });
    const own = rulesFor('mknod', generated({ syscalls, preFilters: filters, base }));
    const types = [...Array(16).keys()].map((type) => type * 0o010000);
    expect(own).toHaveLength(16);
    for (const type of types) {
      const isDevice = devices.values.includes(type);
      expect(own).toContainEqual({
        ...filtered('mknod', 1, type),
        action: isDevice ? 'SCMP_ACT_NOTIFY' : 'SCMP_ACT_ALLOW',
      });
    }
  });

  test('generate: not where the base has a rule that would be lost', () => {
    const base = baseOf({
      defaultAction: 'SCMP_ACT_ERRNO',
      syscalls: [{ names: ['mknod'], action: 'SCMP_ACT_LOG' }],
    });
    const [whole] = rules(generated({ syscalls, preFilters: filters, base }));
    expect(whole).toMatchObject({ names: ['mkdir', 'mkdirat', 'mknod'] });
  });

  const store = new BundleStore();
  const mknodSafe = store.shipped('mknod-safe');

  test('generate: a bundle’s declaration holds for each sibling at its own place', () => {
    expect(preFilters([mknodSafe], ['mknod', 'mknodat', 'mkdir'])).toEqual(
      new Map([
        ['mknod', { index: 1, mask: 0o170000, values: [0o020000] }],
        ['mknodat', { index: 2, mask: 0o170000, values: [0o020000] }],
      ]),
    );
  });

  test('generate: one handler that declares nothing keeps all calls', () => {
    const [handler] = mknodSafe.handlers;
    if (handler === undefined) throw new Error('the bundle has no handler');
    const { only: _only, ...undeclared } = handler;
    const other: Bundle = { ...mknodSafe, name: 'other', handlers: [undeclared] };
    expect(preFilters([mknodSafe, other], ['mknod'])).toEqual(new Map());
    const elsewhere: Bundle = { ...other, handlers: [{ ...undeclared, syscalls: ['chmod'] }] };
    expect(preFilters([mknodSafe, elsewhere], ['mknod']).size).toBe(1);
  });

  test('generate: declarations about other bits are no declaration for both', () => {
    const [handler] = mknodSafe.handlers;
    if (handler === undefined) throw new Error('the bundle has no handler');
    const other = (mask: number, values: readonly number[]): Bundle => ({
      ...mknodSafe,
      handlers: [{ ...handler, only: new Map([['mknod', { argument: 'mode', mask, values }]]) }],
    });
    expect(preFilters([mknodSafe, other(0o777, [0])], ['mknod'])).toEqual(new Map());
    expect(preFilters([mknodSafe, other(0o170000, [0o060000])], ['mknod']).get('mknod')).toEqual({
      index: 1,
      ...devices,
    });
  });
});
