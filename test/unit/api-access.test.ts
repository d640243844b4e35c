// SPDX-License-Identifier: Apache-2.0
// Tests that kubeconfigs which are none are neither waited for nor shown.
import { spawnSync } from 'node:child_process';
import { symlinkSync, writeFileSync } from 'node:fs';

import { expect, test } from 'vitest';

import { messageOf } from '../../host/errors.ts';
import { apiAccess } from '../../host/kubernetes/api-access.ts';
import { failure } from '../support/failures.ts';
import { TemporaryFolder } from '../support/temporary-folder.ts';

const whole = `apiVersion: v1
kind: Config
clusters: [{ name: c, cluster: { server: 'https://c:1' } }]
users: [{ name: u, user: { tokenFile: token } }]
contexts: [{ name: x, context: { cluster: c, user: u } }]
current-context: x
`;

test('kubeconfig: a file of the user is found beside it, also by a link', async () => {
  using folder = new TemporaryFolder();
  writeFileSync(folder.at('real'), whole);
  symlinkSync('real', folder.at('config'));
  writeFileSync(folder.at('token'), 'word\n');
  const access = await apiAccess({ kubeconfig: folder.at('config'), environment: {} });
  const target = await access?.target();
  expect(target?.url).toBe('https://c:1');
  expect(JSON.stringify(target?.options.headers)).toContain('Bearer word');
});

test.for(['config', 'token'])('kubeconfig: a %s that is a FIFO is refused', async (name) => {
  using folder = new TemporaryFolder();
  if (name === 'token') writeFileSync(folder.at('config'), whole);
  expect(spawnSync('mkfifo', [folder.at(name)]).status).toBe(0);
  await expect(apiAccess({ kubeconfig: folder.at('config'), environment: {} })).rejects.toThrow(
    failure('AGENT_KUBERNETES', folder.at('config')),
  );
});

test.for(['a: *hush', 'a: !hush b', '"a" hush', '%hush'])(
  'kubeconfig: nothing of one that is none is shown: %s',
  async (text) => {
    using folder = new TemporaryFolder();
    writeFileSync(folder.at('config'), text);
    const refused: unknown = await apiAccess({
      kubeconfig: folder.at('config'),
      environment: {},
    }).catch((thrown: unknown) => thrown);
    expect(refused).toEqual(failure('AGENT_KUBERNETES'));
    expect(messageOf(refused)).not.toContain('hush');
  },
);
