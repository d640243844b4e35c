// SPDX-License-Identifier: Apache-2.0
// How the tests run: tiers, one after the other; which tier a test is in, its folder says.
import { fileURLToPath } from 'node:url';

import type { TestProjectConfiguration, ViteUserConfig } from 'vitest/config';
import { BaseSequencer } from 'vitest/node';
import type { TestSpecification } from 'vitest/node';

interface Tier {
  readonly name: string;
  readonly folders: readonly string[];
  /** Those of the same order run side by side. */
  readonly order: number;
  /** How many files run at a time; else as many as there are cores. */
  readonly maxWorkers?: number;
  readonly setup?: 'guest' | 'kernel';
  readonly retry?: number;
  readonly pool?: 'forks' | 'threads';
}

/**
 * One test of thousands may meet a machine that stood still. What needed other tries is named at the
 * end of the run.
 */
const moreTries = 2;

/** Kernel tests wait more than they compute, but their programs take cores, too. */
const kernelWorkers = 3;
/** Tests with containers compute more. */
const containerWorkers = 2;

/** These take about a minute each: no core is to wait for them at the end. */
const longest = ['e2e/performed-commands', 'e2e/record', 'e2e/tutorials'];

function isLongest({ moduleId }: TestSpecification): boolean {
  return longest.some((name) => moduleId.endsWith(`/${name}.test.ts`));
}

class LongestFirst extends BaseSequencer {
  override async sort(files: TestSpecification[]): Promise<TestSpecification[]> {
    const first = files.filter(isLongest);
    const others = files.filter((file) => !isLongest(file));
    // oxlint-disable-next-line unicorn/no-array-sort -- no array's
    return [...first, ...(await super.sort(others))];
  }
}

const tiers: readonly Tier[] = [
  // any user, and nothing but npm's packages
  { name: 'unit', folders: ['test/unit'], order: 1, pool: 'threads' },
  // built handlers, no root
  {
    name: 'guest',
    folders: ['test/guest-sdk', 'test/handlers', 'handlers-wasm'],
    order: 2,
    setup: 'guest',
  },
  // real listeners, root
  {
    name: 'kernel',
    folders: ['test/native', 'test/integration', 'test/e2e'],
    order: 3,
    maxWorkers: kernelWorkers,
    setup: 'kernel',
    retry: moreTries,
  },
  // containers of runc, crun, podman and containerd
  {
    name: 'containers',
    folders: ['test/containers'],
    order: 4,
    maxWorkers: containerWorkers,
    setup: 'kernel',
    retry: moreTries,
  },
  {
    name: 'sanitizers',
    folders: ['test/sanitizers'],
    order: 5,
    maxWorkers: 1,
    setup: 'kernel',
    retry: moreTries,
  },
  // These compare times, also of containers beside an attacker, which a machine that others use for
  // seconds falsifies, or change settings of the whole system.
  {
    name: 'timing',
    folders: ['test/timing', 'test/hostile'],
    order: 6,
    maxWorkers: 1,
    setup: 'kernel',
    retry: moreTries,
  },
];

function projectOf({
  name,
  folders,
  order,
  maxWorkers,
  setup,
  retry = 0,
  pool = 'forks',
}: Tier): TestProjectConfiguration {
  return {
    extends: true,
    test: {
      name,
      include: folders.map((folder) => `${folder}/**/*.test.ts`),
      sequence: { groupOrder: order },
      globalSetup: setup === undefined ? [] : [`test/support/${setup}-setup.ts`],
      retry,
      pool,
      ...(maxWorkers === undefined ? {} : { maxWorkers }),
    },
  };
}

const config: ViteUserConfig = {
  test: {
    root: fileURLToPath(new URL('..', import.meta.url)),
    projects: tiers.map((tier) => projectOf(tier)),
    sequence: { sequencer: LongestFirst },
    env: {
      // Wirings are kept from one run to the next, and not among those of an installed agent.
      CACHE_DIRECTORY: fileURLToPath(new URL('../build/test-cache', import.meta.url)),
      // Hundreds of agents start from the same sources.
      NODE_COMPILE_CACHE: fileURLToPath(new URL('../build/compile-cache', import.meta.url)),
    },
    reporters: ['default', fileURLToPath(new URL('support/plain-summary.ts', import.meta.url))],
    // Only what hangs takes so long, and not what a busy machine holds up.
    testTimeout: 180_000,
    hookTimeout: 180_000,
  },
};

export default config;
