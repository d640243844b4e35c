// SPDX-License-Identifier: Apache-2.0
// The same handler in every language: the same calls come to the same actions and capability calls.
import { readFileSync } from 'node:fs';
import { join } from 'node:path';

import { expect, test } from 'vitest';

import { buildHandler } from '../../guest-sdk/build/handler.ts';
import { languages } from '../../guest-sdk/build/language.ts';
import { loadComponent } from '../../host/handler/direct.ts';
import type { LoadedComponent } from '../../host/handler/direct.ts';
import { parseCases } from '../../host/trial/case-file.ts';
import type { TrialCase } from '../../host/trial/case-file.ts';
import { describeAction, describeCall } from '../../host/trial/described.ts';
import { HandlerHarness } from '../../host/trial/handler-harness.ts';
import { projectRoot } from '../support/command.ts';
import { failure } from '../support/failures.ts';
import { TemporaryFolder } from '../support/temporary-folder.ts';

/** Where the handler mkdir-suffix is, by language. */
const places: Readonly<Record<string, string>> = {
  as: 'handlers-wasm/mkdir-suffix',
  c: 'guest-sdk/examples/mkdir-suffix-c',
  rust: 'guest-sdk/examples/mkdir-suffix-rust',
  typescript: 'handlers-wasm/mkdir-suffix-ts',
};

async function built(language: string): Promise<LoadedComponent> {
  using folder = new TemporaryFolder();
  const outFile = folder.at('handler.wasm');
  const place = places[language];
  if (place === undefined) throw new Error(`mkdir-suffix is not there in ${language}`);
  await buildHandler({ directory: join(projectRoot, place), outFile });
  return loadComponent(readFileSync(outFile));
}

const components = await Promise.all(
  languages.map(async ({ name }) => [name, await built(name)] as const),
);

const file = 'handlers-wasm/mkdir-suffix/handler.test.yaml';
const { cases } = parseCases(readFileSync(join(projectRoot, file), 'utf8'), file);

test.for(Object.entries(places))('languages: %s: its folder has the same cases', ([, place]) => {
  const own = join(projectRoot, place, 'handler.test.yaml');
  expect(readFileSync(own, 'utf8')).toBe(readFileSync(join(projectRoot, file), 'utf8'));
});

/** All that a handler does in a case: whatever it is, it has to be the same for all. */
function doings(component: LoadedComponent, { steps, settings }: TrialCase): readonly unknown[] {
  const suffix = settings.get('MKDIR_SUFFIX') ?? '-suffix';
  const harness = new HandlerHarness(component, { suffix });
  return steps.map((step) => {
    const before = harness.calls.length;
    harness.host.prepare(...step.answers);
    const action = describeAction(harness.ask(step.syscall, ...step.arguments));
    return { action, calls: harness.calls.slice(before).map((call) => describeCall(call)) };
  });
}

test.for(cases.filter(({ steps }) => steps.length > 0).map((each) => [each.name, each] as const))(
  'languages: the same comes of: %s',
  ([, each]) => {
    const [first, ...others] = components.map(([, component]) => doings(component, each));
    expect(others.length).toBeGreaterThan(1);
    for (const other of others) expect(other).toEqual(first);
  },
);

test.for(components)('languages: %s: it answers and wants the same', ([, component]) => {
  expect(component).toMatchObject({
    answers: ['mkdir'],
    imports: ['filesystem'],
    isConfigurable: true,
  });
});

test.for(components)(
  'languages: %s: without the setting it refuses to start, and says which one is missing',
  ([, component]) => {
    expect(() => new HandlerHarness(component, { other: 'x' })).toThrow(
      failure('AGENT_SETTING_INVALID', '"suffix"'),
    );
  },
);

test.for(components)(
  'M2: languages: %s: the longest path is renamed whole, again and again',
  ([, component]) => {
    const harness = new HandlerHarness(component, { suffix: '-s' });
    const path = `/${'d'.repeat(4094)}`;
    for (let round = 0; round < 5000; round += 1) {
      harness.host.calls.length = 0;
      expect(harness.ask('mkdir', path, 0o755)).toEqual({ kind: 'value', value: 0n });
    }
    expect(harness.calls).toMatchObject([{ path: new TextEncoder().encode(`${path}-s`) }]);
  },
);
