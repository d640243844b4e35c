// SPDX-License-Identifier: Apache-2.0
// Whole programs whose files are opened for them: what a build in a container notices.
import { spawnSync } from 'node:child_process';
import { copyFileSync, mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';

import { compiled } from '../../support/compile.ts';
import { TemporaryFolder } from '../../support/temporary-folder.ts';
import { testBundle } from '../../support/test-bundles.ts';
import { atMost } from '../aims.ts';
import type { Aim } from '../aims.ts';
import { startAgent, startBare } from '../agents.ts';
import type { StartedAgent } from '../agents.ts';
import type { Figures } from '../figures.ts';
import { killableBundle } from '../load.ts';
import type { CpuChoice } from '../machine.ts';
import type { Measurement } from '../rounds.ts';
import type { Group } from './group.ts';

const sources = 40;
const trackedFiles = 1000;
const commandMs = 60_000;

interface Work {
  readonly name: string;
  /** Makes what the script needs, in an empty folder. */
  readonly prepare: (folder: string) => void;
  /** Runs there. */
  readonly script: string;
  /** The longest that it may take when it is performed, beside when it is only observed. */
  readonly mostToObserved: number;
}

function shell(folder: string, script: string): void {
  const { status, stderr } = spawnSync('sh', ['-ec', script], { cwd: folder, encoding: 'utf8' });
  if (status !== 0) throw new Error(`cannot prepare: ${stderr}`);
}

function writeSources(folder: string): void {
  for (let index = 0; index < sources; index += 1) {
    const text = `#include <errno.h>\n#include <stdio.h>\n#include <stdlib.h>\n#include <string.h>
int f${index}(int x) { return printf("%d", x + ${index}); }\n`;
    writeFileSync(join(folder, `f${index}.c`), text);
  }
}

function writeRepository(folder: string): void {
  for (let index = 0; index < trackedFiles; index += 1) {
    const directory = join(folder, `d${index % 50}`);
    mkdirSync(directory, { recursive: true });
    writeFileSync(join(directory, `f${index}`), String(index));
  }
  const identity = '-c user.name=bench -c user.email=bench@localhost';
  shell(folder, `git init -q && git add . && git ${identity} commit -qm all`);
}

const works: readonly Work[] = [
  {
    name: `compile of ${sources} small files`,
    prepare: writeSources,
    script: 'for f in *.c; do gcc -O0 -c $f; done',
    mostToObserved: 1.3,
  },
  {
    name: 'find in /usr/share',
    prepare: () => undefined,
    script: 'find /usr/share -name nothing',
    mostToObserved: 1.6,
  },
  {
    name: `git status of ${trackedFiles} files`,
    prepare: writeRepository,
    script: 'git status >/dev/null',
    mostToObserved: 1.6,
  },
  {
    name: 'grep in /usr/include',
    prepare: () => undefined,
    script: 'grep -rq no-such-text /usr/include || true',
    mostToObserved: 1.6,
  },
];

/** A bundle whose handler sees each path and lets the kernel go on. */
function observing(folder: string): string {
  const component = 'observer-quiet.wasm';
  copyFileSync(join(testBundle('observer-quiet'), component), join(folder, component));
  const bundle = {
    name: 'observing',
    version: '0.1.0',
    description: 'Sees every open',
    handlers: [{ component, syscalls: ['open'] }],
  };
  writeFileSync(join(folder, 'bundle.json'), JSON.stringify(bundle));
  return folder;
}

interface Contender {
  readonly name: string;
  /** Absent: there is none. */
  readonly start?: (cpus: string, folder: string) => Promise<StartedAgent>;
}

const bare: Contender = { name: 'bare' };
const observingC: Contender = { name: 'C, observes', start: (cpus) => startBare('continue', cpus) };
const performingC: Contender = { name: 'C, performs', start: (cpus) => startBare('open', cpus) };
const observingAgent: Contender = {
  name: 'agent, observes',
  start: (cpus, folder) => startAgent({ folder: observing(folder), cpus }),
};
const performingAgent: Contender = {
  name: 'agent, performs',
  start: (cpus) => startAgent({ bundle: 'perform', cpus }),
};
const contenders = [bare, observingC, performingC, observingAgent, performingAgent] as const;

function nameOf(work: Work, contender: Contender): string {
  return `${work.name}: ${contender.name}`;
}

function runWork(words: readonly string[], folder: string): Figures {
  const [command = '', ...rest] = words;
  const began = performance.now();
  const { status, signal, stderr } = spawnSync(command, rest, {
    cwd: folder,
    encoding: 'utf8',
    stdio: ['ignore', 'ignore', 'pipe'],
    timeout: commandMs,
    killSignal: 'SIGKILL',
  });
  const wallMs = performance.now() - began;
  if (status !== 0) throw new Error(`${command} ended with ${signal ?? status}: ${stderr}`);
  return { wallMs };
}

function measurement(work: Work, contender: Contender, cpus: string): Measurement {
  return {
    name: nameOf(work, contender),
    run: async () => {
      using folder = new TemporaryFolder();
      using bundle = new TemporaryFolder();
      work.prepare(folder.path);
      const words = ['taskset', '-c', cpus, 'sh', '-ec', work.script];
      if (contender.start === undefined) return runWork(words, folder.path);
      await using agent = await contender.start(cpus, bundle.path);
      const enter = [compiled('enter'), agent.socket, killableBundle()];
      // the first call of a container builds its instance
      return runWork([...enter, ...words], folder.path);
    },
  };
}

function aimsOf(work: Work): readonly Aim[] {
  const ratio = (title: string, to: Contender, most: number): Aim => ({
    title: `${work.name}, ${title}`,
    quantity: {
      kind: 'ratio',
      of: nameOf(work, performingAgent),
      to: nameOf(work, to),
      figure: 'wallMs',
    },
    limit: atMost(most),
  });
  return [
    ratio('performed, beside C that performs', performingC, 1.2),
    ratio('performed, beside observed', observingAgent, work.mostToObserved),
  ];
}

export function macro({ two }: CpuChoice): Group {
  const cpus = two();
  return {
    title: `whole programs, whose openat(2) is answered, on CPUs ${cpus}`,
    limits: { rounds: 5, seconds: 120 },
    measurements: works.flatMap((work) =>
      contenders.map((contender) => measurement(work, contender, cpus)),
    ),
    columns: ['wallMs'],
    aims: works.flatMap(aimsOf),
  };
}
