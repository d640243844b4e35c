// SPDX-License-Identifier: Apache-2.0
// Writes the types of the contract for authors of TypeScript handlers: `npm run generate`.

import { writeFileSync } from 'node:fs';
import { join } from 'node:path';

import { $init, generateTypes } from '@bytecodealliance/jco-transpile/component';

import { signatures } from './build/signature.ts';
import { WORLD, readContract, witDocument } from './build/wit.ts';

export const contractTypes: string = join(import.meta.dirname, 'typescript/contract.d.ts');

/**
 * The types that jco writes for guests, as QuickJS has them: its integers are numbers, its lists
 * are arrays but for bytes, and what is not there is null.
 */
function asQuickJsHasThem(types: string): string {
  return types
    .replaceAll(/^\/\/\/ <reference .*\n/gmu, '')
    .replaceAll(/ *export type \* as .*\n/gu, '')
    .replaceAll(/ *export type (?:Option|Result)<.*\n/gu, '')
    .replaceAll(/\bbigint\b/gu, 'number')
    .replaceAll(/\bundefined\b/gu, 'null')
    .replaceAll(/\b(?:Uint16|Uint32|Int32)Array\b/gu, 'number[]')
    .replaceAll(/\bBigU?[iI]nt64Array\b/gu, 'number[]')
    .replaceAll(/[ \t]+$/gmu, '');
}

/** Every interface, and all that a handler may export, as modules of their WIT names. */
export async function generatedTypes(): Promise<string> {
  const contract = await readContract();
  const wit = witDocument(contract, {
    exports: [...signatures().values()],
    imports: contract.interfaces.filter((name) => name !== 'types'),
  });
  await $init;
  const files = generateTypes(WORLD, {
    wit: { tag: 'source', val: wit },
    world: WORLD,
    guest: true,
  });
  const texts = files.map(([, text]) => asQuickJsHasThem(Buffer.from(text).toString('utf8')));
  return `// SPDX-License-Identifier: Apache-2.0
// The contract of ../wit, as QuickJS has its types. Generated: npm run generate.
${texts.join('\n')}`;
}

if (process.argv[1] === import.meta.filename) writeFileSync(contractTypes, await generatedTypes());
