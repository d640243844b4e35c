// SPDX-License-Identifier: Apache-2.0
// A4: what an instance takes beside its memory is known by its module, and is not too much.
import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';

import { expect, test } from 'vitest';

import { instanceBytes } from '../../host/handler/instance-bytes.ts';
import { limitedModule } from '../../host/handler/limited-module.ts';
import { defaultLimits, outlineOf } from '../../host/handler/outline.ts';
import { failureOf } from '../support/agent-failure.ts';
import { failure } from '../support/failures.ts';
import { manyReferences } from '../support/hostile-components.ts';
import { coreModule, unsigned } from '../support/wasm-binary.ts';

const mebibyte = 2 ** 20;
const [crowded = new Uint8Array()] = outlineOf(manyReferences(), defaultLimits).code.modules;
const plain = limitedModule(coreModule({}), 1);

test('A4: instanceBytes: an instance without anything is small', () => {
  expect(instanceBytes([plain])).toBeLessThan(mebibyte / 8);
});

test('A4: instanceBytes: it is no less than what V8 takes', () => {
  setFlagsFromString('--expose-gc');
  const collect: () => void = runInNewContext('gc');
  const module = new WebAssembly.Module(crowded);
  const make = (): unknown => {
    const instance = new WebAssembly.Instance(module, {});
    const { any } = instance.exports;
    if (typeof any === 'function') any(0, 0, 0, 0, 0n, 0n, 0n, 0n, 0n, 0n);
    return instance;
  };
  const first = make();
  collect();
  const before = process.memoryUsage().heapUsed;
  const instances = Array.from({ length: 8 }, make);
  collect();
  const each = (process.memoryUsage().heapUsed - before) / instances.length;
  expect(first).toBeDefined();
  expect(each).toBeGreaterThan(mebibyte / 2);
  expect(instanceBytes([crowded])).toBeGreaterThan(each);
});

test('A4: instanceBytes: all instances of a composition count, and may not be too much', () => {
  const one = instanceBytes([crowded]);
  expect(instanceBytes([crowded, plain])).toBeGreaterThan(one);
  expect(() => instanceBytes([crowded, crowded, crowded])).toThrow(
    failure('AGENT_COMPONENT_REFUSED', '8388608'),
  );
});

test('A4: instanceBytes: tables count, of each instance of one module', () => {
  const table = coreModule({ tables: [[0x70, 0x00, ...unsigned(16_384)]] });
  const module = limitedModule(table, 1);
  const taken = instanceBytes([module]) - instanceBytes([plain]);
  expect(taken).toBeGreaterThan(16_384 * 32);
  expect(instanceBytes([module, module]) - instanceBytes([module])).toBeGreaterThan(16_384 * 32);
  // as many core instances as a component may have
  const many = Array.from({ length: 64 }, () => module);
  expect(failureOf(() => instanceBytes(many)).code).toBe('AGENT_COMPONENT_REFUSED');
});
