// SPDX-License-Identifier: Apache-2.0
// W1: code is compiled in a child first, by both compilers, and what was found is kept.
import { chmodSync, readFileSync, readdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';

import { expect, test } from 'vitest';

import { isPassing } from '../../host/errors.ts';
import { compilingLimits, verdictOf } from '../../host/handler/compiling/compiling.ts';
import { withinMemory } from '../../host/handler/child-limits.ts';
import { anySignature } from '../../host/handler/core-functions.ts';
import { codeDigest } from '../../host/handler/compiling/code-digest.ts';
import { Verdicts } from '../../host/handler/compiling/verdicts.ts';
import { DigestCache } from '../../host/handler/digest-cache.ts';
import { loadComponent } from '../../host/handler/direct.ts';
import type { Finding } from '../../host/handler/finding.ts';
import { defaultLimits, outlineOf } from '../../host/handler/outline.ts';
import type { ProgramEnd } from '../../host/program.ts';
import { failureOf } from '../support/agent-failure.ts';
import { failure } from '../support/failures.ts';
import {
  impossibleMemory,
  manyCalls,
  muchMachineCode,
  trapping,
} from '../support/hostile-components.ts';
import {
  allocator,
  component,
  componentSection,
  coreModule,
  instruction,
  section,
} from '../support/wasm-binary.ts';
import { TemporaryFolder } from '../support/temporary-folder.ts';

const mebibyte = 2 ** 20;

test('W1: compiling: children try the compiled code, and no refused code', () => {
  using folder = new TemporaryFolder();
  const { check } = new Verdicts(new DigestCache('verdicts', folder.at('verdicts')));
  const bytes = manyCalls(30_000, { memories: [impossibleMemory] });

  expect(() => loadComponent(bytes, undefined, { checkCode: check })).toThrow(
    failure('AGENT_COMPONENT_REFUSED', /\boptimizing\b/u),
  );
});

interface Kept extends Disposable {
  readonly folder: string;
  readonly verdicts: () => Verdicts;
}

function kept(): Kept {
  const temporary = new TemporaryFolder();
  const folder = temporary.at('verdicts');
  return {
    folder,
    verdicts: () => new Verdicts(new DigestCache('verdicts', folder)),
    [Symbol.dispose]: () => {
      temporary[Symbol.dispose]();
    },
  };
}

const { code } = outlineOf(trapping(), defaultLimits);

test('A6: compiling: a verdict says how much machine code there may be', () => {
  using given = kept();
  const { code: much } = outlineOf(muchMachineCode(0), defaultLimits);
  const sizes = [code, much].map((each) => given.verdicts().check(each));
  expect(sizes[0]).toBeLessThan(mebibyte);
  expect(sizes[1]).toBeGreaterThan(10 * mebibyte);
  expect([code, much].map((each) => given.verdicts().checkKnown(each))).toEqual(sizes);
});

test('compiling: it is done once, and what was found is known at the next start', () => {
  using given = kept();
  given.verdicts().check(code);
  const [name = ''] = readdirSync(given.folder);
  const file = join(given.folder, name);
  expect(readFileSync(file, 'utf8')).toContain(process.versions.v8);
  expect(given.verdicts().prepare(code)).toBeUndefined();
});

test.for<readonly [string, (file: string) => void]>([
  ['of others', (file) => chmodSync(file, 0o666)],
  [
    'that was changed',
    (file) => writeFileSync(file, readFileSync(file, 'utf8').replace('good', 'Good')),
  ],
])('compiling: a verdict %s does not count', ([, spoil]) => {
  using given = kept();
  given.verdicts().check(code);
  const [name = ''] = readdirSync(given.folder);
  spoil(join(given.folder, name));
  expect(given.verdicts().prepare(code)).toBeDefined();
});

test('compiling: code is known by all of its bytes', () => {
  const module = coreModule({ data: [1] });
  const digests = [
    [module],
    [module, module],
    [coreModule({ data: [2] })],
    [coreModule({ memories: [[0, 2]] })],
    // another version
    [module.with(4, 2)],
    // the same bytes in all, otherwise divided
    [module.subarray(0, 8), module.subarray(8)],
    [module.subarray(0, 9), module.subarray(9)],
  ].map((modules) => codeDigest(modules));
  expect(new Set(digests).size).toBe(digests.length);
});

test('W1: compiling: maxima that are cut make no difference', () => {
  using given = kept();
  const { check } = given.verdicts();
  const digests = [[0, 1], [1, 1, 3], impossibleMemory].map((memory) => {
    const outline = outlineOf(manyCalls(1, { memories: [memory] }), {
      ...defaultLimits,
      maximumPages: 2,
    });
    check(outline.code);
    return outline.code.digest;
  });
  expect(new Set(digests).size).toBe(1);
});

test('W1: compiling: an invalid module is refused, and says nothing of valid ones', () => {
  using given = kept();
  const verdicts = given.verdicts();
  const bytes = trapping();
  const version = Buffer.from(bytes).indexOf(Buffer.from([0, 0x61, 0x73, 0x6d, 1, 0, 0, 0])) + 4;
  const { code: invalid } = outlineOf(bytes.with(version, 2), defaultLimits);
  for (const each of [verdicts, verdicts, given.verdicts()]) {
    expect(() => each.check(invalid)).toThrow(failure('AGENT_COMPONENT_INVALID'));
  }
  verdicts.check(code);
});

/** A component in which this module is in another component, and another module is nowhere. */
function composedOf(core: Uint8Array): Uint8Array {
  const inner = component({ core, exports: ['any'] });
  return component({
    core: coreModule({}),
    exports: ['any'],
    sections: [section(componentSection.component, [...inner])],
  });
}

test.for([
  ['direct', (core: Uint8Array) => component({ core, exports: ['any'] })],
  ['composed', composedOf],
] as const)('G5, W1: compiling: memory and table of a %s one are bounded first', ([, make]) => {
  const functions = [
    { name: 'any', signature: anySignature, body: instruction.i32(16) },
    allocator(),
  ];
  const bytes = make(coreModule({ functions, memories: [[0, 2]], tables: [[0x70, 0, 1]] }));
  const { modules } = outlineOf(bytes, { ...defaultLimits, maximumPages: 4 }).code;
  expect(modules.at(-1)).toEqual(
    coreModule({ functions, memories: [[1, 2, 4]], tables: [[0x70, 1, 1, 0x80, 0x80, 1]] }),
  );
  expect(() => outlineOf(bytes, { ...defaultLimits, maximumPages: 1 })).toThrow(
    failure('AGENT_COMPONENT_REFUSED', /\b2\b/u, /\b1\b/u),
  );
});

test('compiling: a prepared component is not compiled again', async () => {
  using given = kept();
  const verdicts = given.verdicts();
  await verdicts.prepare(code)?.();
  expect(verdicts.prepare(code)).toBeUndefined();
  verdicts.check(code);
});

test('compiling: who waits for nothing is told that nobody knows', () => {
  using given = kept();
  expect(() => given.verdicts().checkKnown(code)).toThrow(failure('AGENT_COMPONENT_UNTRIED'));
  given.verdicts().check(code);
  given.verdicts().checkKnown(code);
});

test('compiling: a child is at its limit before the memory of the agent is', () => {
  const { dataBytes } = compilingLimits;
  expect(withinMemory(compilingLimits, Infinity)).toEqual(compilingLimits);
  expect(withinMemory(compilingLimits, dataBytes).dataBytes).toBeLessThan(dataBytes);
  expect(withinMemory(compilingLimits, mebibyte).dataBytes).toBe(0);
});

test('compiling: a failure for want of memory is not kept as a bad result', () => {
  const given = withinMemory(compilingLimits, compilingLimits.dataBytes);
  const end = { ...ended, signal: 'SIGTRAP' };
  expect(verdictOf(end, compilingLimits, given).kind).toBe('unknown');
});

const ended: ProgramEnd = {
  code: undefined,
  signal: undefined,
  hasSaidTooMuch: false,
  why: '',
  processorMs: 0,
  stdout: 'ready\n',
  stderr: '',
};

test.for<readonly [string, Partial<ProgramEnd>, Finding['kind']]>([
  ['of its own', { code: 0, stdout: 'ready\ncompiled 10\n' }, 'good'],
  ['since the code is not valid', { code: 0, stdout: 'ready\ninvalid\n' }, 'bad'],
  ['too large', { code: 0, stdout: 'ready\ndear 10\n' }, 'bad'],
  ['by its limit of memory', { signal: 'SIGTRAP' }, 'bad'],
  ['by its limit of time', { signal: 'SIGXCPU', processorMs: 29_900 }, 'bad'],
  ['before its limit of time', { signal: 'SIGXCPU', processorMs: 600 }, 'unknown'],
  ['killed by the kernel', { signal: 'SIGKILL' }, 'unknown'],
  ['late', { why: 'late' }, 'unknown'],
  ['before it had begun', { signal: 'SIGABRT', stdout: '' }, 'unknown'],
  ['without having been there', { why: 'ENOMEM', stdout: '' }, 'unknown'],
])('compiling: a child that ended %s says so much', ([, end, kind]) => {
  expect(verdictOf({ ...ended, ...end }, compilingLimits).kind).toBe(kind);
});

test('compiling: a possible fault of the machine is not kept', () => {
  using given = kept();
  const impatient = new Verdicts(new DigestCache('verdicts', given.folder), {
    ...compilingLimits,
    limitMs: 1,
  });
  const untried = failureOf(() => impatient.check(code));
  expect(untried.code).toBe('AGENT_COMPONENT_UNTRIED');
  expect(isPassing(new Error('outer', { cause: untried }))).toBe(true);
  expect(() => readdirSync(given.folder)).toThrow('ENOENT');
});
