// SPDX-License-Identifier: Apache-2.0
// Tests the table of decoded syscalls against what the kernel has.

import { expect, test } from 'vitest';

import { familyParameters } from '../../host/syscalls/family-table.ts';
import { parametersOf } from '../../host/syscalls/parameter-source.ts';
import { syscallNumbers } from '../../host/syscalls/syscall-numbers.ts';
import {
  families,
  familyMembers,
  rowKey,
  syscallTable,
} from '../../host/syscalls/syscall-table.ts';

const kernelNames = syscallNumbers.map(([name]) => name);

test('syscall-table: every row names a syscall, once for each architecture', () => {
  const names = syscallTable.map((row) => row.name);
  expect(names.filter((name) => !kernelNames.includes(name))).toEqual([]);
  const keys = syscallTable.map((row) => rowKey(row));
  expect(new Set(keys).size).toBe(keys.length);
});

test('syscall-table: a row for one architecture stands beside one for the others', () => {
  for (const { name, family, arch } of syscallTable) {
    if (arch === undefined) continue;
    const general = syscallTable.find((row) => row.name === name && row.arch === undefined);
    expect(general?.family).toBe(family);
  }
});

test('syscall-table: a family is one word', () => {
  for (const family of families()) expect(family).toMatch(/^[a-z][a-z0-9]*$/);
});

test('syscall-table: no syscall has more than six arguments', () => {
  for (const row of syscallTable) expect(row.arguments.length).toBeLessThanOrEqual(6);
});

test('syscall-table: argument names are labels of WIT and differ within a row', () => {
  for (const row of syscallTable) {
    const names = row.arguments.map((argument) => argument.name);
    expect(new Set(names).size).toBe(names.length);
    for (const name of names) expect(name).toMatch(/^[a-z][a-z0-9]*(-[a-z][a-z0-9]*)*$/);
  }
});

/** By family: what a call of the kernel is named that does the same. */
const siblings: Readonly<Record<string, RegExp>> = {
  mkdir: /^mkdir(at)?$/,
  mknod: /^mknod(at)?$/,
  open: /^(open(at2?)?|creat)$/,
  chmod: /^(chmod|fchmodat2?)$/,
  fchmod: /^fchmod$/,
  chown: /^(l?chown(32)?|fchownat)$/,
  fchown: /^fchown(32)?$/,
  truncate: /^f?truncate(64)?$/,
  utimens: /^(utimes?|futimesat|utimensat(_time64)?)$/,
  rename: /^rename(at2?)?$/,
  link: /^link(at)?$/,
  symlink: /^symlink(at)?$/,
  unlink: /^(unlink(at)?|rmdir)$/,
  setxattr: /^[fl]?setxattr(at)?$/,
  getxattr: /^[fl]?getxattr(at)?$/,
  listxattr: /^[fl]?listxattr(at)?$/,
  removexattr: /^[fl]?removexattr(at)?$/,
  mount: /^mount$/,
  umount: /^umount2?$/,
  mountapi: /^(fsopen|fsconfig|fsmount|fspick|move_mount|open_tree.*|mount_setattr)$/,
  stat: /^(old)?[fl]?stat(64)?$|^(newf|f)statat(64)?$|^statx$/,
  access: /^f?access(at2?)?$/,
  readlink: /^readlink(at)?$/,
  chdir: /^f?chdir$/,
  chroot: /^chroot$/,
  sysinfo: /^sysinfo$/,
  execve: /^execve(at)?$/,
  swapon: /^swapon$/,
  swapoff: /^swapoff$/,
};

test('K21: syscall-table: each family is complete', () => {
  expect(Object.keys(siblings).toSorted()).toEqual([...families()].toSorted());
  for (const [family, sibling] of Object.entries(siblings)) {
    const expected = kernelNames.filter((name) => sibling.test(name));
    expect([family, ...[...familyMembers(family)].toSorted()]).toEqual([
      family,
      ...expected.toSorted(),
    ]);
  }
});

test('K21: syscall-table: calls with a name like one of the table are in it, or read only', () => {
  const stems =
    /mkdir|mknod|open|^creat$|ch(mod|own|dir|root)|rename|link|rmdir|xattr|mount|exec|swap|[fl]stat(64|at|$)|statx|access|readlink/;
  const names = new Set(syscallTable.map(({ name }) => name));
  const others = kernelNames.filter((name) => stems.test(name) && !names.has(name));
  expect(others).toEqual([
    // only by a descriptor that they make, or of a file that is open already
    'kexec_file_load',
    'kexec_load',
    'listmount',
    'mq_open',
    'mq_unlink',
    'open_by_handle_at',
    'perf_event_open',
    'pidfd_open',
    'statmount',
  ]);
});

test('syscall-table: a call has its parameters from arguments, or says what they are', () => {
  const kinds = ['path', 'bytes', 'device', 's32'];
  for (const row of syscallTable) {
    for (const { name, kind, source } of parametersOf(row)) {
      // of the calls that name a file by a descriptor
      if (source.from !== 'constant' || (name === 'path' && row.name.startsWith('f'))) continue;
      expect([row.name, name, kinds.includes(kind.name)]).toEqual([row.name, name, false]);
    }
  }
});

test('syscall-table: constants are parameters that the call has no argument for', () => {
  for (const row of syscallTable) {
    for (const [name, value] of Object.entries(row.constants ?? {})) {
      const parameter = parametersOf(row).find((each) => each.name === name);
      expect(parameter?.source).toEqual({ from: 'constant', value });
    }
  }
});

test('syscall-table: an argument with its size in the next argument has a next argument', () => {
  const sized = ['xattr-value', 'xattr-args', 'xattr-room', 'open-how', 'room'];
  const sizes = syscallTable.flatMap(({ arguments: own }) =>
    own.flatMap(({ kind }, index) =>
      sized.includes(kind.name) ? [own[index + 1]?.kind.name] : [],
    ),
  );
  // that of readlink(2) is an int
  expect(new Set(sizes)).toEqual(new Set(['ulong', 'uint']));
});

test('familyParameters: those of the export, without the dirfd', () => {
  expect(familyParameters('chmod').map((argument) => argument.name)).toEqual([
    'path',
    'mode',
    'flags',
  ]);
  expect(familyParameters('mkdir').map((argument) => argument.name)).toEqual(['path', 'mode']);
  for (const family of families()) {
    for (const { name } of familyParameters(family)) {
      expect(name).toMatch(/^[a-z][a-z0-9]*(-[a-z][a-z0-9]*)*$/);
    }
  }
});

test('familyParameters: a family without rows has none', () => {
  expect(familyParameters('getpid')).toEqual([]);
});

test('familyMembers: a syscall without a row is a family of its own', () => {
  expect(familyMembers('getpid')).toEqual(['getpid']);
});

test('families: each stands once', () => {
  expect(families()).toEqual([...new Set(syscallTable.map((row) => row.family))]);
});
