// SPDX-License-Identifier: Apache-2.0
// The Linux capabilities of the DaemonSet are enough for the agent, and none is too many.
import { expect, test } from 'vitest';

import { AgentWithRights, deeds } from '../support/agent-with-rights.ts';
import type { Deed } from '../support/agent-with-rights.ts';
import { listAt, manifestOfKind, textsAt } from '../support/manifests.ts';

const [agent = {}] = listAt(
  manifestOfKind('DaemonSet').object,
  'spec',
  'template',
  'spec',
  'containers',
);
const given = textsAt(agent, 'securityContext', 'capabilities', 'add');
const all = Object.keys(deeds);

/** Calls that fail without each right. */
const needs: readonly { readonly capability: string; readonly lost: Deed }[] = [
  { capability: 'SYS_ADMIN', lost: 'mount of proc' },
  { capability: 'SYS_PTRACE', lost: 'mkdir in a folder of somebody else' },
  { capability: 'SYS_CHROOT', lost: 'mkdir in a folder of somebody else' },
  { capability: 'SETGID', lost: 'mount of proc' },
  { capability: 'SETPCAP', lost: 'mount of proc' },
  { capability: 'MKNOD', lost: 'mknod of null' },
  { capability: 'CHOWN', lost: 'chown' },
  { capability: 'DAC_OVERRIDE', lost: 'mkdir in a folder of somebody else' },
  { capability: 'FOWNER', lost: 'chmod of a file of somebody else' },
  { capability: 'FSETID', lost: 'chmod that sets a group of somebody else' },
];
/** These are looked at below; without the last ones nothing fails as long as there is enough of all. */
const others = ['SETUID', 'KILL', 'SYS_NICE', 'SYS_RESOURCE'];

function without(capability: string): readonly string[] {
  return given.filter((name) => name !== capability);
}

test('rights: each of the DaemonSet is looked at here', () => {
  const known = [...needs.map(({ capability }) => capability), ...others];
  expect(given.toSorted()).toEqual(known.toSorted());
});

test('rights: those of the DaemonSet are enough', async () => {
  await using made = await AgentWithRights.start(given);
  expect(await made.doneByRoot()).toEqual(all);
  expect(await made.killsContainerOfUser()).toBe(true);
  expect(made.log).not.toMatch(/ERROR|FATAL/u);
});

test('rights: those of the DaemonSet are enough for a container with a user namespace', async () => {
  await using made = await AgentWithRights.start(given, { hasUserNamespace: true });
  expect(await made.doneByRoot()).toEqual(all);
  expect(made.log).not.toMatch(/ERROR|FATAL/u);
});

test.for(needs)('rights: without $capability there is no $lost', async ({ capability, lost }) => {
  await using made = await AgentWithRights.start(without(capability));
  expect(await made.doneByRoot()).not.toContain(lost);
});

test('rights: without SETUID nothing is done for a container with a user namespace', async () => {
  await using made = await AgentWithRights.start(without('SETUID'), { hasUserNamespace: true });
  expect(await made.doneByRoot()).toEqual([]);
});

test('rights: without KILL a container of another user goes on', async () => {
  await using made = await AgentWithRights.start(without('KILL'));
  expect(await made.killsContainerOfUser()).toBe(false);
});
