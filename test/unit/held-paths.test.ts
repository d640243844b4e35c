// SPDX-License-Identifier: Apache-2.0
// Tests what is said of paths of settings that cannot be held.
import { expect, test } from 'vitest';

import { tellUnheld } from '../../host/containers/held-paths.ts';
import type { UnheldPath } from '../../host/containers/held-paths.ts';
import { UserLines } from '../../host/log/user-lines.ts';
import { errnoNumber } from '../../host/syscalls/errno.ts';
import { defaultFailure } from '../../host/registry/policy.ts';
import { KeptLog } from '../support/kept-log.ts';
import type { LogRecord } from '../support/log-records.ts';

const state = {
  fds: ['seccompFd'],
  processPid: 4321,
  metadata: '',
  containerId: 'c1',
  containerPid: 1234,
  status: 'creating',
  ociBundle: '',
  annotations: new Map<string, string>(),
} as const;
const registry = {
  containerId: 'c1',
  handlers: [],
  defaultAction: 'continue',
  failure: defaultFailure,
} as const;

function linesOf(unheld: readonly UnheldPath[]): readonly LogRecord[] {
  const log = new KeptLog();
  using lines = new UserLines(log.log);
  const containers = {
    get: () => ({ identity: { state, firstPid: 77 }, registry }),
    unheldPaths: () => unheld,
  };
  tellUnheld(lines, containers, 1);
  return log.records;
}

test('held paths: of those that are held nothing is said', () => {
  expect(linesOf([])).toEqual([]);
});

test('held paths: a path that is not is named, with the reason', () => {
  expect(linesOf([{ path: '/a', errno: errnoNumber('EINVAL') }])).toMatchObject([
    {
      event: 'paths-not-held',
      container: 'c1',
      code: 'AGENT_SETTING_INVALID',
      count: 1,
      paths: [{ path: '/a', errno: 'EINVAL', reason: expect.any(String) }],
    },
  ]);
});

test('A5: held paths: however many are not, one line names ten of them and says how many', () => {
  const unheld = Array.from({ length: 20_000 }, (_, index) => ({
    path: `/${index}${'x'.repeat(1000)}`,
    errno: errnoNumber('ENOENT'),
  }));
  const lines = linesOf(unheld);
  expect(lines).toMatchObject([{ count: 20_000 }]);
  expect(lines[0]?.['paths']).toHaveLength(10);
  expect(JSON.stringify(lines).length).toBeLessThan(5000);
});
