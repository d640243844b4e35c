// SPDX-License-Identifier: Apache-2.0
// Who does what the tutorials say sees what they show.
import { expect, test } from 'vitest';

import { Page } from '../support/pages.ts';
import { follow } from '../support/session.ts';

test.for(['tutorial/1.md', 'tutorial/2.md', 'howto/sandbox.md'])(
  'docs: the commands of %s print what it shows',
  async (name) => {
    expect(await follow(new Page(`deploy/docs/${name}`))).toBeGreaterThan(4);
  },
);
