// SPDX-License-Identifier: Apache-2.0
// Tests how the types of functions are counted that a process has compiled.
import { expect, test, vi } from 'vitest';

import { ComponentCache } from '../../host/bundles/component-cache.ts';
import { PulledBundles } from '../../host/bundles/pulled-bundles.ts';
import { CodeTally, codeBounds } from '../../host/handler/code-bounds.ts';
import { describeComponent } from '../../host/handler/component.ts';
import { loadComponent } from '../../host/handler/direct.ts';
import { KnownTypes, makeTypesBuffer } from '../../host/handler/known-types.ts';
import { failureOf } from '../support/agent-failure.ts';
import { failure } from '../support/failures.ts';
import { trapping } from '../support/hostile-components.ts';
import { component, coreModule, section, unsigned } from '../support/wasm-binary.ts';
import type { Bytes } from '../support/wasm-binary.ts';

function known(max: number): KnownTypes {
  return new KnownTypes(makeTypesBuffer(max));
}

test('known types: each counts once, whoever has it', () => {
  const one = new KnownTypes();
  one.add(new Set(['a', 'b']));
  const other = new KnownTypes(one.buffer);
  other.add(new Set(['b', 'c']));
  expect([one.count, other.count]).toEqual([3, 3]);
});

test('known types: many are told apart', () => {
  const types = new KnownTypes();
  const texts = Array.from({ length: 100_000 }, (_, at) => `type ${at}`);
  types.add(new Set(texts));
  types.add(new Set(texts));
  expect(types.count).toBe(100_000);
});

test('known types: a component with too many types is refused and counts nothing; known types may be used', () => {
  const types = known(3);
  types.add(new Set(['a', 'b']));
  expect(() => {
    types.add(new Set(['b', 'c', 'd']));
  }).toThrow(failure('AGENT_COMPONENT_REFUSED', /\b4\b/u, /\b3\b/u));
  types.add(new Set(['a', 'b']));
  types.add(new Set(['c']));
  expect(types.count).toBe(3);
});

test('known types: what a reload makes has no buffer of its own', () => {
  void new ComponentCache();
  const made = vi.spyOn(globalThis, 'SharedArrayBuffer');
  try {
    for (let reload = 0; reload < 100; reload += 1) {
      void new PulledBundles({ registries: [] });
      void new ComponentCache({ waits: false });
    }
    expect(made).not.toHaveBeenCalled();
  } finally {
    made.mockRestore();
  }
});

test('known types: one container may select fewer than all', () => {
  const components = 16 * 32;
  expect(components * codeBounds.sums['function types']).toBeLessThan(new KnownTypes().max);
});

/** Of a core module with types that no function has. */
function withTypes(...types: readonly Bytes[]): Uint8Array {
  return component({
    core: coreModule({
      sections: [section(1, [...unsigned(types.length), ...types.flat()])],
    }),
    exports: [],
  });
}

test('known types: types of a component are told apart by parameters and results', () => {
  const tally = new CodeTally();
  const [i32, i64] = [0x7f, 0x7e];
  const some = [
    [0x60, 0, 0],
    [0x60, 1, i32, 0],
    [0x60, 0, 1, i32],
    [0x60, 1, i64, 0],
    [0x60, 2, i32, i64, 0],
    [0x60, 1, i32, 1, i64],
  ];
  failureOf(() => describeComponent(withTypes(...some, ...some), tally));
  expect(tally.types.size).toBe(some.length);
});

test('known types: a component that brings too many is not compiled', () => {
  const types = known(1);
  expect(() => loadComponent(trapping(), undefined, { types })).toThrow(
    failure('AGENT_COMPONENT_REFUSED'),
  );
  expect(types.count).toBe(0);
});
