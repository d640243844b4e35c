// SPDX-License-Identifier: Apache-2.0
// Command line: builds every bundle of a folder. `node guest-sdk/build/cli.ts SOURCE OUT`

import { tellMessages } from '../../host/commands/compiler-messages.ts';
import { BuildError } from './build-error.ts';
import { buildBundles } from './bundles.ts';

const [source, out, ...others] = process.argv.slice(2);
if (source === undefined || out === undefined || others.length > 0) {
  process.stderr.write('usage: node guest-sdk/build/cli.ts SOURCE OUT\n');
  process.exitCode = 2;
} else {
  process.exitCode = await run(source, out);
}

async function run(from: string, to: string): Promise<number> {
  try {
    const { bundles, handlers } = await buildBundles({ source: from, out: to });
    for (const [name, handler] of handlers) {
      tellMessages(handler.warnings);
      const uses = handler.imports.join(', ') || 'nothing';
      const size = handler.component.length;
      process.stdout.write(
        `${name}: answers ${handler.answers.join(', ')}, uses ${uses}, ${size} bytes\n`,
      );
    }
    const named = new Set(
      bundles.flatMap((bundle) => bundle.handlers.map((handler) => handler.component)),
    );
    for (const name of handlers.keys()) {
      if (named.has(`${name}.wasm`)) continue;
      process.stderr.write(`${name}: no bundle.json names ${name}.wasm, so it is not in ${to}\n`);
    }
    process.stdout.write(`${to}: ${bundles.map((bundle) => bundle.name).join(', ')}\n`);
    return 0;
  } catch (error) {
    if (!(error instanceof BuildError)) throw error;
    tellMessages([error.message]);
    return 1;
  }
}
