// SPDX-License-Identifier: Apache-2.0
// To whom what a container takes is counted.
import { expect, test } from 'vitest';

import type { ContainerIdentity } from '../../host/resolvers/resolver.ts';
import { senderOf } from '../../host/resolvers/who-asks.ts';

function identityOf(
  containerId: string,
  more: Omit<ContainerIdentity, 'state' | 'firstPid'> = {},
): ContainerIdentity {
  const state = {
    fds: ['seccompFd'],
    processPid: 1,
    metadata: '',
    containerId,
    containerPid: 1,
    status: 'creating',
    ociBundle: '',
    annotations: new Map<string, string>(),
  };
  return { state, firstPid: 1, ...more };
}

const shop = { workload: { namespace: 'shop' } };
const office = { workload: { namespace: 'office' } };

test('G4: senders: containers of a user, and of a namespace, are of one, whatever handlers they have', () => {
  const ofUser = senderOf(identityOf('c1', { peerUid: 1000 }), ['a']);
  const ofShop = senderOf(identityOf('c1', shop), ['a']);

  expect(senderOf(identityOf('c2', { peerUid: 1000 }), ['b'])).toBe(ofUser);
  expect(senderOf(identityOf('c2', shop), ['b'])).toBe(ofShop);
  const others = [
    senderOf(identityOf('c1', { peerUid: 1001 }), ['a']),
    senderOf(identityOf('c1', office), ['a']),
    senderOf(identityOf('c1'), ['a']),
  ];
  expect(new Set([ofUser, ofShop, ...others]).size).toBe(5);
});

test('G4: senders: other containers of root’s are of one for all that have the same handlers', () => {
  const sender = senderOf(identityOf('c1'), ['a', 'b']);

  expect(senderOf(identityOf('c2'), ['b', 'a', 'a'])).toBe(sender);
  expect(senderOf(identityOf('c1'), ['a'])).not.toBe(sender);
});
