// SPDX-License-Identifier: Apache-2.0
// Tests that a wiring, whoever has written it, gives core modules nothing but each other's exports
// and the host's functions that their component may have.
import { expect, test } from 'vitest';

import { checkComposition } from '../../host/handler/jco/composition.ts';
import type { CompositionParts } from '../../host/handler/jco/composition.ts';
import { parseWiring } from '../../host/handler/jco/wiring.ts';
import type { WiredImport, WiredInstance } from '../../host/handler/jco/wiring.ts';
import { failure } from '../support/failures.ts';
import type { Named } from '../support/failures.ts';
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

function checking(given: CompositionParts): () => unknown {
  return () => checkComposition(given);
}

function refused(...named: readonly Named[]): unknown {
  return failure('AGENT_COMPONENT_REFUSED', ...named);
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

test.for<readonly [what: string, links: Links, name: keyof Links]>([
  ['of a later instance', { help: from(2, 'memory') }, 'help'],
  ['of itself', { help: from(1, 'other') }, 'help'],
  ['that there is not', { help: from(0, 'nothing') }, 'help'],
  ['of another kind', { help: from(0, 'table') }, 'help'],
  ['of an inherited name', { help: from(0, 'constructor') }, 'help'],
  ['that is no memory', { memory: from(0, 'help') }, 'memory'],
  ['of another type', { log: from(0, 'help') }, 'log'],
])('jco: an export %s is linked to nobody', ([, links, name]) => {
  expect(checking(parts([memoryInstance, handlerInstance(links), strangerInstance]))).toThrow(
    refused(`"${name}"`),
  );
});

test.for<readonly [what: string, other: WiredImport, name: string]>([
  ['another interface', { ...log, interface: 'memory' }, 'memory.log'],
  ['another function', { ...log, name: 'constructor' }, 'log.constructor'],
])('jco: %s of the host is linked to nobody', ([, other, name]) => {
  expect(checking(parts([memoryInstance, handlerInstance({ log: other })]))).toThrow(
    refused('"host" "log"', name),
  );
});

test('jco: a function of the host is linked by its own type only', () => {
  const given = parts([memoryInstance, handlerInstance({ help: log })]);
  expect(checking(given)).toThrow(refused('"env" "help"', '(:)', '(iii:)'));
});

test('jco: a function of the host is no memory', () => {
  const given = parts([memoryInstance, handlerInstance({ memory: log })]);
  expect(checking(given)).toThrow(refused('"env" "memory"', '(iii:)'));
});

test('jco: a memory can only come from a core module', () => {
  const given = parts([memoryInstance, handlerInstance({ memory: { kind: 'cut' } })]);
  expect(checking(given)).toThrow(refused('"env" "memory"'));
});

test('jco: an import that the wiring forgets is refused', () => {
  const { module, imports } = handlerInstance();
  const given = parts([memoryInstance, { module, imports: imports.slice(1) }]);
  expect(checking(given)).toThrow(refused('"env" "memory"'));
});

test('jco: a core module that there is not is refused', () => {
  expect(checking(parts([memoryInstance, handlerInstance(), { module: 9, imports: [] }]))).toThrow(
    refused(),
  );
});

test('G5: jco: instances without an end are refused', () => {
  const many = Array.from({ length: 65 }, () => strangerInstance);
  expect(checking(parts(many))).toThrow(refused(/\b65\b/u, /\b64\b/u));
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
  expect(checking({ ...given, coreModules: [...given.coreModules, second] })).toThrow(
    refused(/\b2\b/u),
  );
});

test.for<
  readonly [by: string, lifted: CompositionParts['wiring']['lifted'], ...named: readonly string[]]
>([
  ['by none', [], '"any"'],
  [
    'by two',
    [
      { name: 'any', place: [1, 'any'] },
      { name: 'any', place: [0, 'any'] },
    ],
    '"any"',
  ],
  ['by another', [{ name: 'any', place: [1, 'other'] }], '"any"', '"other"'],
  ['by what has no such', [{ name: 'any', place: [0, 'any'] }], '"any"'],
  ['by nobody', [{ name: 'any', place: [7, 'any'] }]],
])('jco: an export that is answered %s is refused', ([, lifted, ...named]) => {
  const given = parts();
  expect(checking({ ...given, wiring: { ...given.wiring, lifted } })).toThrow(refused(...named));
});

test('jco: several allocators are refused', () => {
  const what: WiredImport = { ...log, allocator: [0, 'help'] };
  expect(checking(parts([memoryInstance, handlerInstance({ log: what })]))).toThrow(refused());
});

test('jco: several encodings are refused', () => {
  const what: WiredImport = { ...log, encoding: 'utf16' };
  expect(checking(parts([memoryInstance, handlerInstance({ log: what })]))).toThrow(refused());
});

test('jco: an export that no handler has is refused by its name', () => {
  expect(checking(parts(undefined, { exports: ['any', 'run'] }))).toThrow(refused('"run"'));
});

test.for([
  '',
  'null',
  '{"lifted": []}',
  '{"instances": [], "lifted": [{"name": "a", "place": [0]}]}',
  '{"instances": [], "lifted": [{"name": "a", "place": [-1, "a"]}]}',
  '{"instances": [], "lifted": [{"name": "a", "place": [0, "a", 1]}]}',
  '{"instances": [{"module": 0.5, "imports": []}], "lifted": []}',
  '{"instances": [{"module": 0, "imports": [["a", "b", {"kind": "code"}]]}], "lifted": []}',
])('jco: the text %s is no wiring', (text) => {
  expect(() => parseWiring(text)).toThrow(failure('AGENT_COMPONENT_INVALID'));
});
