// SPDX-License-Identifier: Apache-2.0
// Tests that a wiring, whoever has written it, gives core modules nothing but each other's exports
// and the host's functions that their component may have.
import { expect, test } from 'vitest';

import { checkComposition } from '../../host/handler/jco/composition.ts';
import type { CompositionParts } from '../../host/handler/jco/composition.ts';
import { parseWiring } from '../../host/handler/jco/wiring.ts';
import type { WiredImport, WiredInstance } from '../../host/handler/jco/wiring.ts';
import { failureOf } from '../support/agent-failure.ts';
import { allocator, coreModule, instruction } from '../support/wasm-binary.ts';

const any = { name: 'any', signature: 'iiiiIIIIII:i', body: instruction.i32(16) };
const memoryImport = { module: 'env', name: 'memory', signature: '', other: [2, 0, 1] };
const logImport = { module: 'host', name: 'log', signature: 'iii:' };

const modules = {
  /** Has the memory and a table. */
  memory: coreModule({
    tables: [[0x70, 0, 1]],
    exports: [['table', 1, 0]],
    functions: [{ name: 'help', signature: ':', body: [] }],
  }),
  /** Answers, with the other's memory. */
  handler: coreModule({
    imports: [memoryImport, logImport, { module: 'env', name: 'help', signature: ':' }],
    functions: [any, allocator(), { name: 'other', signature: ':', body: [] }],
    memories: [],
    memoryExports: [],
  }),
  /** Nobody's. */
  stranger: coreModule({}),
};
const [memory, handler, stranger] = [0, 1, 2];

const from = (instance: number, name: string): WiredImport => ({
  kind: 'export',
  place: [instance, name],
});
const log: WiredImport = { kind: 'host', interface: 'log', name: 'log' };

interface Links {
  readonly memory?: WiredImport;
  readonly log?: WiredImport;
  readonly help?: WiredImport;
}

function handlerInstance(links: Links = {}): WiredInstance {
  return {
    module: handler,
    imports: [
      ['env', 'memory', links.memory ?? from(0, 'memory')],
      ['host', 'log', links.log ?? log],
      ['env', 'help', links.help ?? from(0, 'help')],
    ],
  };
}

const memoryInstance: WiredInstance = { module: memory, imports: [] };
const strangerInstance: WiredInstance = { module: stranger, imports: [] };

function parts(
  instances: readonly WiredInstance[] = [memoryInstance, handlerInstance()],
  rest: Partial<CompositionParts> = {},
): CompositionParts {
  return {
    coreModules: Object.values(modules),
    wiring: { instances, lifted: [{ name: 'any', place: [1, 'any'] }] },
    exports: ['any'],
    encoding: 'utf8',
    hostSignature: (name, key) => (name === 'log' && key === 'log' ? 'iii:' : undefined),
    ...rest,
  };
}

function reasonFor(given: CompositionParts): string {
  const failure = failureOf(() => checkComposition(given));
  expect(failure.code).toBe('AGENT_COMPONENT_REFUSED');
  return failure.message;
}

test('jco: core modules are linked with each other and with the host', () => {
  const { instances, handler: answers, memory: place } = checkComposition(parts());
  expect(instances.map(({ imports }) => imports)).toEqual([
    [],
    [
      { module: 'env', name: 'memory', what: from(0, 'memory') },
      { module: 'host', name: 'log', what: log },
      { module: 'env', name: 'help', what: from(0, 'help') },
    ],
  ]);
  expect([answers, place]).toEqual([1, [0, 'memory']]);
});

test('jco: parts that the handler does not use are left out', () => {
  const { modules: left, instances } = checkComposition({
    ...parts([
      strangerInstance,
      memoryInstance,
      handlerInstance({ memory: from(1, 'memory'), help: from(1, 'help') }),
    ]),
    wiring: {
      instances: [
        strangerInstance,
        memoryInstance,
        handlerInstance({ memory: from(1, 'memory'), help: from(1, 'help') }),
      ],
      lifted: [{ name: 'any', place: [2, 'any'] }],
    },
  });
  expect(left).toEqual([memory, handler]);
  expect(instances.map(({ module }) => module)).toEqual([0, 1]);
});

test.for<readonly [string, Links, string]>([
  [
    'of a later instance',
    { help: from(2, 'memory') },
    '"help" is linked to what is no such function',
  ],
  ['of itself', { help: from(1, 'other') }, '"help" is linked to what is no such function'],
  [
    'that there is not',
    { help: from(0, 'nothing') },
    '"help" is linked to what is no such function',
  ],
  ['of another kind', { help: from(0, 'table') }, '"help" is linked to what is no such function'],
  [
    'of an inherited name',
    { help: from(0, 'constructor') },
    'is linked to what is no such function',
  ],
  [
    'that is no memory',
    { memory: from(0, 'help') },
    '"memory" is linked to what is no such memory',
  ],
  ['of another type', { log: from(0, 'help') }, '"log" is linked to what is no such function'],
])('jco: an export %s is linked to nobody', ([, links, reason]) => {
  expect(reasonFor(parts([memoryInstance, handlerInstance(links), strangerInstance]))).toContain(
    reason,
  );
});

test.for<readonly [string, WiredImport, string]>([
  ['another interface', { ...log, interface: 'memory' }, 'is memory.log, which the agent does not'],
  ['another function', { ...log, name: 'constructor' }, 'is log.constructor, which the agent does'],
])('jco: %s of the host is linked to nobody', ([, what, reason]) => {
  expect(reasonFor(parts([memoryInstance, handlerInstance({ log: what })]))).toContain(reason);
});

test('jco: a function of the host is linked by its own type only', () => {
  expect(reasonFor(parts([memoryInstance, handlerInstance({ help: log })]))).toBe(
    'core import "env" "help" is used as (:), it is (iii:)',
  );
});

test('jco: a function of the host is no memory', () => {
  expect(reasonFor(parts([memoryInstance, handlerInstance({ memory: log })]))).toContain(
    'core import "env" "memory" is used as (), it is (iii:)',
  );
});

test('jco: a memory can only come from a core module', () => {
  expect(reasonFor(parts([memoryInstance, handlerInstance({ memory: { kind: 'cut' } })]))).toBe(
    'core import "env" "memory" is a memory, which nothing gives',
  );
});

test('jco: an import that the wiring forgets is refused', () => {
  const { module, imports } = handlerInstance();
  expect(reasonFor(parts([memoryInstance, { module, imports: imports.slice(1) }]))).toBe(
    'core import "env" "memory" is not linked',
  );
});

test('jco: a core module that there is not is refused', () => {
  expect(reasonFor(parts([{ module: 9, imports: [] }]))).toBe('an instance has no core module');
});

test('G5: jco: instances without an end are refused', () => {
  const many = Array.from({ length: 65 }, () => strangerInstance);
  expect(reasonFor(parts(many))).toBe('component makes 65 core instances; 64 may be');
});

test('G5: jco: several memories are refused', () => {
  const second = coreModule({
    imports: [{ module: 'env', name: 'help', signature: ':' }],
  });
  const given = parts([
    memoryInstance,
    handlerInstance(),
    { module: 3, imports: [['env', 'help', from(0, 'help')]] },
  ]);
  expect(reasonFor({ ...given, coreModules: [...given.coreModules, second] })).toBe(
    'component has 2 memories; it must have one',
  );
});

test.for<readonly [string, CompositionParts['wiring']['lifted'], string]>([
  ['by none', [], 'no single core function is behind the export "any"'],
  [
    'by two',
    [
      { name: 'any', place: [1, 'any'] },
      { name: 'any', place: [0, 'any'] },
    ],
    'no single core function is behind the export "any"',
  ],
  ['by another', [{ name: 'any', place: [1, 'other'] }], 'behind the export "any" is "other"'],
  ['by what has no such', [{ name: 'any', place: [0, 'any'] }], 'exports "any" as (nothing)'],
  ['by nobody', [{ name: 'any', place: [7, 'any'] }], 'component answers no syscall'],
])('jco: an export that is answered %s is refused', ([, lifted, reason]) => {
  const given = parts();
  const wiring = { ...given.wiring, lifted };
  expect(reasonFor({ ...given, wiring })).toContain(reason);
});

test('jco: several allocators are refused', () => {
  const what: WiredImport = { ...log, allocator: [0, 'help'] };
  expect(reasonFor(parts([memoryInstance, handlerInstance({ log: what })]))).toBe(
    'component uses several allocators',
  );
});

test('jco: several encodings are refused', () => {
  const what: WiredImport = { ...log, encoding: 'utf16' };
  expect(reasonFor(parts([memoryInstance, handlerInstance({ log: what })]))).toBe(
    'component mixes string encodings',
  );
});

test('jco: an export that no handler has is refused by its name', () => {
  expect(reasonFor(parts(undefined, { exports: ['any', 'run'] }))).toContain(
    'component exports "run"',
  );
});

test.for([
  ['', 'no JSON'],
  ['null', 'no object'],
  ['{}', 'no list'],
  ['{"instances": [], "lifted": [{"name": "a", "place": [0]}]}', 'no text'],
  ['{"instances": [], "lifted": [{"name": "a", "place": [-1, "a"]}]}', 'no index'],
  ['{"instances": [], "lifted": [{"name": "a", "place": [0, "a", 1]}]}', 'no place'],
  ['{"instances": [{"module": 0.5, "imports": []}], "lifted": []}', 'no index'],
  [
    '{"instances": [{"module": 0, "imports": [["a", "b", {"kind": "code"}]]}]}',
    'no kind of import',
  ],
] as const)('jco: the text %s is no wiring', ([text, reason]) => {
  const failure = failureOf(() => parseWiring(text));
  expect(failure.code).toBe('AGENT_COMPONENT_INVALID');
  expect(failure.message).toContain(reason);
});
