// SPDX-License-Identifier: Apache-2.0
// Tests what a reload does where a part of it fails.
import { once } from 'node:events';

import { expect, test } from 'vitest';

import { reloadOnHangup } from '../../host/commands/reload.ts';
import type { Reread } from '../../host/commands/reload.ts';
import type { ReloadEnds } from '../../host/containers/reloading.ts';
import { ReloadReport } from '../../host/control/reload-report.ts';
import { AgentError } from '../../host/errors.ts';
import type { LogEvent } from '../../host/log/log-events.ts';
import type { Resolver } from '../../host/resolvers/resolver.ts';
import { KeptLog } from '../support/kept-log.ts';
import { until } from '../support/polling.ts';

function unused(): never {
  throw new AgentError('AGENT_HANDLER_FAILED', 'nobody asks it');
}

const resolver: Resolver = { resolve: unused, keep: unused };

/** An agent, and a configuration that it reads again: both say what is done. */
class Reloading implements Disposable {
  readonly log = new KeptLog();
  readonly done: string[] = [];
  /** Reading the bundles. */
  all: (ends: ReloadEnds) => Promise<Resolver> = async () => resolver;
  readonly #hangup: Disposable;

  constructor() {
    const agent = {
      containerCount: 1,
      log: this.log.log,
      reloads: new ReloadReport(),
      regrant: async (make: (bundles: ReadonlySet<never>) => Promise<Resolver>) => {
        await make(new Set());
        this.done.push('regranted');
      },
      reload: async () => {
        this.done.push('reloaded');
        return { changed: 1, kept: 0 };
      },
    };
    const begin = (): Reread => ({
      granting: async () => resolver,
      all: async (ends) => {
        this.done.push('reading');
        return this.all(ends);
      },
    });
    this.#hangup = reloadOnHangup(agent, { begin, rest: undefined });
  }

  async untilLogged(event: LogEvent): Promise<void> {
    await until(event, () => this.log.records.find((record) => record.event === event));
  }

  [Symbol.dispose](): void {
    this.#hangup[Symbol.dispose]();
  }
}

test('G3: reload: what is granted is looked at before bundles are read, and stays where these cannot be', async () => {
  using reloading = new Reloading();
  reloading.all = async () => {
    throw new AgentError('AGENT_BUNDLE_INVALID', 'not a bundle');
  };
  process.emit('SIGHUP');
  await reloading.untilLogged('reload-failed');
  expect(reloading.done).toEqual(['regranted', 'reading']);
});

test('G3: reload: a second request hurries the first one', async () => {
  using reloading = new Reloading();
  reloading.all = async ({ hurry }) => {
    reloading.all = async () => resolver;
    await once(hurry, 'abort');
    return resolver;
  };
  process.emit('SIGHUP');
  await until('reading', () => reloading.done.includes('reading') || undefined);
  process.emit('SIGHUP');
  await until('both', () => reloading.done.filter((each) => each === 'reloaded')[1]);
  const both = ['regranted', 'reading', 'reloaded'];
  expect(reloading.done).toEqual([...both, ...both]);
});
