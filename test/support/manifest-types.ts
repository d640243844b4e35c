// SPDX-License-Identifier: Apache-2.0
// Checks manifests by Kubernetes' own types, which an npm package has.
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';

import { projectRoot, runCommand } from './command.ts';
import { textAt } from './manifests.ts';
import type { Manifest } from './manifests.ts';

/** Where a kind is in the npm package that has Kubernetes' types. */
function typeOf({ object }: Manifest): { readonly name: string; readonly module: string } {
  return {
    name: `I${textAt(object, 'kind')}`,
    module: `kubernetes-models/${textAt(object, 'apiVersion')}`,
  };
}

/** A text for the compiler, which knows every field, and misses those that have to be there. */
function typedText(manifests: readonly Manifest[]): string {
  return manifests
    .map((manifest, index) => {
      const { name, module } = typeOf(manifest);
      const literal = JSON.stringify(manifest.object);
      return (
        `import type { ${name} as T${index} } from '${module}';\n` +
        `export const manifest${index}: T${index} = ${literal};\n`
      );
    })
    .join('');
}

/** Runs a program of Node on a text, which finds the packages of this project. */
async function outputOf(
  { name, text }: { readonly name: string; readonly text: string },
  program: readonly string[] = [],
): Promise<string> {
  mkdirSync(join(projectRoot, 'build'), { recursive: true });
  const folder = mkdtempSync(join(projectRoot, 'build/manifests-'));
  try {
    const file = join(folder, name);
    writeFileSync(file, text);
    const { stdout, stderr } = await runCommand([process.execPath, ...program, file], {
      deadlineMs: 120_000,
    });
    return stdout + stderr;
  } finally {
    rmSync(folder, { recursive: true });
  }
}

/** Of the compiler; empty: every field is one that Kubernetes has, and none is missing. */
export async function complaintsAbout(manifests: readonly Manifest[]): Promise<string> {
  const compiler = join(projectRoot, 'node_modules/typescript/bin/tsc');
  const options = ['--ignoreConfig', '--noEmit', '--strict', '--skipLibCheck', '--types', ''];
  const text = typedText(manifests);
  const command = [compiler, ...options, '--module', 'nodenext'];
  return outputOf({ name: 'manifests.mts', text }, command);
}

/** A program that asks the package's validators, and prints what they find: a line for each manifest. */
function validatingText(manifests: readonly Manifest[]): string {
  const asked = manifests.map((manifest) => [manifest.file, manifest.object]);
  return `
for (const [file, object] of ${JSON.stringify(asked)}) {
  const { apiVersion, kind } = object;
  try {
    const known = await import(\`kubernetes-models/\${apiVersion}\`);
    new known[kind](object).validate();
  } catch (thrown) {
    const isUnknown = thrown.code === 'ERR_PACKAGE_PATH_NOT_EXPORTED' || thrown.code === 'ERR_MODULE_NOT_FOUND';
    console.log(\`\${file}: \${isUnknown ? \`\${apiVersion} is none of Kubernetes itself\` : thrown.message}\`);
  }
}
`;
}

/** Of the package's validators, each with the manifest's file in front. */
export async function faultsOf(manifests: readonly Manifest[]): Promise<readonly string[]> {
  const output = await outputOf({ name: 'manifests.mjs', text: validatingText(manifests) });
  return output.split('\n').filter((line) => line !== '');
}
