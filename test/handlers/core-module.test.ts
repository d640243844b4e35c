// SPDX-License-Identifier: Apache-2.0
// Tests the reader of core modules and the maximum that it imposes on their memory.
import { readFileSync } from 'node:fs';

import { expect, test } from 'vitest';

import { describeComponent } from '../../host/handler/component.ts';
import { instantiate } from '../../host/handler/core-exports.ts';
import { describeCoreModule, limitsOf, rewritten } from '../../host/handler/core-module.ts';
import { failure } from '../support/failures.ts';
import { shippedComponent } from '../support/handler-harness.ts';
import { coreModule, instruction, unsigned } from '../support/wasm-binary.ts';
import type { Bytes, CoreModule } from '../support/wasm-binary.ts';

const pageBytes = 65_536;

function limited(bytes: Uint8Array, maximumPages: number): Uint8Array {
  return rewritten(bytes, limitsOf(maximumPages));
}

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
  const module = new WebAssembly.Module(limited(bytes, maximumPages));
  return instantiate(module, {}).function('grow')?.(byPages);
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
  expect(described.imports).toEqual([
    { module: 'm', name: 'n', kind: 'function', signature: 'iIfF:' },
  ]);
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
    kind: 'function',
    signature: 'iiii:',
  });
  expect(memoryExports).toContain('memory');
});

/** A module whose only import is of this kind and type. */
function importing(other: Bytes): Uint8Array {
  return coreModule({ imports: [{ module: 'm', name: 'n', signature: '', other }] });
}

test.for([
  ['table', [1, 0x70, 0, 1]],
  ['table', [1, 0x70, 1, 1, 2]],
  ['memory', [2, 0, 1]],
  ['memory', [2, 1, 1, 2]],
  ['global', [3, 0x7f, 1]],
] as const)('core module: an import may be a %s', ([kind, bytes]) => {
  expect(describeCoreModule(importing(bytes)).imports).toEqual([
    { module: 'm', name: 'n', kind, signature: '' },
  ]);
});

test.for([
  ['a tag', [4, 0, 0], []],
  ['a shared memory', [2, 3, 1, 2], []],
  ['a 64-bit table', [1, 0x70, 4, 1], []],
  ['a table of host values', [1, 0x6f, 0, 1], ['"m" "n"']],
  ['a global that is a host value', [3, 0x6f, 0], ['"m" "n"']],
] as const)('core module: an import of %s is refused', ([, bytes, named]) => {
  expect(() => describeCoreModule(importing(bytes))).toThrow(
    failure('AGENT_COMPONENT_REFUSED', ...named),
  );
});

test.for([
  ['no maximum', [0x70, 0, 1], [0x70, 1, 1, 0x80, 0x80, 1]],
  ['a large maximum', [0x70, 1, 1, 0xff, 0xff, 0xff, 0x0f], [0x70, 1, 1, 0x80, 0x80, 1]],
  ['a small maximum', [0x70, 1, 1, 2], [0x70, 1, 1, 2]],
] as const)('G5: limits: a table with %s', ([, given, expected]) => {
  const module = coreModule({ tables: [given] });
  expect(limited(module, 1)).toEqual(coreModule({ tables: [expected], memories: [[1, 1, 1]] }));
});

test.for([
  ['a huge one', [[0x70, 0, 0x80, 0xad, 0xe2, 4]], ['10000000', '16384']],
  [
    'several',
    [
      [0x70, 0, 1],
      [0x70, 0, 1],
    ],
    [],
  ],
  ['one of host values', [[0x6f, 0, 1]], []],
  ['a 64-bit one', [[0x70, 4, 1]], []],
] as const)('G5: limits: %s is refused', ([, tables, named]) => {
  expect(() => limited(coreModule({ tables }), 1)).toThrow(
    failure('AGENT_COMPONENT_REFUSED', ...named),
  );
});

test('core module: a type that is no function is refused', () => {
  const bytes = coreModule({ functions: [{ name: 'a', signature: ':', body: [] }] });
  const at = bytes.indexOf(0x60);
  expect(() => describeCoreModule(bytes.with(at, 0x5f))).toThrow(
    failure('AGENT_COMPONENT_REFUSED'),
  );
});

test('G5: limits: a memory without a maximum gets one', () => {
  const bytes = coreModule(growing([0, 1]));
  expect(grown(bytes, 4, 3)).toBe(1);
  expect(grown(bytes, 4, 4)).toBe(-1);
});

test('G5: limits: a larger maximum is cut, a smaller one stays', () => {
  expect(grown(coreModule(growing([1, 1, ...unsigned(65_536)])), 4, 4)).toBe(-1);
  expect(grown(coreModule(growing([1, 1, 2])), 4, 1)).toBe(1);
  expect(grown(coreModule(growing([1, 1, 2])), 4, 2)).toBe(-1);
});

test('limits: a memory that is as large as allowed stays', () => {
  const module = new WebAssembly.Module(limited(coreModule(growing([0, 4])), 4));
  const { memory } = instantiate(module, {});
  expect(memory.buffer.byteLength).toBe(4 * pageBytes);
});

test('G5: limits: a memory that is larger at once is refused', () => {
  expect(() => limited(coreModule(growing([0, 5])), 4)).toThrow(
    failure('AGENT_COMPONENT_REFUSED', /\b5\b/u, /\b4\b/u),
  );
});

test.for([
  ['shared', [3, 1, 2]],
  ['shared without a maximum', [2, 1]],
  ['64-bit', [4, 1]],
  ['64-bit with a maximum', [5, 1, 2]],
  ['of its own page size', [8, 1, 0]],
] as const)('G5: limits: a memory that is %s is refused', ([, memory]) => {
  expect(() => limited(coreModule(growing(memory)), 4)).toThrow(failure('AGENT_COMPONENT_REFUSED'));
});

test('G5: limits: several memories are refused', () => {
  const bytes = coreModule({
    memories: [
      [0, 1],
      [0, 1],
    ],
  });
  expect(() => limited(bytes, 4)).toThrow(failure('AGENT_COMPONENT_REFUSED'));
});

test('limits: nothing but the memory changes', () => {
  const [core] = describeComponent(readFileSync(shippedComponent('mount'))).coreModules;
  const bytes = core ?? Uint8Array.of();
  const once = limited(bytes, 256);
  expect(describeCoreModule(once)).toEqual(describeCoreModule(bytes));
  expect(limited(once, 256)).toEqual(once);
});

test('G5: core module: a section that comes again is refused', () => {
  const module = coreModule({
    functions: [{ name: 'f', signature: ':', body: [] }],
  });
  // exports, empty
  const repeated = Uint8Array.from([...module, 7, 1, 0]);
  expect(() => describeCoreModule(repeated)).toThrow(failure('AGENT_COMPONENT_REFUSED', /\b7\b/u));
  const custom = [0, 2, 1, 0x61];
  expect(() =>
    describeCoreModule(Uint8Array.from([...module, ...custom, ...custom])),
  ).not.toThrow();
});
