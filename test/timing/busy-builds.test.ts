// SPDX-License-Identifier: Apache-2.0
// Builds whose files are opened for them, where all processors have other work and where memory is
// short: what is slow does not fail. SECCOMPAGENT_BUSY_BUILDS runs more of them.
import { writeFileSync } from 'node:fs';

import { afterAll, beforeAll, expect, test } from 'vitest';

import { killableBundle } from '../bench/load.ts';
import { RunningCommand, runCommand } from '../support/command.ts';
import { compiled } from '../support/compile.ts';
import { MemoryCgroup } from '../support/memory-cgroup.ts';
import { untilChildless } from '../support/process-resources.ts';
import { TemporaryFolder } from '../support/temporary-folder.ts';
import { testBundle } from '../support/test-bundles.ts';
import { startWatchedAgent } from '../support/watched-agent.ts';

const compiles = Number(process.env['SECCOMPAGENT_BUSY_BUILDS'] ?? '3');
const sources = 8;
const findsEach = 10;
const busyLoops = 16;
const deadlineMs = 120_000 * Math.max(1, compiles / 3);
/** Little more than a compiler needs; what fills it is read again and again. */
const shortOfBytes = 40 * 1024 * 1024;
const fillingMegabytes = 80;

const sourcesFolder = new TemporaryFolder();
beforeAll(() => {
  for (let index = 0; index < sources; index += 1) {
    writeFileSync(
      sourcesFolder.at(`f${index}.c`),
      `#include <errno.h>\n#include <stdio.h>\n#include <stdlib.h>\nint f${index}(int x) { return printf("%d", x); }\n`,
    );
  }
});
afterAll(() => {
  sourcesFolder[Symbol.dispose]();
});

/** Prints a line for each command that fails, and the last one. */
function builds(count: number, folder: string): readonly string[] {
  const script = `
    for round in $(seq ${count}); do
      for file in f*.c; do gcc -O0 -c $file -o "$0/$file.o" || echo "failed: gcc $file"; done
      for find in $(seq ${findsEach}); do find /usr/share/doc -name none || echo "failed: find"; done
    done
    echo done`;
  return ['sh', '-c', `cd ${sourcesFolder.path} && ${script}`, folder];
}

const filters = [
  { name: 'with WAIT_KILLABLE_RECV', bundle: killableBundle() },
  { name: 'without it', bundle: '-' },
] as const;

async function run(bundle: string, count: number, wrapper: readonly string[]): Promise<string> {
  using folder = new TemporaryFolder();
  await using agent = await startWatchedAgent({ bundle: testBundle('perform'), log: 'warn' });
  const enter = [compiled('enter'), agent.socket, bundle] as const;
  const words = [...wrapper, ...enter, ...builds(count, folder.path)] as const;
  const [command = '', ...rest] = words;
  const { stdout, stderr } = await runCommand([command, ...rest], { deadlineMs });
  await untilChildless(agent.pid);
  return `${stderr}${stdout}`;
}

test.for(filters)(
  'A19: busy builds: no file is missing where others compute, $name',
  { timeout: deadlineMs },
  async ({ bundle }) => {
    await using loops = new AsyncDisposableStack();
    for (let count = 0; count < busyLoops; count += 1) {
      loops.use(new RunningCommand(['sh', '-c', 'while :; do :; done'], { deadlineMs }));
    }
    expect(await run(bundle, compiles, [])).toBe('done\n');
  },
);

test.for(filters)(
  'A19: busy builds: no file is missing where the container has little memory, $name',
  { timeout: deadlineMs },
  async ({ bundle }) => {
    using cgroup = new MemoryCgroup(shortOfBytes);
    using folder = new TemporaryFolder();
    // the pages that it gets are charged to whoever reads them first
    const file = folder.at('filling');
    const size = `count=${fillingMegabytes}`;
    await runCommand(['dd', 'if=/dev/zero', `of=${file}`, 'bs=1M', size, 'oflag=direct']);
    const filling = ['sh', '-c', 'while :; do cat "$0" >/dev/null; done', file] as const;
    const [command, ...rest] = [...cgroup.wrapper, ...filling] as const;
    await using _filling = new RunningCommand([command ?? '', ...rest], { deadlineMs });
    expect(await run(bundle, Math.ceil(compiles / 4), cgroup.wrapper)).toBe('done\n');
    expect(cgroup.peakBytes).toBeGreaterThan(0.9 * shortOfBytes);
  },
);
