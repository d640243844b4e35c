// SPDX-License-Identifier: Apache-2.0
// Tests what the operator allows to bundles that others have signed.
import { expect, test } from 'vitest';

import { allowedToSignedBundles } from '../../host/bundles/granted-bundles.ts';
import type { BundleEntry } from '../../host/bundles/granted-bundles.ts';
import { noGrants } from '../../host/registry/grants.ts';
import type { Grants } from '../../host/registry/grants.ts';
import { failure } from '../support/failures.ts';

const mounts: Grants = { capabilities: { mounts: { filesystems: ['proc'] } } };
const files: Grants = { capabilities: { filesystem: {} }, errnos: ['EPERM'] };
const entries = new Map<string, BundleEntry>([
  ['mine', { ...files, signers: ['silent', 'acme'] }],
  ['found', files],
]);
const allowed = allowedToSignedBundles(entries, [
  { name: 'acme', grants: mounts },
  { name: 'silent', grants: noGrants },
  { name: 'other', grants: { capabilities: { mounts: {} } } },
]);

test.for([
  ['nobody, of no name', 'theirs', [], noGrants],
  ['nobody who is trusted', 'theirs', ['stranger'], noGrants],
  ['a signer', 'theirs', ['acme'], mounts],
  ['a name alone, which anybody may give', 'found', ['acme'], mounts],
  ['a name, for others', 'mine', ['stranger'], noGrants],
  ['a name of nobody', 'mine', [], noGrants],
  ['a name, with its limits, beside a signer of whom nothing is said', 'mine', ['silent'], files],
  [
    'a name and a signer together',
    'mine',
    ['silent', 'acme'],
    { capabilities: { ...files.capabilities, ...mounts.capabilities }, errnos: ['EPERM'] },
  ],
] as const)('what is allowed to %s', ([, name, signers, grants]) => {
  expect(allowed(name, signers)).toEqual(grants);
});

test('two who have signed and limit the same in different ways allow nothing', () => {
  expect(() => allowed('theirs', ['acme', 'other'])).toThrow(
    failure('AGENT_GRANT_MISSING', '"acme"', '"other"', '"mounts"'),
  );
});
