// SPDX-License-Identifier: Apache-2.0
// Tests what is found in seccomp profiles.
import { globSync, readFileSync } from 'node:fs';
import { join } from 'node:path';

import { describe, expect, test } from 'vitest';

import { AgentError } from '../../host/errors.ts';
import { familyOf } from '../../host/profile/families.ts';
import { kinOf } from '../../host/profile/kin.ts';
import { familyMembers } from '../../host/syscalls/syscall-table.ts';
import type { Finding, FindingCode } from '../../host/profile/finding.ts';
import { lint } from '../../host/profile/lint.ts';
import type { LintOptions } from '../../host/profile/lint.ts';
import { refusalsOf } from '../../host/profile/refusals.ts';
import { readProfile } from '../../host/profile/read-profile.ts';
import { projectRoot } from '../support/command.ts';
import { naming } from '../support/failures.ts';
import { patient } from '../support/patience.ts';

function findingsIn(text: string, options: LintOptions = {}): readonly Finding[] {
  const { profile, findings } = readProfile(text);
  if (profile !== undefined) lint(profile, findings, options);
  return findings.all;
}

const sound = {
  defaultAction: 'SCMP_ACT_ALLOW',
  architectures: [
    'SCMP_ARCH_X86_64',
    'SCMP_ARCH_X86',
    'SCMP_ARCH_X32',
    'SCMP_ARCH_AARCH64',
    'SCMP_ARCH_ARM',
  ],
  flags: ['SECCOMP_FILTER_FLAG_WAIT_KILLABLE_RECV'],
  listenerPath: '/run/seccomp-agent.socket',
  syscalls: [{ names: ['chmod', 'fchmodat', 'fchmodat2'], action: 'SCMP_ACT_NOTIFY' }],
};

const usual = [
  'warning flags-refused $.flags',
  'warning allows-all $.defaultAction',
  'warning listener-taken $',
];

/** Of the sound profile with other values: `CODE PATH`, without what it has itself. */
function codes(changes: object, options: LintOptions = {}): readonly string[] {
  return (
    findingsIn(JSON.stringify({ ...sound, ...changes }), options)
      .map(({ code, path, severity }) => `${severity} ${code} ${path}`)
      // fchmod, which is noted of chmod alone, has a test of its own
      .filter((line) => !usual.includes(line) && !line.startsWith('note walks-around'))
  );
}

/** Of the sound profile with other values: what is found of one kind. */
function onesOf(kind: FindingCode, changes: object): readonly Finding[] {
  return findingsIn(JSON.stringify({ ...sound, ...changes })).filter(({ code }) => code === kind);
}

function trapping(...names: readonly string[]): object {
  return { syscalls: [{ names, action: 'SCMP_ACT_NOTIFY' }] };
}

/** A rule on the address of a path. */
function onPath(value: number): object {
  return {
    names: ['chmod'],
    action: 'SCMP_ACT_NOTIFY',
    args: [{ index: 0, value, op: 'SCMP_CMP_NE' }],
  };
}

/** A rule with which calls fail. */
function failing(names: readonly string[], args: readonly object[] = []): object {
  return { names, action: 'SCMP_ACT_ERRNO', args };
}

/** Calls and flags of namespaces in a message. */
function refusableIn(message: string): string {
  const names = /\b(?:pivot_root|clone3?|unshare|(?:CLONE|UNSHARE)_\w+)\b/gu;
  return [...message.matchAll(names)].map(([name]) => name).join(' ');
}

/** Calls in a message with what they get: `NAME (ACTION)`. */
function passedIn(message: string): readonly string[] {
  return [...message.matchAll(/\w+ \(SCMP_\w+\)/gu)].map(([call]) => call);
}

/** What is said of a text that is no JSON, without its place. */
function reasonOf(text: string): string {
  return findingsIn(text)[0]?.message.replace(/\d+/u, '') ?? '';
}

function refusing(code: 'AGENT_SETTING_INVALID' | 'AGENT_BUNDLE_INVALID'): () => never {
  return () => {
    throw new AgentError(code, 'it is wrong');
  };
}

/** An object of the Security Profiles Operator. */
function spo(apiVersion: string, spec: object): string {
  return JSON.stringify({ apiVersion, kind: 'SeccompProfile', metadata: { name: 'a' }, spec });
}

describe('the profile of the Go agent', () => {
  const text = `{
   "architectures" : [
      "SCMP_ARCH_X86",
      "SCMP_ARCH_X32"
   ],
   "defaultAction" : "SCMP_ACT_ALLOW",
   "listenerPath": "/run/seccomp-agent.socket",
   "listenerMetadata": "MKDIR_TMPL=-{{.Namespace}}-{{.Pod}}-{{.Container}}\\nEXEC_PATTERN=/bin/true\\nEXEC_DURATION=2s\\nMOUNT_PROC=true",
   "syscalls" : [
      {
         "action" : "SCMP_ACT_NOTIFY",
         "names" : [
            "openat",
            "open",
            "mkdir",
            "mount",
\t    "chmod"
         ]
      }
   ]
}`;

  test('K21: lint: its missing siblings are named with what they get instead', () => {
    const errors = findingsIn(text).filter(({ severity }) => severity === 'error');
    expect(errors.map(({ code, path, line }) => [code, path, line])).toEqual([
      ['family-incomplete', '$.syscalls[0].names[0]', 13],
      ['family-incomplete', '$.syscalls[0].names[2]', 15],
      ['family-incomplete', '$.syscalls[0].names[4]', 17],
    ]);
    expect(errors.map(({ message }) => message)).toEqual([
      naming('openat, open'),
      naming('mkdir'),
      naming('chmod'),
    ]);
    expect(errors.map(({ message }) => passedIn(message))).toEqual([
      ['openat2 (SCMP_ACT_ALLOW)', 'creat (SCMP_ACT_ALLOW)'],
      ['mkdirat (SCMP_ACT_ALLOW)'],
      ['fchmodat (SCMP_ACT_ALLOW)', 'fchmodat2 (SCMP_ACT_ALLOW)'],
    ]);
  });

  test('lint: bypasses, architectures and signals are noted', () => {
    const others = findingsIn(text).filter(({ severity }) => severity !== 'error');
    expect(others.map(({ code, path }) => [code, path])).toEqual([
      ['listener-taken', '$'],
      ['wait-killable', '$'],
      ['architecture-missing', '$.architectures'],
      ['allows-all', '$.defaultAction'],
      ['metadata-refused', '$.listenerMetadata'],
      ['walks-around', '$.syscalls[0].names[0]'],
      ['io-uring', '$.syscalls[0].names[0]'],
      ['walks-around', '$.syscalls[0].names[3]'],
      ['walks-around', '$.syscalls[0].names[4]'],
      ['walks-around', '$.syscalls[0].names[4]'],
    ]);
  });
});

test('lint: a sound profile has nothing but its default and the flags that an old runc refuses', () => {
  const own = ['SCMP_ACT_ALLOW', 'SCMP_ACT_LOG', 'SCMP_ACT_ERRNO'].map((defaultAction) =>
    findingsIn(JSON.stringify({ ...sound, defaultAction })).map(({ code }) => code),
  );
  // by fchmod, and by ACLs
  const both = ['allows-all', 'flags-refused', 'listener-taken', 'walks-around', 'walks-around'];
  expect(own).toEqual([both, both, ['flags-refused']]);
});

function foundFor(text: string, runtime: 'runc' | 'crun'): readonly string[] {
  return findingsIn(text, { runtime }).map(({ code, severity }) => `${severity} ${code}`);
}

test('lint: for one runtime only, the flags are right or wrong', () => {
  const flagged = JSON.stringify({ ...sound, defaultAction: 'SCMP_ACT_ERRNO' });
  const plain = flagged.replace(/"flags":\[.*?\],/u, '');
  expect(foundFor(flagged, 'crun')).toEqual([]);
  expect(foundFor(flagged, 'runc')).toEqual(['error flags-refused']);
  expect(foundFor(plain, 'crun')).toEqual(['note wait-killable']);
  expect(foundFor(plain, 'runc')).toEqual([]);
});

test.for(globSync('deploy/profiles/**/*.json', { cwd: projectRoot }).toSorted())(
  'lint: the shipped profile %s has no errors',
  (name) => {
    const text = readFileSync(join(projectRoot, name), 'utf8');
    expect(findingsIn(text).filter(({ severity }) => severity === 'error')).toEqual([]);
  },
);

/** On a number: only these calls go to the agent. */
function onlyWhere(name: string, value: number): object {
  const args = [{ index: 0, value, op: 'SCMP_CMP_EQ' }];
  return { names: [name], action: 'SCMP_ACT_NOTIFY', args };
}

/** clone(2) with one of the flags. */
function cloneWith(action: string, flag: number): object {
  const args = [{ index: 0, value: flag, valueTwo: flag, op: 'SCMP_CMP_MASKED_EQ' }];
  return { names: ['clone'], action, args };
}

const namespaceFlags = [17, 25, 26, 27, 28, 29, 30].map((bit) => 2 ** bit);

const unshare = { names: ['unshare', 'setns'], action: 'SCMP_ACT_NOTIFY' };

/** A profile of its own, by the flags that are not there. */
function allowingCloneWithout(flags: number): object {
  const args = [{ index: 0, value: flags, valueTwo: 0, op: 'SCMP_CMP_MASKED_EQ' }];
  const rule = { names: ['clone'], action: 'SCMP_ACT_ALLOW', args };
  return { defaultAction: 'SCMP_ACT_ERRNO', syscalls: [unshare, rule] };
}

/** Of a bundle that answers mknod for these types of files. */
function passingOnBut(values: readonly number[]): LintOptions {
  return {
    resolve: () => ({
      bundles: ['a'],
      syscalls: ['mknod'],
      preFilters: new Map([['mknod', { index: 1, mask: 0o170000, values }]]),
    }),
  };
}

describe('K21: lint: what passes beside a trap', () => {
  test('a condition that lets other arguments pass is told of', () => {
    const syscalls = [onlyWhere('setns', 999)];
    expect(codes({ syscalls })).toContain('warning conditional-trap $.syscalls[0].names[0]');
    expect(codes({ syscalls, defaultAction: 'SCMP_ACT_ERRNO' }).join()).not.toContain('trap');
  });

  test('what handlers themselves pass on is no way around', () => {
    const args = [{ index: 1, value: 0o170000, valueTwo: 0o020000, op: 'SCMP_CMP_MASKED_EQ' }];
    const syscalls = [{ names: ['mknod'], action: 'SCMP_ACT_NOTIFY', args }];
    const trap = 'warning conditional-trap $.syscalls[0].names[0]';
    expect(codes({ syscalls })).toContain(trap);
    expect(codes({ syscalls }, passingOnBut([0o020000]))).not.toContain(trap);
    expect(codes({ syscalls }, passingOnBut([0o020000, 0o060000]))).toContain(trap);
  });

  const noClone3 = { names: ['clone3'], action: 'SCMP_ACT_ERRNO', errnoRet: 38 };

  test('unshare: clone3, clone with flags of namespaces, and setns', () => {
    const around = findingsIn(JSON.stringify({ ...sound, ...trapping('unshare') })).find(
      ({ code }) => code === 'walks-around',
    );
    expect(around?.message).toEqual(naming('clone, clone3, setns', 'unshare'));
  });

  test.for(['SCMP_ACT_NOTIFY', 'SCMP_ACT_ERRNO'])(
    'unshare: clone is no way where each flag of a namespace has %s',
    (action) => {
      const flags = namespaceFlags.map((flag) => cloneWith(action, flag));
      const all = codes({ syscalls: [unshare, noClone3, ...flags] });
      expect(all.filter((code) => /walks-around|conditional-trap/u.test(code))).toEqual([]);
      const some = codes({ syscalls: [unshare, noClone3, ...flags.slice(1)] });
      expect(some.join()).toMatch(
        action === 'SCMP_ACT_ERRNO' ? /walks-around/u : /conditional-trap/u,
      );
    },
  );

  test('unshare: clone is no way where a base allows it without these flags', () => {
    expect(codes(allowingCloneWithout(0x7e02_0000)).join()).not.toContain('walks-around');
    expect(codes(allowingCloneWithout(0x7e00_0000)).join()).toContain('walks-around');
  });
});

describe('the text', () => {
  test.for([
    ['{\n  // who\n  "defaultAction": 1\n}', 2],
    ['{\n  "syscalls": [],\n}', 3],
    ['{\n  "syscalls": [\n', 3],
    ['{\n  "flags": [],\n  "flags": []\n}', 3],
    ['- a', 1],
    ['{\n "syscalls": [\n 1,\n ],\n "flags": []\n}\n\n', 4],
    ['{\n "names": [\n // x\n 1]\n}\n\n\n', 3],
    ['{\n "a": xyz,\n "b": 1\n}\n', 2],
  ] as const)('lint: %j is told of in its line', ([text, line]) => {
    const [finding, ...more] = findingsIn(text);
    expect(more).toEqual([]);
    expect(finding).toMatchObject({ code: 'not-json', severity: 'error', line });
  });

  test('lint: comments and last commas are told from other faults', () => {
    const reasons = [
      ['{ // who\n}', '{ /* who */ }', '{ # who\n}'],
      ['{ "a": 1, }', '{ "a": [],\n}'],
      ['{ "a" }', '{ a: ] }'],
    ].map((texts) => new Set(texts.map((text) => reasonOf(text))));
    expect(reasons.map(({ size }) => size)).toEqual([1, 1, 1]);
    expect(new Set(reasons.flatMap((reason) => [...reason])).size).toBe(3);
  });

  test.for([
    [{ defaultAction: undefined }, 'error wrong-value $.defaultAction'],
    [{ flags: ['SECCOMP_FILTER_FLAG_LOGS'] }, 'error wrong-value $.flags[0]'],
    [{ architectures: 'SCMP_ARCH_X86' }, 'error wrong-value $.architectures'],
    [
      { syscalls: [{ names: [], action: 'SCMP_ACT_LOG' }] },
      'error wrong-value $.syscalls[0].names',
    ],
    [{ listenerPath: 7 }, 'error wrong-value $.listenerPath'],
    [{ listenerMetaData: '' }, 'warning unknown-key $.listenerMetaData'],
  ] as const)('lint: %j is told of with its place', ([changes, expected]) => {
    expect(codes(changes)).toContain(expected);
  });

  test('lint: a word with a typing mistake is told which was meant', () => {
    const [finding] = findingsIn(JSON.stringify({ ...sound, defaultAction: 'SCMP_ACT_ALOW' }));
    expect(finding?.message).toEqual(naming('"SCMP_ACT_ALLOW"?'));
  });
});

describe('the listener', () => {
  test('G2: lint: notify without listenerPath is an error', () => {
    expect(codes({ listenerPath: undefined })).toEqual(['error listener-missing $']);
  });

  test.for([
    ['run/agent.socket', 'error listener-path $.listenerPath'],
    [`/${'a'.repeat(107)}`, 'error listener-path $.listenerPath'],
  ] as const)('lint: listenerPath %s cannot be a socket’s', ([listenerPath, expected]) => {
    expect(codes({ listenerPath })).toEqual([expected]);
  });

  test('lint: the longest path of a socket is none too long', () => {
    expect(codes({ listenerPath: `/${'a'.repeat(106)}` })).toEqual([]);
  });

  test('lint: a listener that nobody asks is told of', () => {
    expect(codes({ syscalls: [] })).toEqual(['warning listener-unused $.listenerPath']);
  });

  test('lint: notify as default action is an error', () => {
    expect(codes({ defaultAction: 'SCMP_ACT_NOTIFY' })).toContain(
      'error notify-default $.defaultAction',
    );
  });

  test('lint: a default that kills leaves no way back to older calls', () => {
    expect(codes({ defaultAction: 'SCMP_ACT_KILL_PROCESS' })).toEqual([
      'warning default-kills $.defaultAction',
    ]);
  });
});

describe('the runtimes', () => {
  test('G2: lint: write is an error, since runc refuses it', () => {
    const found = codes(trapping('write'));
    expect(found).toContain('error notify-runtime $.syscalls[0].names[0]');
  });

  test.for(['close', 'fcntl', 'read', 'capset', 'wait4'])(
    'G2: lint: %s is told to be the runtime’s own, too',
    (name) => {
      expect(codes(trapping(name))).toContain('warning notify-runtime $.syscalls[0].names[0]');
    },
  );

  test('G2: lint: execve is what people trap', () => {
    expect(codes(trapping('execve', 'execveat'))).toEqual([]);
  });

  test.for(['close', 'fork', 'vfork', 'clone', 'wait4', 'exit_group'])(
    'K7: lint: a signal that takes %s back is told of',
    (name) => {
      const expected = 'warning notify-signals $.syscalls[0].names[0]';
      expect(codes({ ...trapping(name), flags: [] })).toContain(expected);
      expect(codes(trapping(name))).not.toContain(expected);
    },
  );

  test('K8: lint: a filter that signals can interrupt is told of', () => {
    expect(codes({ flags: [] })).toEqual(['note wait-killable $']);
  });

  test('lint: TSYNC with a listener is an error', () => {
    expect(codes({ flags: ['SECCOMP_FILTER_FLAG_TSYNC'] })).toContain(
      'error flags-refused $.flags[0]',
    );
  });
});

describe('names and families', () => {
  test('lint: a call that does not exist is told of with what was meant', () => {
    const finding = findingsIn(
      JSON.stringify({
        ...sound,
        syscalls: [...sound.syscalls, { names: ['mkdirat2'], action: 'SCMP_ACT_LOG' }],
      }),
    ).find(({ code }) => code === 'unknown-syscall');
    expect(finding).toMatchObject({
      code: 'unknown-syscall',
      severity: 'warning',
      path: '$.syscalls[1].names[0]',
      advice: expect.stringContaining('"mkdirat"?'),
    });
    expect(codes(trapping('mkdirt'))).toContain('error unknown-syscall $.syscalls[0].names[0]');
  });

  test('lint: calls of other architectures are none too many', () => {
    const names = ['arm_fadvise64_64', 's390_runtime_instr', 'cacheflush'];
    expect(codes({ syscalls: [...sound.syscalls, { names, action: 'SCMP_ACT_LOG' }] })).toEqual([]);
  });

  test('K21: lint: siblings that are refused walk around nothing', () => {
    expect(
      codes({
        syscalls: [
          { names: ['mkdir'], action: 'SCMP_ACT_NOTIFY' },
          { names: ['mkdirat', 'io_uring_setup'], action: 'SCMP_ACT_ERRNO' },
        ],
      }),
    ).toEqual(['note family-incomplete $.syscalls[0].names[0]']);
  });

  test('K21: lint: the new mount API walks around mount', () => {
    expect(codes(trapping('mount'))).toEqual(['warning walks-around $.syscalls[0].names[0]']);
  });

  test.for([
    [
      ['chmod', 'fchmodat', 'fchmodat2'],
      ['fchmod', 'setxattr, lsetxattr, fsetxattr, setxattrat'],
    ],
    [['connect'], ['sendto, sendmsg, sendmmsg']],
    [['kill'], ['tkill, tgkill, rt_sigqueueinfo, rt_tgsigqueueinfo, pidfd_send_signal']],
    [['setuid'], ['setuid32, setreuid, setreuid32, setresuid, setresuid32, setfsuid, setfsuid32']],
    [['accept'], ['accept4']],
    [['clone'], ['clone3, fork, vfork']],
    [familyMembers('unlink'), ['rename, renameat, renameat2']],
    [familyMembers('umount'), ['mount, fsopen']],
    [['chown', 'lchown', 'fchownat', 'chown32', 'lchown32'], ['fchown, fchown32']],
    [
      ['truncate', 'truncate64', 'ftruncate', 'ftruncate64'],
      ['fallocate', 'open, openat, openat2, creat'],
    ],
  ] as const)('K21: lint: %j have kin', ([names, kin]) => {
    const trap = { names, action: 'SCMP_ACT_NOTIFY' };
    const found = onesOf('walks-around', { syscalls: [trap] });
    expect(found.filter(({ severity }) => severity === 'note')).toMatchObject(
      kin.map((message) => ({
        severity: 'note',
        path: '$.syscalls[0].names[0]',
        message: expect.stringContaining(message),
      })),
    );
    const others = kinOf(familyOf(names[0] ?? ''))
      .flatMap((each) => each.families)
      .flatMap((family) => familyMembers(family));
    for (const action of ['SCMP_ACT_ERRNO', 'SCMP_ACT_NOTIFY']) {
      expect([
        action,
        onesOf('walks-around', { syscalls: [trap, { names: others, action }] }).filter(
          ({ severity, path }) => severity === 'note' && path.startsWith('$.syscalls[0]'),
        ),
      ]).toEqual([action, []]);
    }
  });

  test('K21: lint: io_uring walks around calls on files, unless it is refused', () => {
    const names = ['mkdir', 'mkdirat'];
    expect(codes(trapping(...names))).toEqual(['warning io-uring $.syscalls[0].names[0]']);
    const refused = { names: ['io_uring_setup'], action: 'SCMP_ACT_ERRNO' };
    expect(codes({ syscalls: [{ names, action: 'SCMP_ACT_NOTIFY' }, refused] })).toEqual([]);
  });

  test('K21: lint: pidfd_getfd takes listeners, unless it is refused or trapped', () => {
    const names = ['mkdir', 'mkdirat'];
    const trap = { names, action: 'SCMP_ACT_NOTIFY' };
    expect(onesOf('listener-taken', trapping(...names))).toHaveLength(1);
    for (const changes of [
      { syscalls: [trap, failing(['pidfd_getfd'])] },
      trapping(...names, 'pidfd_getfd'),
      { defaultAction: 'SCMP_ACT_ERRNO', syscalls: [trap] },
      { syscalls: [] },
    ]) {
      expect(onesOf('listener-taken', changes)).toEqual([]);
    }
  });

  test.for(['pipe', 'stat', 'pwritev2', 'dup3', 'ioctl', 'getsockname', 'futex_waitv', 'madvise'])(
    'K21: lint: io_uring walks around %s',
    (name) => {
      expect(codes(trapping(name))).toContain('warning io-uring $.syscalls[0].names[0]');
    },
  );

  test('K21: lint: a call that the runtimes’ library does not know yet is told of', () => {
    const mounts = ['mount', 'fsopen', 'fsconfig', 'fsmount', 'fspick', 'move_mount'];
    const names = [...mounts, 'open_tree', 'mount_setattr', 'open_tree_attr'];
    expect(codes(trapping(...names))).toEqual([
      'warning unknown-to-runtimes $.syscalls[0].names[8]',
      'warning walks-around $.syscalls[0].names[0]',
    ]);
    expect(codes({ ...trapping(...names), defaultAction: 'SCMP_ACT_ERRNO' })).toEqual([]);
  });

  test('lint: architectures whose bytes have different orders are an error', () => {
    const architectures = [...sound.architectures, 'SCMP_ARCH_S390X'];
    expect(codes({ architectures })).toEqual(['error architecture-mixed $.architectures']);
  });

  test.for([
    [undefined, ['warning architecture-missing $']],
    [['SCMP_ARCH_X86_64'], ['warning architecture-missing $.architectures']],
    [['SCMP_ARCH_AARCH64', 'SCMP_ARCH_ARM'], []],
    [['SCMP_ARCH_ARM'], ['warning architecture-missing $.architectures']],
  ] as const)('K19: lint: architectures %j are complete or not', ([architectures, expected]) => {
    expect(codes({ architectures })).toEqual(expected);
  });
});

describe('rules together', () => {
  const chmods = ['chmod', 'fchmodat', 'fchmodat2'];
  const trap = { names: chmods, action: 'SCMP_ACT_NOTIFY' };
  const onMode = [{ index: 1, value: 0o777, op: 'SCMP_CMP_EQ' }];

  test('lint: the first rule without condition decides', () => {
    const log = { names: chmods, action: 'SCMP_ACT_LOG' };
    expect(codes({ syscalls: [log, trap] })).toEqual(
      [0, 1, 2].map((at) => `error rule-shadowed $.syscalls[1].names[${at}]`),
    );
    expect(codes({ syscalls: [trap, log] })).toEqual(
      [0, 1, 2].map((at) => `warning rule-shadowed $.syscalls[1].names[${at}]`),
    );
  });

  test('lint: a rule with the default action is left out', () => {
    const allow = { names: chmods, action: 'SCMP_ACT_ALLOW' };
    expect(codes({ syscalls: [allow, trap, allow] })).toEqual([]);
  });

  test('lint: a rule without condition takes the place of those with one, wherever it stands', () => {
    const conditional = { names: ['chmod'], action: 'SCMP_ACT_NOTIFY', args: onMode };
    const log = { names: ['chmod'], action: 'SCMP_ACT_LOG' };
    expect(codes({ syscalls: [conditional, log] })).toEqual([
      'error rule-shadowed $.syscalls[0].names[0]',
    ]);
    expect(codes({ syscalls: [log, conditional] })).toEqual([
      'error rule-shadowed $.syscalls[1].names[0]',
    ]);
  });

  test('lint: the same condition with two actions is an error', () => {
    const rule = { names: ['fchmod'], args: onMode };
    const syscalls = ['SCMP_ACT_NOTIFY', 'SCMP_ACT_ERRNO'].map((action) => ({ ...rule, action }));
    expect(codes({ syscalls })).toEqual([
      'error rule-conflict $.syscalls[1].names[0]',
      'warning conditional-trap $.syscalls[0].names[0]',
    ]);
  });

  test('lint: a condition on an address is an error, whether there is one can be asked', () => {
    const rest = { names: ['fchmodat', 'fchmodat2'], action: 'SCMP_ACT_NOTIFY' };
    expect(codes({ syscalls: [onPath(4096), rest] })).toEqual([
      'error compares-address $.syscalls[0].args[0].index',
      'warning conditional-trap $.syscalls[0].names[0]',
    ]);
    expect(codes({ syscalls: [onPath(0), rest] })).toEqual([
      'warning conditional-trap $.syscalls[0].names[0]',
    ]);
  });

  test('lint: rules for some hosts only shadow nothing', () => {
    const log = { names: chmods, action: 'SCMP_ACT_LOG', includes: { arches: ['s390x'] } };
    expect(codes({ syscalls: [log, trap] })).toContain(
      'note host-condition $.syscalls[0].includes',
    );
    expect(codes({ syscalls: [log, trap] })).not.toContain(
      'error rule-shadowed $.syscalls[1].names[0]',
    );
  });
});

describe('the metadata', () => {
  test('G3: lint: metadata that cannot be read is an error', () => {
    expect(codes({ listenerMetadata: 'BUNDLE' })).toEqual([
      'error metadata-invalid $.listenerMetadata',
    ]);
  });

  test('G3: lint: a wrong setting is an error, a bundle that is not here a warning', () => {
    const listenerMetadata = 'BUNDLE=other\nA=b';
    expect(codes({ listenerMetadata }, { resolve: refusing('AGENT_SETTING_INVALID') })).toEqual([
      'error metadata-refused $.listenerMetadata',
    ]);
    expect(codes({ listenerMetadata }, { resolve: refusing('AGENT_BUNDLE_INVALID') })).toEqual([
      'warning metadata-refused $.listenerMetadata',
    ]);
  });

  test('G3: lint: a key is told of where nothing says which bundle has it', () => {
    expect(onesOf('metadata-refused', { listenerMetadata: 'BUNDEL=no-setuid' })).toMatchObject([
      {
        severity: 'warning',
        path: '$.listenerMetadata',
        message: naming('"BUNDEL"', '"BUNDLE"?'),
      },
    ]);
    expect(onesOf('metadata-refused', { listenerMetadata: 'SUFFIX=-x\nNAMES=a' })).toMatchObject([
      { message: naming('"SUFFIX"', '"NAMES"') },
    ]);
    expect(
      onesOf('metadata-refused', {
        listenerMetadata: 'DEFAULT_ACTION=errno:EPERM\nMIDDLEWARE=falco',
      }),
    ).toEqual([]);
    expect(onesOf('metadata-refused', { listenerMetadata: 'BUNDLE=other\nSUFFIX=-x' })).toEqual([]);
    const answered = { bundles: ['other'], syscalls: ['chmod', 'fchmodat', 'fchmodat2'] };
    expect(codes({ listenerMetadata: 'SUFFIX=-x' }, { resolve: () => answered })).toEqual([]);
  });

  test('lint: calls that only the profile or only the bundles know are told of', () => {
    const answered = { bundles: ['other'], syscalls: ['chmod', 'mkdir'] };
    expect(codes({ listenerMetadata: 'BUNDLE=other' }, { resolve: () => answered })).toEqual([
      'warning answered-not-trapped $.listenerMetadata',
      'warning trapped-not-answered $.listenerMetadata',
    ]);
  });

  test('K21: lint: a call that the bundles want refused is an error where it passes or is trapped', () => {
    const syscalls = ['chmod', 'fchmodat', 'fchmodat2'];
    const refused = refusalsOf(['CLONE_NEWNS', 'pivot_root']);
    const options = { resolve: () => ({ bundles: ['own-bundle'], syscalls, refused }) };
    const flag = [{ index: 0, value: 0x2_0000, valueTwo: 0x2_0000, op: 'SCMP_CMP_MASKED_EQ' }];
    const whole = failing(['pivot_root', 'clone3']);
    const empty = [{ index: 0, value: 0x10_0000, valueTwo: 0x10_0000, op: 'SCMP_CMP_MASKED_EQ' }];
    const ofUnshare = [failing(['unshare'], flag), failing(['unshare'], empty)];
    const flagged = [failing(['clone'], flag), ...ofUnshare];
    const found = (...rules: readonly object[]): readonly string[] =>
      findingsIn(JSON.stringify({ ...sound, syscalls: [...sound.syscalls, ...rules] }), options)
        .filter(({ code }) => code === 'not-refused')
        .map(({ severity, message }) => {
          expect([severity, message]).toEqual(['error', naming('own-bundle')]);
          return refusableIn(message);
        });
    expect(found(whole, ...flagged)).toEqual([]);
    expect(found()).toEqual([
      'pivot_root clone CLONE_NEWNS unshare CLONE_NEWNS UNSHARE_EMPTY_MNTNS clone3',
    ]);
    const unshareAlone = 'unshare CLONE_NEWNS UNSHARE_EMPTY_MNTNS';
    expect(found(whole, failing(['clone'], flag))).toEqual([unshareAlone]);
    expect(found(failing(['pivot_root']), ...flagged)).toEqual(['clone3']);
    // another flag, and a trap that no handler is there for
    const another = [{ index: 0, value: 0x1000_0000, valueTwo: 0x1000_0000, op: flag[0]?.op }];
    expect(found(whole, failing(['clone'], flag), failing(['unshare'], another))).toEqual([
      unshareAlone,
    ]);
    const trap = { names: ['pivot_root'], action: 'SCMP_ACT_NOTIFY' };
    expect(found(failing(['clone3']), trap, ...flagged)).toEqual(['pivot_root']);
    // only where the container lacks a Linux capability
    const some = { ...failing(['pivot_root']), excludes: { caps: ['CAP_SYS_ADMIN'] } };
    expect(found(failing(['clone3']), some, ...flagged)).toEqual(['pivot_root']);
  });
});

describe('other forms', () => {
  test('lint: a SeccompProfile of the Security Profiles Operator has its paths below spec', () => {
    const found = findingsIn(
      spo('security-profiles-operator.x-k8s.io/v1beta1', { ...sound, ...trapping('mkdir') }),
    );
    expect(found.map(({ path }) => path)).toContain('$.spec.syscalls[0].names[0]');
  });

  test('lint: version v1 of SeccompProfile has a folder for sockets', () => {
    const group = 'security-profiles-operator.x-k8s.io';
    const paths = (version: string, listenerPath: string): readonly string[] =>
      findingsIn(spo(`${group}/${version}`, { ...sound, listenerPath }))
        .filter(({ code }) => code === 'listener-path')
        .map(({ path }) => path);
    expect(paths('v1', sound.listenerPath)).toEqual(['$.spec.listenerPath']);
    expect(paths('v1', '/var/run/security-profiles-operator/agent.sock')).toEqual([]);
    expect(paths('v1beta1', sound.listenerPath)).toEqual([]);
  });

  test('lint: another object is none of the operator’s', () => {
    const found = findingsIn(JSON.stringify({ apiVersion: 'v1', kind: 'Pod', spec: sound }));
    expect(found.map(({ path }) => path)).toEqual(
      expect.arrayContaining(['$.apiVersion', '$.kind']),
    );
  });

  test('lint: YAML is read with its lines', () => {
    const found = findingsIn(
      'apiVersion: security-profiles-operator.x-k8s.io/v1beta1\nkind: SeccompProfile\nspec:\n  defaultAction: NO\n',
    );
    expect(found.find(({ code }) => code === 'wrong-value')).toMatchObject({
      path: '$.spec.defaultAction',
      line: 4,
    });
  });

  test('lint: docker’s archMap and its old form of rules are read', () => {
    expect(
      codes({
        architectures: undefined,
        archMap: [
          {
            architecture: 'SCMP_ARCH_X86_64',
            subArchitectures: ['SCMP_ARCH_X86', 'SCMP_ARCH_X32'],
          },
        ],
        syscalls: [
          ...sound.syscalls,
          { name: 'reboot', action: 'SCMP_ACT_ERRNO', comment: '', includes: {}, excludes: {} },
        ],
      }),
    ).toEqual([]);
  });
});

const foundIn = (text: string): readonly string[] => findingsIn(text).map(({ code }) => code);
const trapRule = (names: readonly string[], args: readonly object[] = []): object => ({
  names,
  action: 'SCMP_ACT_NOTIFY',
  args,
});
const numbered = (count: number): readonly string[] =>
  Array.from({ length: count }, (_, index) => `call_${index}`);
const onAddress = { index: 1, value: 1, op: 'SCMP_CMP_EQ' };

describe('a text that is no profile, or too much of one', () => {
  test.for([
    'hush:*:19000:0:99999:7:::\nbin:*:19000:0:99999:7:::\n',
    '{"auths": {"hush": {"auth": "hush"}}}',
    'hush: *hush',
    '"a" hush',
    '{"defaultAction": hush}',
  ])('nothing of it is shown: %j', (text) => {
    expect(foundIn(text)).toEqual(['not-json']);
    expect(JSON.stringify(findingsIn(text))).not.toContain('hush');
  });

  test('long keys are cut', () => {
    const [found] = onesOf('unknown-key', { [`${'a'.repeat(64)}${'b'.repeat(64)}`]: 1 });
    expect(found?.message).toContain('a'.repeat(64));
    expect(JSON.stringify(found)).not.toContain('b'.repeat(10));
  });

  test.for([
    ['rules', { syscalls: Array.from({ length: 1025 }, () => trapRule(['chmod'])) }],
    ['names', { syscalls: [trapRule(numbered(4097))] }],
    [
      'names with conditions',
      {
        syscalls: [
          trapRule(
            numbered(1025),
            [1, 2, 3, 4].map(() => onAddress),
          ),
        ],
      },
    ],
  ] as const)('too many %s are refused', ([, changes]) => {
    const text = JSON.stringify({ ...sound, ...changes });
    expect(foundIn(text)).toEqual(['not-json']);
    const spec = {
      apiVersion: 'security-profiles-operator.x-k8s.io/v1beta1',
      spec: JSON.parse(text),
    };
    expect(foundIn(JSON.stringify({ ...spec, kind: 'SeccompProfile' }))).toEqual(['not-json']);
  });

  test('as many as there may be take seconds at most', () => {
    const start = performance.now();
    const names = numbered(4096);
    expect(onesOf('unknown-syscall', { syscalls: [trapRule(names)] })).toHaveLength(4096);
    const rules = Array.from({ length: 1024 }, (_, index) =>
      trapRule(['chmod', 'openat', 'mount', 'clone'], [{ ...onAddress, value: index }]),
    );
    expect(onesOf('compares-address', { syscalls: rules })).not.toEqual([]);
    expect(performance.now() - start).toBeLessThan(patient(15_000));
  });
});
