// SPDX-License-Identifier: Apache-2.0
// The entry of a handler's core module: the component's exports, around the author's functions.

import type { Signature } from './signature.ts';

/** The name under which the compiler sees the glue, beside the author's handler.ts. */
export const GLUE_FILE = 'component-exports.ts';

/** AssemblyScript text. It is never written to a disk. */
export function glue(exports: readonly Signature[]): string {
  const answers = exports.filter((signature) => signature.name !== 'configure');
  const reason = answers.length < exports.length ? 'handler.configure()' : 'null';
  return `// SPDX-License-Identifier: Apache-2.0
// The exports of this handler's component.

${usedFunctions(answers)}import * as handler from './handler';

export { cabi_realloc } from '@seccompagent/guest-sdk/abi/exports';

export function configure(pointer: usize, length: i32): usize {
  liftSettings(pointer, length);
  return lowerRefusal(${reason});
}
${postReturn('configure')}
${answers.map((signature) => answer(signature)).join('')}`;
}

const ownModule = 'abi/exports';
const ownFunctions = ['endOfCall', 'liftSettings', 'lowerAction', 'lowerRefusal'];

/** A line for each module of the SDK. */
function usedFunctions(answers: readonly Signature[]): string {
  const lifts = answers.flatMap((signature) =>
    signature.parameters.flatMap((parameter) => parameter.form.lift ?? []),
  );
  const modules = new Set([ownModule, ...lifts.map(({ from }) => from)]);
  const lines = [...modules].map((module) => {
    const own = lifts.filter(({ from }) => from === module).map(({ name }) => name);
    const names = new Set([...(module === ownModule ? ownFunctions : []), ...own]);
    return `import { ${[...names].join(', ')} } from '@seccompagent/guest-sdk/${module}';\n`;
  });
  return lines.join('');
}

function answer(signature: Signature): string {
  const parameters: string[] = [];
  const values: string[] = [];
  for (const { form } of signature.parameters) {
    const names = form.core.map((_, index) => `p${parameters.length + index}`);
    parameters.push(...form.core.map((type, index) => `${names[index]}: ${type}`));
    values.push(form.lift === null ? names.join(', ') : `${form.lift.name}(${names.join(', ')})`);
  }
  return `
export function ${signature.name}(${parameters.join(', ')}): usize {
  return lowerAction(handler.${signature.name}(${values.join(', ')}));
}
${postReturn(signature.name)}`;
}

function postReturn(name: string): string {
  return `
export function cabi_post_${name}(result: usize): void {
  endOfCall();
}
`;
}
