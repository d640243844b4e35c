// SPDX-License-Identifier: Apache-2.0
// G3: a container with wrong metadata has no handlers, its calls fail, and the log says why; whichever
// resolver it is that reads it.
import { afterAll, beforeAll, describe, expect, test } from 'vitest';

import { AskedCaller } from '../support/asked-caller.ts';
import { startWatchedAgent } from '../support/watched-agent.ts';
import type { WatchedAgent } from '../support/watched-agent.ts';

/** Lines, and what the log says of them. */
const wrong = [
  [['MKDIR_TMPL=-{{.Nope}}'], '\\"MKDIR_TMPL\\"'],
  [['MKDIR_TMPL=-{{.Pod}}'], 'template {{.Pod}} has no value'],
  [['EXEC_PATTERN=/bin/true'], 'also set \\"EXEC_DURATION\\"'],
  [['EXEC_PATTERN=/bin/true', 'EXEC_DURATION=2'], '\\"EXEC_DURATION\\"'],
  [['EXEC_DURATION=2s'], 'also set \\"EXEC_PATTERN\\"'],
  [['SIDECARS=a,'], '\\"SIDECARS\\" has an empty item'],
  [['SIDECARS=a'], 'also set \\"SIDECARS_DELAY\\"'],
  [['SIDECARS=a', 'SIDECARS_DELAY=5s'], 'setting \\"SIDECARS\\": template {{.Container}} has no'],
  [['SIDECARS_DELAY=5s'], 'also set \\"SIDECARS\\"'],
  [['MOUNT_PROC=yes'], '\\"MOUNT_PROC\\" must be true or false'],
  [['MOUNT_SYSFS='], '\\"MOUNT_SYSFS\\" must be true or false'],
  [['MOUNT_OTHER_FS_LIST=cifs,,nfs4'], '\\"MOUNT_OTHER_FS_LIST\\" has an empty item'],
  [['MOUNT_NEED_CAP_ADMIN=true'], 'MOUNT_PROC, MOUNT_SYSFS, MOUNT_OTHER_FS_LIST'],
  [['DEFAULT_ACTION=kill'], 'DEFAULT_ACTION must be kill-container, freeze-container'],
  [['DEFAULT_ACTION=errno:EPREM'], 'DEFAULT_ACTION must be'],
  [['MIDDLEWARE=falko'], 'MIDDLEWARE names \\"falko\\"'],
  [['BUNDLE=kubernets'], 'kubernets'],
  [['BUNDLE=kubernetes', 'MKDIR_TMPL'], 'line 2 has no \\"=\\"'],
  [['MKDIR_TEMPLATE=-x'], 'has the setting \\"MKDIR_TEMPLATE\\"'],
] as const;

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

    test.for(wrong)('G3: metadata keys: %j', async ([lines, why]) => {
      const id = `wrong-${lines.join('-').replaceAll(/[^A-Za-z_-]/gu, '')}`;
      await using caller = new AskedCaller({
        socket: agent.socket,
        metadata: metadataOf(lines),
        id,
      });
      expect((await caller.ask('mkdir /nowhere/at/all')).answer).toBe('EPERM');
      expect((await caller.ask('getppid')).answer).toBe('EPERM');
      const line = await agent.untilLogged([`"${id}"`, 'trapped calls will fail', why]);
      expect(line).toContain('"errno":"EPERM"');
    });

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
