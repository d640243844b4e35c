// SPDX-License-Identifier: Apache-2.0
// Tests what a reload does where a part of it fails.
import { expect, test } from 'vitest';

import { reloadOnHangup } from '../../host/commands/reload.ts';
import { ReloadReport } from '../../host/control/reload-report.ts';
import { AgentError } from '../../host/errors.ts';
import type { Resolver } from '../../host/resolvers/resolver.ts';
import { KeptLog } from '../support/kept-log.ts';
import { until } from '../support/polling.ts';

function unused(): never {
  throw new AgentError('AGENT_HANDLER_FAILED', 'nobody asks it');
}

const resolver: Resolver = { resolve: unused, keep: unused };

test('reload: a failed preparation leaves nobody withdrawn grants', async () => {
  const log = new KeptLog();
  const given: Resolver[] = [];
  const agent = {
    containerCount: 1,
    log: log.log,
    reloads: new ReloadReport(),
    prepareAll: async (): Promise<void> => {
      throw new Error('ELOOP');
    },
    reload: async (next: Resolver) => {
      given.push(next);
      return { changed: 1, kept: 0 };
    },
  };
  using _reload = reloadOnHangup(agent, { all: async () => resolver, rest: undefined });
  process.emit('SIGHUP');
  await until('a reload', () => log.records.find(({ event }) => event === 'reloaded'));
  expect(given).toEqual([resolver]);
  expect(log.shown).toEqual(['reload-incomplete', 'reloaded']);
});
