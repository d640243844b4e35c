// SPDX-License-Identifier: Apache-2.0
// How the tests of the virtual machine run inside of it. The project is read-only there.
import type { ViteUserConfig } from 'vitest/config';

const config: ViteUserConfig = {
  cacheDir: '/tmp/vite',
  test: {
    root: import.meta.dirname,
    include: ['*.test.ts'],
    pool: 'forks',
    fileParallelism: false,
    reporters: ['verbose'],
    // a processor that is emulated takes its time, the more the busier the machine is
    env: { SECCOMPAGENT_SLOWNESS: '6' },
    testTimeout: 360_000,
    hookTimeout: 360_000,
  },
};

export default config;
