// SPDX-License-Identifier: Apache-2.0
// Makes valid components that are composed of others, around core modules written byte by byte.
import { componentEmbed, componentNew } from '@bytecodealliance/jco-transpile/wasm-tools';

import { signatures } from '../../guest-sdk/build/signature.ts';
import { WORLD, readContract, witDocument } from '../../guest-sdk/build/wit.ts';
import { capabilityOf } from '../../host/handler/interface-name.ts';
import { describeComponent } from '../../host/handler/component.ts';
import { componentSection, section } from './wasm-binary.ts';

/** A component without anything in it. */
const empty = [0x00, 0x61, 0x73, 0x6d, 0x0d, 0x00, 0x01, 0x00] as const;

/**
 * A component around a core module: with the types that it must have, and with an empty component
 * inside it, so that it is composed.
 */
async function composedOf(
  core: Uint8Array,
  names: { readonly imports: readonly string[]; readonly exports: readonly string[] },
): Promise<Uint8Array> {
  const known = signatures();
  const contract = await readContract();
  const exports = names.exports.flatMap((name) => known.get(name) ?? []);
  const document = witDocument(contract, {
    exports,
    imports: names.imports.flatMap((name) => capabilityOf(name) ?? []),
  });
  // which a world of the SDK always has
  const witSource = names.exports.includes('configure')
    ? document
    : document.replace(/ *export configure: .*\n/u, '');
  const embedded = await componentEmbed({
    binary: core,
    witSource,
    world: WORLD,
    stringEncoding: 'utf8',
  });
  const bytes = await componentNew(embedded, []);
  return Uint8Array.from([...bytes, ...section(componentSection.component, [...empty])]);
}

/** The same handler as a component that the direct lane would take. */
export async function composed(direct: Uint8Array): Promise<Uint8Array> {
  const { coreModules, imports, exports } = describeComponent(direct);
  const [core] = coreModules;
  if (core === undefined) throw new Error('there is no core module');
  return composedOf(core, { imports, exports });
}
