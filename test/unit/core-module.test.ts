// SPDX-License-Identifier: Apache-2.0
// Tests the reader of core modules and the maximum that it imposes on their memory.
import { readFileSync } from 'node:fs';

import { expect, test } from 'vitest';

import { describeComponent } from '../../host/handler/component.ts';
import { instantiate } from '../../host/handler/core-exports.ts';
import { describeCoreModule, limitMemory } from '../../host/handler/core-module.ts';
import { failureOf } from '../support/agent-failure.ts';
import { shippedComponent } from '../support/handler-harness.ts';
import { coreModule, instruction, unsigned } from '../support/wasm-binary.ts';
import type { Bytes, CoreModule } from '../support/wasm-binary.ts';

const pageBytes = 65_536;

/** A module with this memory and a function that grows it. */
function growing(memory: Bytes): CoreModule {
  return {
    memories: [memory],
    functions: [
      {
        name: 'grow',
        signature: 'i:i',
        body: [...instruction.local(0), ...instruction.growMemory],
      },
    ],
  };
}

/** Instantiates the limited module and grows its memory: the result of memory.grow. */
function grown(bytes: Uint8Array, maximumPages: number, byPages: number): number | undefined {
  const limited = limitMemory(bytes, maximumPages);
  return instantiate(new WebAssembly.Module(limited), {}).function('grow')?.(byPages);
}

test('core module: functions are described by their types', () => {
  const described = describeCoreModule(
    coreModule({
      imports: [{ module: 'm', name: 'n', signature: 'iIfF:' }],
      functions: [
        { name: 'a', signature: 'I:i', body: instruction.i32(1) },
        { name: 'b', signature: ':', body: [] },
      ],
      memoryExports: ['memory', 'second'],
    }),
  );
  expect(described.imports).toEqual([{ module: 'm', name: 'n', signature: 'iIfF:' }]);
  expect(described.functionExports).toEqual(
    new Map([
      ['a', 'I:i'],
      ['b', ':'],
    ]),
  );
  expect(described.memoryExports).toEqual(['memory', 'second']);
});

test('core module: a built handler has the exports of the canonical ABI', () => {
  const [core] = describeComponent(readFileSync(shippedComponent('mkdir-suffix'))).coreModules;
  const { functionExports, imports, memoryExports } = describeCoreModule(core ?? Uint8Array.of());
  expect(functionExports.get('mkdir')).toBe('iii:i');
  expect(functionExports.get('configure')).toBe('ii:i');
  expect(functionExports.get('cabi_realloc')).toBe('iiii:i');
  expect(imports).toContainEqual({
    module: 'seccompagent:handler/filesystem@0.1.0',
    name: 'mkdir',
    signature: 'iiii:',
  });
  expect(memoryExports).toContain('memory');
});

test('core module: an import that is no function is refused', () => {
  const withFunction = coreModule({ imports: [{ module: 'm', name: 'n', signature: ':' }] });
  // kind 3, a global, in place of kind 0
  const at = withFunction.indexOf('n'.codePointAt(0) ?? 0) + 1;
  expect(withFunction[at]).toBe(0);
  const bytes = withFunction.with(at, 3);
  expect(failureOf(() => describeCoreModule(bytes))).toMatchObject({
    code: 'AGENT_COMPONENT_REFUSED',
    message: 'core module imports "m" "n", which is no function',
  });
});

test('core module: a type that is no function is refused', () => {
  const bytes = coreModule({ functions: [{ name: 'a', signature: ':', body: [] }] });
  const at = bytes.indexOf(0x60);
  expect(failureOf(() => describeCoreModule(bytes.with(at, 0x5f)))).toMatchObject({
    code: 'AGENT_COMPONENT_REFUSED',
    message: 'core module has a type that is no function',
  });
});

test('G5: limitMemory: a memory without a maximum gets one', () => {
  const bytes = coreModule(growing([0, 1]));
  expect(grown(bytes, 4, 3)).toBe(1);
  expect(grown(bytes, 4, 4)).toBe(-1);
});

test('G5: limitMemory: a larger maximum is cut, a smaller one stays', () => {
  expect(grown(coreModule(growing([1, 1, ...unsigned(65_536)])), 4, 4)).toBe(-1);
  expect(grown(coreModule(growing([1, 1, 2])), 4, 1)).toBe(1);
  expect(grown(coreModule(growing([1, 1, 2])), 4, 2)).toBe(-1);
});

test('limitMemory: a memory that is as large as allowed stays', () => {
  const limited = limitMemory(coreModule(growing([0, 4])), 4);
  const { memory } = instantiate(new WebAssembly.Module(limited), {});
  expect(memory.buffer.byteLength).toBe(4 * pageBytes);
});

test('G5: limitMemory: a memory that is larger at once is refused', () => {
  expect(failureOf(() => limitMemory(coreModule(growing([0, 5])), 4))).toMatchObject({
    code: 'AGENT_COMPONENT_REFUSED',
    message: 'core module wants 5 pages of memory at once, 4 are allowed',
  });
});

test.for([
  ['shared', [3, 1, 2]],
  ['shared without a maximum', [2, 1]],
  ['64-bit', [4, 1]],
  ['64-bit with a maximum', [5, 1, 2]],
  ['of its own page size', [8, 1, 0]],
] as const)('G5: limitMemory: a memory that is %s is refused', ([, memory]) => {
  expect(failureOf(() => limitMemory(coreModule(growing(memory)), 4))).toMatchObject({
    code: 'AGENT_COMPONENT_REFUSED',
    message: 'core module has a shared or 64-bit memory',
  });
});

test('G5: limitMemory: several memories are refused', () => {
  const bytes = coreModule({
    memories: [
      [0, 1],
      [0, 1],
    ],
  });
  expect(failureOf(() => limitMemory(bytes, 4)).message).toBe('core module has several memories');
});

test('limitMemory: nothing but the memory changes', () => {
  const [core] = describeComponent(readFileSync(shippedComponent('mount'))).coreModules;
  const bytes = core ?? Uint8Array.of();
  const limited = limitMemory(bytes, 256);
  expect(describeCoreModule(limited)).toEqual(describeCoreModule(bytes));
  expect(limitMemory(limited, 256)).toEqual(limited);
});
