// SPDX-License-Identifier: Apache-2.0
// W1: code that only one compiler, or none, can take, each tried within memory of its own.
import { expect, test } from 'vitest';

import { codeBounds } from '../../host/handler/code-bounds.ts';
import type { CodeBounds } from '../../host/handler/code-bounds.ts';
import {
  compilers,
  compilingLimits,
  compilingProgram,
  verdictOf,
} from '../../host/handler/compiling/compiling.ts';
import type { Compiler } from '../../host/handler/compiling/compiling.ts';
import { Verdicts } from '../../host/handler/compiling/verdicts.ts';
import { DigestCache } from '../../host/handler/digest-cache.ts';
import { loadComponent } from '../../host/handler/direct.ts';
import type { Finding } from '../../host/handler/finding.ts';
import { defaultLimits, outlineOf } from '../../host/handler/outline.ts';
import { runProgramSync } from '../../host/program.ts';
import { failure } from '../support/failures.ts';
import type { CodeBomb } from '../support/hostile-components.ts';
import { changingInLoops, dear, manyCalls, manyStates } from '../support/hostile-components.ts';
import { MemoryCgroup } from '../support/memory-cgroup.ts';
import { TemporaryFolder } from '../support/temporary-folder.ts';

/** None that counts: only compiling finds out. */
const boundless: CodeBounds = {
  sums: {
    ...codeBounds.sums,
    '(locals + stack) × branches': Infinity,
    '(locals + stack) × loops': Infinity,
  },
  each: {
    ...codeBounds.each,
    locals: 50_000,
    '(locals + stack) × branches': Infinity,
    '(locals + stack) × loops': Infinity,
  },
};
const limits = { ...defaultLimits, code: boundless };
const mebibyte = 2 ** 20;

function compiledBy(compiler: Compiler, bytes: Uint8Array): Finding {
  const { modules } = outlineOf(bytes, limits).code;
  const [program, ...rest] = compilingProgram(modules, compiler, compilingLimits).command;
  using cgroup = new MemoryCgroup(1536 * mebibyte);
  const [first = '', ...enter] = cgroup.wrapper;
  const whole = compilingProgram(modules, compiler, compilingLimits);
  return verdictOf(
    runProgramSync({ ...whole, command: [`/bin/${first}`, ...enter, program, ...rest] }),
    compilingLimits,
  );
}

test('W1: compiling: small and simple code is good for both compilers', () => {
  const found = compilers.map((compiler) => compiledBy(compiler, dear(manyStates(1, 1))).kind);
  expect(found).toEqual(['good', 'good']);
});

test.for<readonly [string, CodeBomb, readonly Finding['kind'][]]>([
  ['many states', manyStates(49_000, 6000), ['bad', 'bad']],
  ['states that only the optimizing compiler keeps', changingInLoops(1800, 700), ['good', 'bad']],
])('W1: compiling: %s are bad for whom they are', ([, bomb, expected]) => {
  const found = compilers.map((compiler) => compiledBy(compiler, dear(bomb)).kind);
  expect(found).toEqual(expected);
});

test('W1: compiling: code within the bounds that is bad for one compiler alone is refused', () => {
  using folder = new TemporaryFolder();
  const { check } = new Verdicts(new DigestCache('verdicts', folder.at('verdicts')));
  const bytes = manyCalls(30_000);
  expect(outlineOf(bytes, defaultLimits).code.modules).toHaveLength(1);
  expect(compiledBy('baseline', bytes).kind).toBe('good');

  expect(() => loadComponent(bytes, undefined, { checkCode: check })).toThrow(
    failure('AGENT_COMPONENT_REFUSED', 'optimizing'),
  );
});
