// SPDX-License-Identifier: Apache-2.0
// The unit of systemd: systemd accepts it, and it gives the agent what the DaemonSet does.
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';

import { expect, test } from 'vitest';

import { parseCommand } from '../../host/commands/options.ts';
import { runCommand, seccompagent } from '../support/command.ts';
import {
  at,
  deployFolder,
  listAt,
  manifestOfKind,
  manifestsIn,
  textsAt,
} from '../support/manifests.ts';
import { TemporaryFolder } from '../support/temporary-folder.ts';

const unit = readFileSync(join(deployFolder, 'systemd/seccompagent.service'), 'utf8');

function settings(name: string): readonly string[] {
  const lines = unit.matchAll(new RegExp(`^${name}=(?<value>.*)$`, 'gmu'));
  return [...lines].flatMap((match) => match.groups?.['value']?.split(' ') ?? []);
}

test('systemd: accepts the unit, and finds little that is exposed', async () => {
  using folder = new TemporaryFolder();
  const file = folder.at('seccompagent.service');
  // nothing is installed here
  writeFileSync(file, unit.replace('ExecStart=seccompagent', `ExecStart=${seccompagent}`));
  const verified = await runCommand(['systemd-analyze', 'verify', '--man=no', file]);
  expect(verified).toMatchObject({ code: 0, stdout: '', stderr: '' });
  // of 10; without any hardening it is 9.6
  const security = ['security', '--offline=yes', '--no-pager', '--threshold=60', file] as const;
  const judged = await runCommand(['systemd-analyze', ...security]);
  expect(judged.stdout).toContain('exposure level');
  expect(judged.code).toBe(0);
});

/** A group of system calls, as systemd has it, with those that are in it. */
async function groupOf(name: string): Promise<readonly string[]> {
  const { stdout } = await runCommand(['systemd-analyze', 'syscall-filter', '--no-pager', name]);
  const members = [...stdout.matchAll(/^ +(?<member>@?[a-z_\d-]+)$/gmu)].map(
    (match) => match.groups?.['member'] ?? '',
  );
  const inner = await Promise.all(
    members.map(async (member) => (member.startsWith('@') ? groupOf(member) : [member])),
  );
  return inner.flat();
}

async function allOf(names: readonly string[]): Promise<readonly string[]> {
  const lists = names.map(async (name) => (name.startsWith('@') ? groupOf(name) : [name]));
  return (await Promise.all(lists)).flat();
}

test('systemd: the filter lets through what the profile of the agent does', async () => {
  const words = settings('SystemCallFilter');
  const border = words.findIndex((word) => word.startsWith('~'));
  const denied = await allOf(words.slice(border).map((word) => word.replace('~', '')));
  const allowed = await allOf(['@default', ...words.slice(0, border)]);
  const known = await groupOf('@known');
  const file = join(deployFolder, 'profiles/kubernetes/agent.json');
  const [rule = {}] = manifestsIn(readFileSync(file, 'utf8')).flatMap(({ object }) =>
    listAt(object, 'syscalls'),
  );
  const wanted = textsAt(rule, 'names').filter((name) => known.includes(name));
  expect(wanted.length).toBeGreaterThan(200);
  expect(wanted.filter((name) => !allowed.includes(name) || denied.includes(name))).toEqual([]);
});

test('systemd: the agent knows its options', () => {
  const [command, ...options] = settings('ExecStart');
  expect(command).toBe('seccompagent');
  expect(parseCommand(options)).toMatchObject({ kind: 'agent', takesOver: false });
});

test('systemd: the agent has a limit of memory, and outlives its neighbours and its children', () => {
  const pod = ['spec', 'template', 'spec'] as const;
  const [agent = {}] = listAt(manifestOfKind('DaemonSet').object, ...pod, 'containers');
  const limit = at(agent, 'resources', 'limits', 'memory');
  expect(settings('MemoryMax').map((size) => `${size}i`)).toEqual([limit]);
  expect(settings('OOMPolicy')).toEqual(['continue']);
  expect(Number(settings('OOMScoreAdjust')[0])).toBeLessThan(-500);
  // -1000 would let it take all
  expect(Number(settings('OOMScoreAdjust')[0])).toBeGreaterThan(-1000);
});

test('systemd: the agent has the Linux capabilities that it has as a DaemonSet', () => {
  const pod = ['spec', 'template', 'spec'] as const;
  const [agent = {}] = listAt(manifestOfKind('DaemonSet').object, ...pod, 'containers');
  const given = textsAt(agent, 'securityContext', 'capabilities', 'add');
  const wanted = [...given, 'DAC_READ_SEARCH', 'SETFCAP'].map((name) => `CAP_${name}`);
  expect(settings('CapabilityBoundingSet').toSorted()).toEqual(wanted.toSorted());
});
