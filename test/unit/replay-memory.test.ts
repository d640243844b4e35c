// SPDX-License-Identifier: Apache-2.0
// A4: what handlers of shadows take has a bound, too.
import { expect, test } from 'vitest';

import type { Container } from '../../host/worker/container.ts';
import { InstanceMemory } from '../../host/worker/instance-memory.ts';
import { KeptContainers } from '../../host/worker/kept-containers.ts';
import { makeQuarantineBuffers, Quarantine } from '../../host/worker/quarantine.ts';
import { Syscalls } from '../../host/syscalls/syscalls.ts';
import type { RecordedCall } from '../../host/recording/recorded-call.ts';
import { ReplayedChain } from '../../host/replay/replayed-chain.ts';
import { goodValue, greedy } from '../support/hostile-components.ts';
import { loadTrusted } from '../support/trusted-component.ts';

const mebibyte = 2 ** 20;
const component = loadTrusted(greedy());

const call: RecordedCall = {
  arch: 'x86_64',
  number: 121,
  syscall: 'getpgid',
  family: 'getpgid',
  names: ['pid'],
  registers: [1n, 0n, 0n, 0n, 0n, 0n],
  pointers: [],
  at: 0,
  asks: [],
  decision: { kind: 'left-alone' },
};

test('A4: replayed chain: all that share their memory have no more than there is', () => {
  const memory = new InstanceMemory({
    max: 64 * mebibyte,
    maxResident: Infinity,
    workers: 1,
    counts: new SharedArrayBuffer(4),
    place: 0,
  });
  const kept = new KeptContainers<Container>({
    room: { max: 100, counts: new SharedArrayBuffer(4), place: 0 },
    memory,
    onCrowded: () => undefined,
    onShort: () => undefined,
  });
  const chains = Array.from(
    { length: 6 },
    (_, token) =>
      new ReplayedChain({
        registry: {
          containerId: 'c1',
          handlers: [
            {
              name: 'greedy',
              bundle: 'greedy',
              component: component.id,
              answers: component.answers,
              readsPointers: false,
              deadlineMs: 1000,
              settings: [],
            },
          ],
          defaultAction: 'continue',
          failure: { kind: 'errno', errno: 'EPERM' },
        },
        component: () => component,
        redaction: 'whole',
        syscalls: new Syscalls(),
        health: new Quarantine(makeQuarantineBuffers()),
        kept: { all: kept, token },
      }),
  );
  for (const chain of [...chains, ...chains]) {
    const { decision } = chain.ask(call);
    expect(decision).toMatchObject({ kind: 'action', action: { value: BigInt(goodValue) } });
    expect(memory.live).toBeGreaterThan(16 * mebibyte);
    expect(memory.live).toBeLessThanOrEqual(64 * mebibyte);
  }
});
