// SPDX-License-Identifier: Apache-2.0
// Who does what the README and the tutorials say sees what they show.
import { expect, test } from 'vitest';

import { Page } from '../support/pages.ts';
import { follow } from '../support/session.ts';

const followed = [
  'README.md',
  'deploy/docs/tutorial/1.md',
  'deploy/docs/tutorial/2.md',
  'deploy/docs/howto/sandbox.md',
];

test.for(followed)('docs: the commands of %s print what it shows', async (path) => {
  expect(await follow(new Page(path))).toBeGreaterThan(3);
});
