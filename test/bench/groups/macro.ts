// SPDX-License-Identifier: Apache-2.0
// Whole programs some of whose system calls are answered for them: what a build in a container
// notices.
import { spawnSync } from 'node:child_process';

import { compiled } from '../../support/compile.ts';
import { TemporaryFolder } from '../../support/temporary-folder.ts';
import { atMost } from '../aims.ts';
import type { Aim } from '../aims.ts';
import { killableBundle } from '../load.ts';
import type { CpuChoice } from '../machine.ts';
import { hasStrace, strace } from '../macro-contenders.ts';
import type { Contender } from '../macro-contenders.ts';
import { works } from '../macro-works.ts';
import type { Work } from '../macro-works.ts';
import type { Measurement } from '../rounds.ts';
import type { Group } from './group.ts';

function nameOf(work: Work, contender: Contender): string {
  return `${work.name}: ${contender.name}`;
}

function measurement(work: Work, contender: Contender, cpus: string): Measurement {
  return {
    name: nameOf(work, contender),
    run: async () => {
      using folder = new TemporaryFolder();
      using bundle = new TemporaryFolder();
      work.prepare(folder.path);
      const place = { folder: folder.path, cpus, contender };
      if (contender.kind === 'wrapper')
        return await work.run({ ...place, wrapper: contender.words });
      await using agent = await contender.start(cpus, bundle.path);
      const enter = [compiled('enter'), '-t', work.trapped, agent.socket, killableBundle()];
      // the first call of a container builds its instance
      return await work.run({ ...place, wrapper: enter });
    },
  };
}

function aimsOf(work: Work): readonly Aim[] {
  return work.comparisons.map(({ title, of, to, most }) => ({
    title: `${work.name}, ${title}`,
    quantity: { kind: 'ratio', of: nameOf(work, of), to: nameOf(work, to), figure: 'wallMs' },
    ...(most === undefined ? {} : { limit: atMost(most) }),
  }));
}

function isInstalled({ check }: Work): boolean {
  return spawnSync('sh', ['-ec', check], { stdio: 'ignore' }).status === 0;
}

function withoutStrace(work: Work): Work {
  return {
    ...work,
    contenders: work.contenders.filter((contender) => contender !== strace),
    comparisons: work.comparisons.filter(({ to }) => to !== strace),
  };
}

export function macro({ two }: CpuChoice): Group {
  const cpus = two();
  const straced = hasStrace();
  const installed = works.filter(isInstalled);
  const measured = straced ? installed : installed.map(withoutStrace);
  return {
    title: `whole programs, whose openat(2) is answered (of tar: chown(2)), on CPUs ${cpus}`,
    limits: { rounds: 5, seconds: 180 },
    measurements: measured.flatMap((work) =>
      work.contenders.map((contender) => measurement(work, contender, cpus)),
    ),
    columns: ['wallMs'],
    aims: measured.flatMap(aimsOf),
    notes: [
      ...(straced ? [] : [`${strace.name}: there is no strace here that does it`]),
      ...works
        .filter((work) => !installed.includes(work))
        .map(({ name, check }) => `${name}: not measured, as this fails here: ${check}`),
    ],
  };
}
