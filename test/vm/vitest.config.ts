// SPDX-License-Identifier: Apache-2.0
// How the tests of the virtual machine run inside of it. The project is read-only there.
import { arch } from 'node:process';

import type { ViteUserConfig } from 'vitest/config';

import { compilersOf, testsOf } from './tests.ts';

if (arch !== 'x64' && arch !== 'arm64') throw new Error(`there are no tests for ${arch}`);

const config: ViteUserConfig = {
  cacheDir: '/tmp/vite',
  test: {
    root: new URL('..', import.meta.url).pathname,
    include: [...testsOf[arch]],
    pool: 'forks',
    fileParallelism: false,
    reporters: ['verbose'],
    env: {
      // a processor that is emulated takes its time, the more the busier the machine is
      SECCOMPAGENT_SLOWNESS: '6',
      // what they compile was compiled outside, and so is what jco makes
      ...compilersOf[arch],
      CACHE_DIRECTORY: new URL('../../build/test-cache', import.meta.url).pathname,
    },
    // commands have the usual deadlines, which a machine that others use for seconds breaks
    retry: 2,
    testTimeout: 1_080_000,
    hookTimeout: 1_080_000,
  },
};

export default config;
