// SPDX-License-Identifier: Apache-2.0
// How the tests run: real kernels, real containers, so files run one after the other.
import type { ViteUserConfig } from 'vitest/config';

const config: ViteUserConfig = {
  test: {
    root: new URL('..', import.meta.url).pathname,
    include: ['test/**/*.test.ts', 'handlers-wasm/**/*.test.ts'],
    // These have a machine of their own.
    exclude: ['test/vm/**'],
    // Wirings are kept from one run to the next, and not among those of an installed agent.
    env: { CACHE_DIRECTORY: new URL('../build/test-cache', import.meta.url).pathname },
    globalSetup: ['test/support/global-setup.ts'],
    pool: 'forks',
    // Containers, listeners and descriptor counts of one file must not disturb another's.
    fileParallelism: false,
    reporters: ['default', new URL('support/plain-summary.ts', import.meta.url).pathname],
    // Many tests compare times, which a machine that others use for seconds falsifies. What needed
    // another try is named at the end; `--retry=0` to look for what fails now and then.
    retry: 2,
    testTimeout: 60_000,
    hookTimeout: 60_000,
  },
};

export default config;
