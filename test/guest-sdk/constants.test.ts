// SPDX-License-Identifier: Apache-2.0
// Tests that handlers in each language have every flag and mode by its name, with the same number.
import { readFileSync, writeFileSync } from 'node:fs';

import { expect, test } from 'vitest';

import { buildHandler } from '../../guest-sdk/build/handler.ts';
import { languages } from '../../guest-sdk/build/language.ts';
import { loadComponent } from '../../host/handler/direct.ts';
import { constantGroups } from '../../host/syscalls/constants.ts';
import { HandlerHarness } from '../../host/trial/handler-harness.ts';
import { TemporaryFolder } from '../support/temporary-folder.ts';

const constants = constantGroups.flatMap(({ values, type }) =>
  Object.entries(values).map(([name, number]) => ({ name, number, type })),
);

/** A handler that answers a mkdir with the constant whose place is the mode, by the language's name. */
const sources: Readonly<Record<string, string>> = {
  as: `import { Action, Path, ${constants.map(({ name }) => name).join(', ')} } from '@seccompagent/guest-sdk';
export function mkdir(path: Path, mode: u32): Action {
  switch (mode) {
${constants.map(({ name }, place) => `    case ${place}: return Action.value(i64(${name}));`).join('\n')}
    default: return Action.next();
  }
}
`,
  typescript: `import * as sdk from '@seccompagent/guest-sdk/typescript';
const all: readonly number[] = [${constants.map(({ name }) => `sdk.${name}`).join(', ')}];
export function mkdir(path: Uint8Array, mode: number): sdk.Action {
  const constant = all[mode];
  return constant === undefined ? sdk.next() : sdk.value(constant);
}
`,
  rust: `#![no_std]
use seccompagent::*;
seccompagent::export!(mkdir);
${constants.map(({ name, type }, place) => `const C${place}: ${type} = ${name};`).join('\n')}
fn mkdir(_path: &[u8], mode: u32) -> Action {
    match mode {
${constants.map((_, place) => `        ${place} => Action::Value(C${place} as i64),`).join('\n')}
        _ => Action::Next,
    }
}
`,
  c: `#include <seccompagent.h>
static const uint64_t all[] = {${constants.map(({ name }) => `SCA_${name}`).join(', ')}};
static sca_action made(sca_path path, uint32_t mode) {
  (void)path;
  return mode < sizeof all / sizeof all[0] ? sca_value((int64_t)all[mode]) : sca_next();
}
SCA_EXPORT_MKDIR(made);
`,
};

test.for(languages.map(({ name, sourceFile }) => [name, sourceFile] as const))(
  'constants: %s has them all',
  async ([name, sourceFile]) => {
    using folder = new TemporaryFolder();
    writeFileSync(folder.at(sourceFile), sources[name] ?? '');
    const outFile = folder.at('handler.wasm');
    await buildHandler({ directory: folder.path, outFile });
    const harness = new HandlerHarness(loadComponent(readFileSync(outFile)), {});
    const found = constants.map(({ name: own }, place) => [own, harness.ask('mkdir', '/', place)]);
    expect(found).toEqual(
      constants.map(({ name: own, number }) => [own, { kind: 'value', value: BigInt(number) }]),
    );
  },
);
