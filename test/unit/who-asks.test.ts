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
  const ofUser = senderOf(identityOf('c1', { peerUid: 1000 }), { digests: ['a'] });
  const ofShop = senderOf(identityOf('c1', shop), { digests: ['a'] });

  expect(senderOf(identityOf('c2', { peerUid: 1000 }), { digests: ['b'] })).toBe(ofUser);
  expect(senderOf(identityOf('c2', shop), { digests: ['b'] })).toBe(ofShop);
  const others = [
    senderOf(identityOf('c1', { peerUid: 1001 }), { digests: ['a'] }),
    senderOf(identityOf('c1', office), { digests: ['a'] }),
    senderOf(identityOf('c1'), { digests: ['a'] }),
  ];
  expect(new Set([ofUser, ofShop, ...others]).size).toBe(5);
});

test('G4: senders: other containers of root’s are of one for all that have the same handlers', () => {
  const sender = senderOf(identityOf('c1'), { digests: ['a', 'b'] });

  expect(senderOf(identityOf('c2'), { digests: ['b', 'a', 'a'] })).toBe(sender);
  expect(senderOf(identityOf('c1'), { digests: ['a'] })).not.toBe(sender);
});

test('G4: senders: those with pulled bundles are of one for all that the same signers have signed', () => {
  const made = (digests: readonly string[], ...signers: readonly string[]): string =>
    senderOf(identityOf('c1'), { digests, signers });
  const sender = made(['a'], 'acme');

  expect(made(['b'], 'acme')).toBe(sender);
  expect(made(['b', 'of-the-operator'], 'acme', 'acme')).toBe(sender);
  const others = [made(['a'], 'other'), made(['a'], 'acme', 'other'), made(['acme'])];
  expect(new Set([sender, ...others, senderOf(identityOf('c1'), { digests: ['acme'] })]).size).toBe(
    5,
  );
});
