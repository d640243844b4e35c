// SPDX-License-Identifier: Apache-2.0
// The programs of the group `macro`: what each needs, what runs, who is measured at it.
import { spawnSync } from 'node:child_process';
import { chownSync, mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';

import { TemporaryFolder } from '../support/temporary-folder.ts';
import type { Figures } from './figures.ts';
import {
  bare,
  chownFake,
  observingAgent,
  observingC,
  performingAgent,
  performingC,
  strace,
  succeedingC,
} from './macro-contenders.ts';
import type { Contender } from './macro-contenders.ts';
import { redisBenchmark, startRedis } from './redis.ts';

const sources = 40;
const trackedFiles = 1000;
const archivedFiles = 500;
const ordinaryId = 1000;
const commandMs = 60_000;

interface Place {
  readonly folder: string;
  readonly cpus: string;
  readonly contender: Contender;
  /** The words that make a command the contender's. */
  readonly wrapper: readonly string[];
}

interface Comparison {
  readonly title: string;
  readonly of: Contender;
  readonly to: Contender;
  /** Of the time that the other takes; absent: it is only shown. */
  readonly most?: number;
}

export interface Work {
  readonly name: string;
  /** Succeeds in a shell where what it needs is installed. */
  readonly check: string;
  /** As test/bench/enter.c calls those that are trapped. */
  readonly trapped: 'openat' | 'chown';
  /** Makes what it needs, in an empty folder. */
  readonly prepare: (folder: string) => void;
  readonly run: (place: Place) => Promise<Figures>;
  readonly contenders: readonly Contender[];
  readonly comparisons: readonly Comparison[];
}

function shell(folder: string, script: string): void {
  const { status, stderr } = spawnSync('sh', ['-ec', script], { cwd: folder, encoding: 'utf8' });
  if (status !== 0) throw new Error(`cannot prepare: ${stderr}`);
}

function runTimed(words: readonly string[], folder: string): Figures {
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

async function runScript(script: string, { folder, cpus, wrapper }: Place): Promise<Figures> {
  return runTimed(['taskset', '-c', cpus, ...wrapper, 'sh', '-ec', script], folder);
}

/** A work whose openat(2) is answered. */
function opening(
  work: Pick<Work, 'name' | 'check'> & {
    readonly prepare?: Work['prepare'];
    readonly script: string;
    /** The longest that it may take when it is performed, beside when it is only observed. */
    readonly mostToObserved: number;
  },
): Work {
  const { name, check, prepare = () => undefined, script, mostToObserved } = work;
  return {
    name,
    check,
    trapped: 'openat',
    prepare,
    run: (place) => runScript(script, place),
    contenders: [bare, strace, observingC, performingC, observingAgent, performingAgent],
    comparisons: [
      {
        title: 'performed, beside C that performs',
        of: performingAgent,
        to: performingC,
        most: 1.2,
      },
      {
        title: 'performed, beside observed',
        of: performingAgent,
        to: observingAgent,
        most: mostToObserved,
      },
      { title: 'observed, beside strace', of: observingAgent, to: strace },
    ],
  };
}

function writeSources(folder: string): void {
  for (let index = 0; index < sources; index += 1) {
    const text = `#include <errno.h>\n#include <stdio.h>\n#include <stdlib.h>\n#include <string.h>
int f${index}(int x) { return printf("%d", x + ${index}); }\n`;
    writeFileSync(join(folder, `f${index}.c`), text);
  }
}

function writeSmallFiles(folder: string, count: number): void {
  for (let index = 0; index < count; index += 1) {
    const directory = join(folder, `d${index % 50}`);
    mkdirSync(directory, { recursive: true });
    writeFileSync(join(directory, `f${index}`), String(index));
  }
}

function writeRepository(folder: string): void {
  writeSmallFiles(folder, trackedFiles);
  const identity = '-c user.name=bench -c user.email=bench@localhost';
  shell(folder, `git init -q && git add . && git ${identity} commit -qm all`);
}

/** Its files are root's, and who extracts them may not make root their owner. */
function writeArchive(folder: string): void {
  writeSmallFiles(join(folder, 'files'), archivedFiles);
  shell(folder, 'tar cf archive.tar --owner=0 --group=0 -C files .');
}

async function extract(place: Place): Promise<Figures> {
  // in memory: to make a file on a disk may take longer than an answer
  using out = new TemporaryFolder('/dev/shm');
  chownSync(out.path, ordinaryId, ordinaryId);
  const user = `setpriv --reuid=${ordinaryId} --regid=${ordinaryId} --clear-groups`;
  // where nobody answers tar would fail if it asked for the owner
  const owner = place.contender === bare ? '--no-same-owner' : '--same-owner';
  return runScript(`${user} tar xf archive.tar ${owner} -C ${out.path}`, place);
}

/** The server is the contender's; the benchmark is nobody's, and is what is timed. */
async function benchmarkRedis({ folder, cpus, wrapper }: Place): Promise<Figures> {
  const pinned = ['taskset', '-c', cpus];
  await using _server = await startRedis([...pinned, ...wrapper], folder);
  return runTimed([...pinned, ...redisBenchmark(folder)], folder);
}

const modules = [
  'argparse',
  'asyncio',
  'csv',
  'email.message',
  'http.client',
  'json',
  'logging',
  'subprocess',
  'tarfile',
  'unittest',
  'urllib.request',
  'xml.etree.ElementTree',
  'zipfile',
];
/** Without site's paths, PYTHON variables and caches that it writes: nothing but the imports. */
const pythonImports = `/usr/bin/python3 -S -E -B -c 'import ${modules.join(', ')}'`;

const redis: Work = {
  name: 'redis-benchmark',
  check: 'command -v redis-server && command -v redis-benchmark && command -v setpriv',
  trapped: 'openat',
  prepare: () => undefined,
  run: benchmarkRedis,
  contenders: [bare, strace, observingC, performingC, observingAgent, performingAgent],
  comparisons: [
    { title: 'performed, beside bare', of: performingAgent, to: bare },
    { title: 'observed, beside strace', of: observingAgent, to: strace },
  ],
};

const tar: Work = {
  name: `tar x of ${archivedFiles} small files`,
  check: 'command -v tar && command -v setpriv && test -d /dev/shm',
  trapped: 'chown',
  prepare: writeArchive,
  run: extract,
  contenders: [bare, succeedingC, chownFake],
  comparisons: [
    { title: 'chown-fake, beside bare', of: chownFake, to: bare },
    { title: 'chown-fake, beside C that answers 0', of: chownFake, to: succeedingC },
  ],
};

export const works: readonly Work[] = [
  opening({
    name: `compile of ${sources} small files`,
    check: 'command -v gcc',
    prepare: writeSources,
    script: 'for f in *.c; do gcc -O0 -c $f; done',
    mostToObserved: 1.3,
  }),
  opening({
    name: 'find in /usr/share',
    check: 'command -v find',
    script: 'find /usr/share -name nothing',
    mostToObserved: 1.6,
  }),
  opening({
    name: `git status of ${trackedFiles} files`,
    check: 'command -v git',
    prepare: writeRepository,
    script: 'git status >/dev/null',
    mostToObserved: 1.6,
  }),
  opening({
    name: 'grep in /usr/include',
    check: 'command -v grep && test -d /usr/include',
    script: 'grep -rq no-such-text /usr/include || true',
    mostToObserved: 1.6,
  }),
  opening({
    name: `python3 that imports ${modules.length} modules`,
    check: pythonImports,
    script: pythonImports,
    mostToObserved: 1.6,
  }),
  tar,
  redis,
];
