// SPDX-License-Identifier: Apache-2.0
// Who looks on at the system calls of whole programs, or answers them.
import { spawnSync } from 'node:child_process';
import { copyFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';

import { testBundle } from '../support/test-bundles.ts';
import { startAgent, startBare } from './agents.ts';
import type { StartedAgent } from './agents.ts';

export type Contender =
  | {
      readonly kind: 'wrapper';
      readonly name: string;
      /** Before the command. */
      readonly words: readonly string[];
    }
  | {
      readonly kind: 'agent';
      readonly name: string;
      readonly start: (cpus: string, folder: string) => Promise<StartedAgent>;
    };

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

const straceWords = ['strace', '-f', '--seccomp-bpf', '-e', 'trace=openat', '-o', '/dev/null'];

export const bare: Contender = { kind: 'wrapper', name: 'bare', words: [] };
export const strace: Contender = { kind: 'wrapper', name: 'strace, observes', words: straceWords };
export const observingC: Contender = {
  kind: 'agent',
  name: 'C, observes',
  start: (cpus) => startBare('continue', cpus),
};
export const performingC: Contender = {
  kind: 'agent',
  name: 'C, performs',
  start: (cpus) => startBare('open', cpus),
};
export const observingAgent: Contender = {
  kind: 'agent',
  name: 'agent, observes',
  start: (cpus, folder) => startAgent({ folder: observing(folder), cpus }),
};
export const performingAgent: Contender = {
  kind: 'agent',
  name: 'agent, performs',
  start: (cpus) => startAgent({ bundle: 'perform', cpus }),
};
export const succeedingC: Contender = {
  kind: 'agent',
  name: 'C, answers 0',
  start: (cpus) => startBare('success', cpus),
};
export const chownFake: Contender = {
  kind: 'agent',
  name: 'agent, chown-fake',
  start: (cpus) => startAgent({ bundle: 'chown-fake', cpus }),
};

/** Whether strace is installed, has what we use of it and may trace. */
export function hasStrace(): boolean {
  const [command = '', ...rest] = straceWords;
  return spawnSync(command, [...rest, 'true']).status === 0;
}
