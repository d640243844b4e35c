// SPDX-License-Identifier: Apache-2.0
// G3: a container with wrong metadata has no handlers, its calls fail, and the log says why; whichever
// resolver it is that reads it.
import { afterAll, beforeAll, describe, expect, test } from 'vitest';

import type { AgentErrorCode } from '../../host/errors.ts';
import { AskedCaller } from '../support/asked-caller.ts';
import { startWatchedAgent } from '../support/watched-agent.ts';
import type { WatchedAgent } from '../support/watched-agent.ts';

type Wrong = readonly [lines: readonly string[], named: RegExp, code?: AgentErrorCode];

/** Lines, and what the log names of them. */
const wrong: readonly Wrong[] = [
  [['MKDIR_TMPL=-{{.Nope}}'], /"MKDIR_TMPL".*\{\{\.Namespace\}\}/u],
  [['MKDIR_TMPL=-{{.Pod}}'], /"MKDIR_TMPL".*\{\{\.Pod\}\}/u],
  [['EXEC_PATTERN=/bin/true'], /"EXEC_PATTERN".*"EXEC_DURATION"/u],
  [['EXEC_PATTERN=/bin/true', 'EXEC_DURATION=2'], /"EXEC_DURATION"/u],
  [['EXEC_DURATION=2s'], /"EXEC_DURATION".*"EXEC_PATTERN"/u],
  [['SIDECARS=a,'], /"SIDECARS"/u],
  [['SIDECARS=a'], /"SIDECARS".*"SIDECARS_DELAY"/u],
  [['SIDECARS=a', 'SIDECARS_DELAY=5s'], /"SIDECARS".*\{\{\.Container\}\}/u],
  [['SIDECARS_DELAY=5s'], /"SIDECARS_DELAY".*"SIDECARS"/u],
  [['MOUNT_PROC=yes'], /"MOUNT_PROC".*true.*false/u],
  [['MOUNT_SYSFS='], /"MOUNT_SYSFS".*true.*false/u],
  [['MOUNT_OTHER_FS_LIST=cifs,,nfs4'], /"MOUNT_OTHER_FS_LIST"/u],
  [['MOUNT_NEED_CAP_ADMIN=true'], /MOUNT_PROC.*MOUNT_SYSFS.*MOUNT_OTHER_FS_LIST/u],
  [['DEFAULT_ACTION=kill'], /DEFAULT_ACTION.*kill-container.*freeze-container/u],
  [['DEFAULT_ACTION=errno:EPREM'], /DEFAULT_ACTION.*kill-container.*freeze-container/u],
  [['MIDDLEWARE=falko'], /MIDDLEWARE.*"falko"/u],
  [['BUNDLE=kubernets'], /"kubernets"/u, 'AGENT_BUNDLE_INVALID'],
  [['BUNDLE=kubernetes', 'MKDIR_TMPL'], /\b2\b.*"="/u],
  [['MKDIR_TEMPLATE=-x'], /"MKDIR_TEMPLATE"/u],
];

describe.each(['kubernetes', 'none', 'demo-basic'])(
  'metadata keys: with the resolver %s',
  (resolver) => {
    let agent: WatchedAgent;
    beforeAll(async () => {
      agent = await startWatchedAgent({ resolver, log: 'info,json' });
    });
    afterAll(async () => {
      await agent[Symbol.asyncDispose]();
    });

    /** For other resolvers than that of the bundle, metadata selects it. */
    function metadataOf(lines: readonly string[]): string {
      const isSelected =
        resolver === 'kubernetes' || lines.some((line) => line.startsWith('BUNDLE='));
      // as JSON has it
      return [...(isSelected ? [] : ['BUNDLE=kubernetes']), ...lines].join(String.raw`\n`);
    }

    test.for(wrong)(
      'G3: metadata keys: %j',
      async ([lines, error, code = 'AGENT_SETTING_INVALID']) => {
        const id = `wrong-${lines.join('-').replaceAll(/[^A-Za-z_-]/gu, '')}`;
        await using caller = new AskedCaller({
          socket: agent.socket,
          metadata: metadataOf(lines),
          id,
        });
        expect((await caller.ask('mkdir /nowhere/at/all')).answer).toBe('EPERM');
        expect((await caller.ask('getppid')).answer).toBe('EPERM');
        const record = await agent.untilLogged('bundles-unresolved', { container: id, error });
        expect(record).toMatchObject({ code, errno: 'EPERM' });
      },
    );

    test('metadata keys: valid keys are applied', async () => {
      const metadata = metadataOf(['MKDIR_TMPL=-{{.ContainerID}}', 'DEFAULT_ACTION=errno:EDOM']);
      await using caller = new AskedCaller({ socket: agent.socket, metadata });
      expect((await caller.ask('mkdir /nowhere/at/all')).answer).toBe('ENOENT');
      expect((await caller.ask('getppid')).answer).toBe('EDOM');
    });

    test('metadata keys: without a key that brings a handler the kernel judges', async () => {
      const metadata = metadataOf(['MOUNT_PROC=false']);
      await using caller = new AskedCaller({ socket: agent.socket, metadata });
      expect((await caller.ask('getppid')).answer).toBe(String(process.pid));
    });
  },
);
