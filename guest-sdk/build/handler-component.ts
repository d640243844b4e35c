// SPDX-License-Identifier: Apache-2.0
// A component made of a handler's core module: the WIT of its world is embedded into it.

import { describeCoreModule } from '../../host/handler/core-module.ts';
import { BuildError } from './build-error.ts';
import type { CompiledHandler } from './compiled-handler.ts';
import { loadComponentTools } from './component-tools.ts';
import type { Signature } from './signature.ts';
import { type Contract, WORLD, interfaceModule, readContract, witDocument } from './wit.ts';

export interface HandlerComponent {
  readonly component: Uint8Array;
  /** In the order of the syscall table. */
  readonly exports: readonly Signature[];
  /** Names of the host's interfaces that it uses, sorted. */
  readonly imports: readonly string[];
  /** Warnings of the compiler, one per line. */
  readonly warnings: readonly string[];
}

/** @param place the source, as messages shall name it. Throws BuildError. */
export async function componentOf(
  { core, exports, stringEncoding, warnings }: CompiledHandler,
  place: string,
): Promise<HandlerComponent> {
  const { componentEmbed, componentNew } = await loadComponentTools();
  const contract = await readContract();
  const imports = usedInterfaces(core, contract, place);
  const embedded = await componentEmbed({
    binary: core,
    witSource: witDocument(contract, { exports, imports }),
    world: WORLD,
    stringEncoding,
  });
  return { component: await componentNew(embedded), exports, imports, warnings };
}

function usedInterfaces(core: Uint8Array, contract: Contract, place: string): readonly string[] {
  const names = new Map(contract.interfaces.map((name) => [interfaceModule(contract, name), name]));
  const used = describeCoreModule(core).imports.map(({ module, name }) => {
    const found = names.get(module);
    if (found !== undefined) return found;
    throw new BuildError(
      `${place} uses "${name}" of "${module}" (as Math.random, Date.now, console and trace do in ` +
        `AssemblyScript), which no host offers`,
    );
  });
  return [...new Set(used)].toSorted();
}
