// SPDX-License-Identifier: Apache-2.0
// A guard that is written as an assertion refuses what it is to refuse.
import { expect, test } from 'vitest';

import { loadComponent } from '../../host/handler/direct.ts';
import { failureOf } from '../support/agent-failure.ts';
import { HandlerHarness } from '../support/handler-harness.ts';
import { buildText } from './scratch-handler.ts';

/** Assertions that fail, by the modes from 0 on. */
const guards: readonly string[] = [
  'assert(mode != 0);',
  'assert(pathUnless(1, given, mode));',
  'length += pathUnless(2, given, mode)!.length;',
];
const harmless = guards.length;

test('AssemblyScript: an assertion stops the guarded code', async () => {
  const built = await buildText(`
    import { Action, Path } from '@seccompagent/guest-sdk';
    function pathUnless(bad: u32, given: Path, mode: u32): Path | null {
      if (mode == bad) return null;
      return given;
    }
    export function mkdir(given: Path, mode: u32): Action {
      let length = 0;
      ${guards.join('\n')}
      return Action.value(length > 0 ? 1 : 2);
    }`);
  const handler = new HandlerHarness(loadComponent(built.component));

  expect(handler.ask('mkdir', '/a', harmless)).toMatchObject({ kind: 'value' });
  const codes = guards.map((_, mode) => failureOf(() => handler.ask('mkdir', '/a', mode)).code);
  expect(new Set(codes)).toEqual(new Set(['AGENT_HANDLER_FAILED']));
});
