// SPDX-License-Identifier: Apache-2.0
// W1: code that is dear to compile is refused before anything compiles it, by its counts.
import { expect, test } from 'vitest';

import { CodeTally, codeBounds } from '../../host/handler/code-bounds.ts';
import type { Sum } from '../../host/handler/code-bounds.ts';
import { codeDigest } from '../../host/handler/compiling/code-digest.ts';
import { describeComponent } from '../../host/handler/component.ts';
import { rewritten } from '../../host/handler/core-module.ts';
import { tallyCoreModule } from '../../host/handler/core-sections.ts';
import { loadComponent } from '../../host/handler/direct.ts';
import { failureOf, failureOrNone } from '../support/agent-failure.ts';
import { failure } from '../support/failures.ts';
import type { CodeBomb } from '../support/hostile-components.ts';
import {
  branchTable,
  changingInLoops,
  dear,
  manyImports,
  manyStates,
  nestedBlocks,
  straightCode,
} from '../support/hostile-components.ts';
import { processorMs } from '../support/processor-time.ts';
import {
  allocator,
  component,
  coreModule,
  instruction,
  section,
  unsigned,
} from '../support/wasm-binary.ts';
import type { CoreModule } from '../support/wasm-binary.ts';

const refused = 'AGENT_COMPONENT_REFUSED';
const mebibyte = 2 ** 20;
const soonMs = 100;

function fills(count: number): CodeBomb {
  const zero = instruction.i32(0);
  const fill = [...zero, ...zero, ...zero, 0xfc, 0x0b, 0];
  return { body: Array.from({ length: count }, () => fill).flat() };
}

function codeOf(work: () => unknown): string | undefined {
  return failureOrNone(work)?.code;
}

const bombs: readonly (readonly [what: string, bytes: () => Uint8Array])[] = [
  ['49,000 locals and 6,000 blocks', () => dear(manyStates(49_000, 6000))],
  ['1,900 locals and 6,000 blocks', () => dear(manyStates(1900, 6000))],
  ['1,000 loops that change 1,000 locals', () => dear(changingInLoops(1000, 1000))],
  ['100,000 blocks in each other', () => dear(nestedBlocks(100_000))],
  ['a table of 200,000 branches', () => dear(branchTable(100, 200_000))],
  ['a function of a megabyte', () => dear(straightCode(mebibyte))],
  ['20,000 times memory.fill', () => dear(fills(20_000))],
  ['500,000 imports', () => manyImports(500_000)],
];

test.for(bombs)('W1: code bounds: %s are refused at once, in little memory', ([, make]) => {
  const bytes = make();
  // what is warm is measured
  failureOf(() => describeComponent(bytes));
  const before = process.memoryUsage();
  const began = processorMs();

  expect(codeOf(() => loadComponent(bytes))).toBe(refused);

  expect(processorMs() - began).toBeLessThan(soonMs);
  const after = process.memoryUsage();
  expect(after.heapUsed + after.external - before.heapUsed - before.external).toBeLessThan(
    8 * mebibyte,
  );
});

function core(module: CoreModule): Uint8Array {
  return component({
    core: coreModule({ functions: [allocator()], ...module }),
    exports: [],
  });
}

/** Only counts: nobody reads on. */
const counted: readonly (readonly [id: number, what: Sum])[] = [
  [1, 'function types'],
  [2, 'imports'],
  [3, 'functions'],
  [4, 'tables and memories'],
  [5, 'tables and memories'],
  [6, 'globals'],
  [7, 'exports'],
  [9, 'element segments'],
  [11, 'data segments'],
];

test.for(counted)('W1: code bounds: a section %i has no more %s than are allowed', ([id, what]) => {
  const max = codeBounds.sums[what];
  const withCount = (count: number): Uint8Array =>
    core({ sections: [section(id, unsigned(count))] });
  expect(failureOf(() => describeComponent(withCount(max + 1)))).toMatchObject({ code: refused });
  expect(failureOf(() => describeComponent(withCount(0xffff_ffff))).code).toBe(refused);
});

test.for([2, 3, 5, 6, 7, 8, 10, 11])(
  'W1: code bounds: a section %i of a component has no more than are allowed',
  (id) => {
    const bytes = component({
      core: coreModule({ functions: [allocator()] }),
      exports: [],
      sections: [section(id, unsigned(1_000_000))],
    });
    expect(failureOf(() => describeComponent(bytes)).code).toBe(refused);
  },
);

test('W1: code bounds: components and core modules are counted', () => {
  const empty = section(1, [...coreModule({})]);
  const many = Array.from({ length: codeBounds.sums['core modules'] }, () => empty);
  const bytes = component({ core: coreModule({}), exports: [], sections: many });
  expect(failureOf(() => describeComponent(bytes)).code).toBe(refused);
});

test.for([
  ['a section of tags', () => core({ sections: [section(13, [0])] })],
  ['an instruction of vectors', () => dear({ body: [0xfd, 0x0c, ...Array(16).fill(0), 0x1a] })],
  ['a tail call', () => dear({ body: [0x12, 0x00] })],
  ['an exception', () => dear({ body: [0x08, 0x00] })],
  ['an atomic instruction', () => dear({ body: [0xfe, 0x03, 0x00] })],
  ['a reference of the garbage collector', () => dear({ body: [0xfb, 0x1c] })],
  ['a second memory', () => dear({ body: [...instruction.i32(0), 0x28, 0x42, 0x01, 0x00, 0x1a] })],
] as const)('W1: code bounds: %s is refused', ([, make]) => {
  expect(codeOf(() => loadComponent(make()))).toBe(refused);
});

const two = [...instruction.i32(0), ...instruction.i32(0)];
const three = [...two, ...instruction.i32(0)];

/** Instructions that V8 makes calls of, each with the places of references. */
test.for<readonly [what: string, code: readonly number[]]>([
  ['call', instruction.call(0)],
  ['memory.grow', [...instruction.i32(0), ...instruction.growMemory, ...instruction.drop]],
  ['memory.init', [...three, 0xfc, 8, 0, 0]],
  ['data.drop', [0xfc, 9, 0]],
  ['memory.copy', [...three, 0xfc, 10, 0, 0]],
  ['memory.fill', [...three, 0xfc, 11, 0]],
  ['table.get', [...instruction.i32(0), 0x25, 0, ...instruction.drop]],
  ['table.set', [...instruction.i32(0), 0xd0, 0x70, 0x26, 0]],
  ['table.init', [...three, 0xfc, 12, 0, 0]],
  ['elem.drop', [0xfc, 13, 0]],
  ['table.copy', [...three, 0xfc, 14, 0, 0]],
  ['table.grow', [0xd0, 0x70, ...instruction.i32(0), 0xfc, 15, 0, ...instruction.drop]],
  ['table.fill', [...instruction.i32(0), 0xd0, 0x70, ...instruction.i32(0), 0xfc, 17, 0]],
])('W1: code bounds: many references across many of %s are refused', ([, code]) => {
  const references = 1900;
  const bound = codeBounds.each['(locals + stack) × calls'];
  const max = Math.floor(bound / references);
  const body = (times: number): readonly number[] => [
    1,
    ...unsigned(references),
    0x70,
    ...Array.from({ length: times }, () => code).flat(),
    end,
  ];
  expect(tallied(withBody(...body(Math.floor(max / 2))))).toBeUndefined();
  expect(() => {
    tallyCoreModule(Uint8Array.from([...header, ...withBody(...body(max + 1))]), new CodeTally());
  }).toThrow(failure(refused, String(bound)));
});

const header = [0x00, 0x61, 0x73, 0x6d, 0x01, 0x00, 0x00, 0x00];
const end = 0x0b;

/** Of one function without parameters and results. */
function withBody(...body: readonly number[]): readonly number[] {
  return [
    ...section(1, [1, 0x60, 0, 0]),
    ...section(3, [1, 0]),
    ...section(10, [1, ...unsigned(body.length), ...body]),
  ];
}

/** Where types of values stand; the sections with one of them. */
const typePlaces: readonly (readonly [
  where: string,
  sections: (type: number) => readonly number[],
])[] = [
  ['parameters', (type) => section(1, [1, 0x60, 1, type, 0])],
  ['results', (type) => section(1, [1, 0x60, 0, 1, type])],
  ['imported globals', (type) => section(2, [1, 1, 0x61, 1, 0x61, 3, type, 0])],
  ['imported tables', (type) => section(2, [1, 1, 0x61, 1, 0x61, 1, type, 0, 1])],
  ['tables', (type) => section(4, [1, type, 0, 1])],
  ['globals', (type) => section(6, [1, type, 0, 0xd0, 0x70, end])],
  ['null in constants', (type) => section(6, [1, 0x70, 0, 0xd0, type, end])],
  ['elements', (type) => section(9, [1, 5, type, 0])],
  ['locals', (type) => withBody(1, 1, type, end)],
  ['blocks', (type) => withBody(0, 0x02, type, 0x00, end, 0x1a, end)],
  ['select', (type) => withBody(0, 0x00, 0x1c, 1, type, 0x1a, end)],
  ['null', (type) => withBody(0, 0xd0, type, 0x1a, end)],
];

/** References with a type of their own, vectors, exceptions, and what has no meaning yet. */
const longTypes = [0x63, 0x64, 0x7b, 0x69, 0x6e, 0x6d, 0x6a, 0x65, 0x5f, 0x41];

function tallied(sections: readonly number[]): string | undefined {
  return codeOf(() => {
    tallyCoreModule(Uint8Array.from([...header, ...sections]), new CodeTally());
  });
}

test.for(typePlaces)('W1: code bounds: %s have types of one byte', ([, sections]) => {
  expect(tallied(sections(0x70))).toBeUndefined();
  expect(longTypes.map((type) => tallied(sections(type)))).toEqual(longTypes.map(() => refused));
});

test('W1: code bounds: the type of a block is no long form of another type', () => {
  expect(tallied(withBody(0, 0x02, 0x80, 0x00, end, end))).toBeUndefined();
  for (const long of [
    [0xff, 0x7f],
    [0x80, 0x40],
  ]) {
    expect(tallied(withBody(0, 0x02, ...long, end, end))).toBe('AGENT_COMPONENT_INVALID');
  }
});

test.for([
  [1, [0]],
  [2, [0]],
  [3, [0]],
  [4, [0]],
  [5, [0]],
  [6, [0]],
  [7, [0]],
  [8, [0]],
  [9, [0]],
  [10, [0]],
  [11, [0]],
  [12, [0]],
] as const)('W1: code bounds: a section %i ends with what it counts', ([id, content]) => {
  expect(tallied(section(id, [...content]))).toBeUndefined();
  expect(tallied(section(id, [...content, 0]))).toBe('AGENT_COMPONENT_INVALID');
});

test('W1: custom sections are not compiled, and make no difference to what is known of code', () => {
  const plain = Uint8Array.from([...header, ...withBody(0, end)]);
  const hints = section(0, [3, 0x61, 0x62, 0x63, ...Array.from({ length: 100 }, () => 1)]);
  const custom = Uint8Array.from([...header, ...hints, ...withBody(0, end), ...hints]);

  const compiled = rewritten(custom, new Map());
  expect([...compiled]).toEqual([...plain]);
  expect(codeDigest([compiled])).toBe(codeDigest([plain]));
});
