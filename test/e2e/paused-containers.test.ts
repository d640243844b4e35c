// SPDX-License-Identifier: Apache-2.0
// Containers that are paused again and again while their calls are performed: as without us, each
// pause is there in a moment, and no call has another answer for it.
import { setTimeout as pause } from 'node:timers/promises';

import { expect, test } from 'vitest';

import { RunningCommand } from '../support/command.ts';
import { compiled } from '../support/compile.ts';
import { Freezer, freezerHierarchies } from '../support/freezer.ts';
import { makeFolder } from '../support/folder-contents.ts';
import { ociBundleWith } from '../support/oci-bundle.ts';
import { TemporaryFolder } from '../support/temporary-folder.ts';
import { testBundle } from '../support/test-bundles.ts';
import { startWatchedAgent } from '../support/watched-agent.ts';

const opens = 4000;
const leastPauses = 5;
const runningMs = 50;
/** A device, whose opening is judged by the container's cgroup; a directory; a file that is made. */
const script = `i=0
while [ $i -lt ${opens} ]; do
  { : </dev/null; } || echo device
  { : >$0/$i; } || echo file
  cd $0 || echo folder
  i=$((i+1))
done
ls $0 | wc -l`;

test.for(
  freezerHierarchies.flatMap((hierarchy) =>
    [true, false].map((isKillable) => ({
      hierarchy,
      version: hierarchy.name,
      isKillable,
      flag: isKillable ? 'with WAIT_KILLABLE_RECV' : 'without it',
    })),
  ),
)(
  'A9, A12: paused containers, $version, $flag: no call has another answer',
  { timeout: 120_000 },
  async ({ hierarchy, isKillable }) => {
    using folder = new TemporaryFolder();
    using oci = ociBundleWith(['SECCOMP_FILTER_FLAG_WAIT_KILLABLE_RECV']);
    await using agent = await startWatchedAgent({ bundle: testBundle('perform'), log: 'warn' });
    await using freezer = new Freezer(hierarchy);
    const made = makeFolder(folder.path, 'made');
    const enter = [compiled('enter'), '-t', 'openat', agent.socket, isKillable ? oci.path : '-'];
    const join = `echo $$ >${freezer.members} && exec "$@"`;
    const container = new RunningCommand(
      ['sh', '-c', join, 'sh', ...enter, 'busybox', 'sh', '-c', script, made],
      { deadlineMs: 100_000 },
    );
    let pauses = 0;
    while (!container.hasEnded) {
      await freezer.freeze();
      freezer.thaw();
      // what was going on when it was paused comes to its end, and more
      await pause(runningMs);
      pauses += 1;
    }
    expect(await container.ended).toMatchObject({ code: 0, stdout: `${opens}\n`, stderr: '' });
    expect(pauses).toBeGreaterThan(leastPauses);
    expect(agent.log()).toEqual([]);
  },
);
