// SPDX-License-Identifier: Apache-2.0
// Tests the reader of components with built handlers, whole and damaged.
import { readFileSync } from 'node:fs';

import { expect, test } from 'vitest';

import { describeComponent } from '../../host/handler/component.ts';
import { describeCoreModule, limitsOf, rewritten } from '../../host/handler/core-module.ts';
import { trustedCode } from '../../host/handler/compiling/verdicts.ts';
import { loadComponent } from '../../host/handler/direct.ts';
import type { LoadedComponent } from '../../host/handler/direct.ts';
import { failureOf, failureOrNone } from '../support/agent-failure.ts';
import { failure } from '../support/failures.ts';
import { shippedComponent } from '../support/handler-harness.ts';
import { randomNumbers } from '../support/random-numbers.ts';
import { component, componentSection, coreModule, name, section } from '../support/wasm-binary.ts';

const shipped = ['errno', 'mkdir-suffix', 'mount'] as const;
const codes = ['AGENT_COMPONENT_INVALID', 'AGENT_COMPONENT_REFUSED', undefined];

function bytesOf(handler: string): Uint8Array {
  return readFileSync(shippedComponent(handler));
}

/** Without compiling each of thousands in a child first. */
function load(bytes: Uint8Array): LoadedComponent {
  return loadComponent(bytes, undefined, { checkCode: trustedCode });
}

test.for([
  ['errno', ['seccompagent:handler/types@0.1.0'], ['any', 'configure']],
  [
    'mkdir-suffix',
    ['seccompagent:handler/types@0.1.0', 'seccompagent:handler/filesystem@0.1.0'],
    ['configure', 'mkdir'],
  ],
  [
    'mount',
    [
      'seccompagent:handler/types@0.1.0',
      'seccompagent:handler/caller@0.1.0',
      'seccompagent:handler/mounts@0.1.0',
    ],
    ['any', 'configure', 'mount'],
  ],
] as const)('component: %s says what it imports and exports', ([handler, imports, exports]) => {
  const described = describeComponent(bytesOf(handler));
  expect(new Set(described.imports)).toEqual(new Set(imports));
  expect(new Set(described.exports)).toEqual(new Set(exports));
  expect(described.isComposed).toBe(false);
  expect(described.hasStart).toBe(false);
  expect(described.encodings.length).toBeLessThanOrEqual(1);
});

test.for(shipped)('G5: component: %s, cut at any byte, is refused or loads', (handler) => {
  const bytes = bytesOf(handler);
  const lengths = Array.from({ length: bytes.length }, (_, length) => length);
  const outcomes = lengths.map(
    (length) => failureOrNone(() => describeComponent(bytes.subarray(0, length)))?.code,
  );
  expect(new Set(outcomes)).toEqual(new Set(['AGENT_COMPONENT_INVALID', undefined]));
  // it reads well only where a section ends
  expect(outcomes.filter((code) => code === undefined).length).toBeLessThan(200);
  for (const length of [0, 4, 8, 100, bytes.length / 2, bytes.length - 1]) {
    const refused = failureOrNone(() => load(bytes.subarray(0, Math.floor(length))));
    expect(codes).toContain(refused?.code);
  }
});

test.for(shipped)('G5: core module: of %s, cut at any byte, is refused or read', (handler) => {
  const [core] = describeComponent(bytesOf(handler)).coreModules;
  if (core === undefined) throw new Error('no core module');
  for (let length = 0; length < core.length; length += 1) {
    const cut = core.subarray(0, length);
    expect(codes).toContain(failureOrNone(() => describeCoreModule(cut))?.code);
    expect(codes).toContain(failureOrNone(() => rewritten(cut, limitsOf(256)))?.code);
  }
});

test.for(shipped)('G5: component: %s with random bytes changed is refused or loads', (handler) => {
  const original = bytesOf(handler);
  const below = randomNumbers(20_260_101);
  const seen = new Set<string | undefined>();
  for (let round = 0; round < 3000; round += 1) {
    const changed = Uint8Array.from(original);
    for (let count = below(4) + 1; count > 0; count -= 1) {
      changed[below(changed.length)] = below(256);
    }
    seen.add(failureOrNone(() => load(changed))?.code);
  }
  expect([...seen].filter((code) => !codes.includes(code))).toEqual([]);
  // a change in the code or in a custom section breaks nothing, one in a type does
  expect(seen).toContain(undefined);
  expect(seen).toContain('AGENT_COMPONENT_INVALID');
});

test('G5: component: bytes that are moved about or doubled are refused or load', () => {
  const original = bytesOf('mount');
  const below = randomNumbers(7);
  for (let round = 0; round < 2000; round += 1) {
    const from = below(original.length);
    const changed = Uint8Array.from(original);
    changed.copyWithin(below(original.length), from, from + below(64));
    expect(codes).toContain(failureOrNone(() => load(changed))?.code);
  }
});

test('G5: component: random bytes behind its header are refused', () => {
  const below = randomNumbers(42);
  const header = [0x00, 0x61, 0x73, 0x6d, 0x0d, 0x00, 0x01, 0x00];
  for (let round = 0; round < 5000; round += 1) {
    const noise = Array.from({ length: below(64) }, () => below(256));
    const refused = failureOf(() => load(Uint8Array.from([...header, ...noise])));
    expect(codes).toContain(refused.code);
  }
});

const otherVersion = [0, 0x61, 0x73, 0x6d, 0x0e, 0, 1, 0] as const;
const coreHeader = [0, 0x61, 0x73, 0x6d, 1, 0, 0, 0] as const;

test.for([
  ['nothing', [], 0],
  ['a text', [...new TextEncoder().encode('{"a": 1}')], 8],
  ['another version', otherVersion, 8],
  ['a core module', coreHeader, 8],
] as const)('component: %s is none', ([, bytes, offset]) => {
  expect(() => describeComponent(Uint8Array.from(bytes))).toThrow(
    failure('AGENT_COMPONENT_INVALID', new RegExp(`\\b${offset}$`, 'u')),
  );
});

test('component: of a core module something else is said than of another version', () => {
  const [module, other] = [coreHeader, otherVersion].map(
    (bytes) => failureOf(() => describeComponent(Uint8Array.from(bytes))).message,
  );
  expect(module).not.toBe(other);
});

test('component: nested components and start functions are noticed', () => {
  const core = coreModule({});
  const inner = coreModule({ data: [1] });
  const described = describeComponent(
    component({
      core,
      exports: [],
      sections: [
        section(componentSection.component, [...component({ core: inner, exports: [] })]),
        section(componentSection.start, []),
      ],
    }),
  );
  expect(described).toMatchObject({ isComposed: true, hasStart: true });
  expect(described.coreModules).toEqual([core, inner]);
});

test('component: components inside each other without an end are refused', () => {
  let bytes = component({ core: coreModule({}), exports: [] });
  for (let depth = 0; depth < 10; depth += 1) {
    const inner = section(componentSection.component, [...bytes]);
    bytes = component({ core: coreModule({}), exports: [], sections: [inner] });
  }
  expect(() => describeComponent(bytes)).toThrow(failure('AGENT_COMPONENT_INVALID'));
});

/** canon lift of function 0 with these options, of type 0. */
function lift(options: readonly number[]): readonly number[] {
  return section(componentSection.canon, [1, 0x00, 0x00, 0, options.length, ...options, 0]);
}

test('component: the string encoding of its functions is noticed', () => {
  const described = describeComponent(
    component({ core: coreModule({}), exports: [], sections: [lift([1]), lift([0]), lift([1])] }),
  );
  expect(described.encodings).toEqual(['utf16', 'utf8']);
});

test('component: an asynchronous function is refused', () => {
  const bytes = component({ core: coreModule({}), exports: [], sections: [lift([6])] });
  expect(() => describeComponent(bytes)).toThrow(failure('AGENT_COMPONENT_INVALID', /\b6\b/u));
});

test('component: built-ins other than those of resources are refused', () => {
  const builtIn = section(componentSection.canon, [1, 0x05, 0]);
  const bytes = component({ core: coreModule({}), exports: [], sections: [builtIn] });
  expect(() => describeComponent(bytes)).toThrow(failure('AGENT_COMPONENT_INVALID', /\b5\b/u));
});

test('component: a type that is imported by name is no power', () => {
  const types = section(componentSection.import, [1, 0, ...name('path'), 0x03, 0x00, 0]);
  const bytes = component({ core: coreModule({}), exports: [], sections: [types] });
  expect(describeComponent(bytes).imports).toEqual([]);
});
