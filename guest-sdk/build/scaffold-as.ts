// SPDX-License-Identifier: Apache-2.0
// The source of a new handler in AssemblyScript.

import { BuildError } from './build-error.ts';
import { type Answer, type BindingContract, authorTypes } from './contract.ts';
import {
  type ScaffoldAnswer,
  isLookedUp,
  lookUpNote,
  scaffoldHeader,
  toldParameter,
} from './scaffold-answer.ts';
import { camelCase, describeSignature, signatures } from './signature.ts';

export function scaffoldAssemblyScript(
  _: BindingContract,
  answers: readonly ScaffoldAnswer[],
): string {
  const functions = answers.map((answer) => {
    const signature = signatures().get(answer.name);
    if (signature === undefined) throw new BuildError(`nobody answers ${answer.name}`);
    return `
/** ${answer.calls.join(', ')} */
export function ${describeSignature(signature)} {
${isLookedUp(answer) ? lookedUp(answer) : assemblyScriptLog(answer)}}
`;
  });
  const types = authorTypes().filter((type) =>
    functions.some((text) => new RegExp(`\\b${type}\\b`, 'u').test(text)),
  );
  const hosts = answers.some((answer) => isLookedUp(answer)) ? ['filesystem', 'log'] : ['log'];
  return `${scaffoldHeader(answers)}
import { ${[...types, ...hosts].join(', ')} } from '@seccompagent/guest-sdk';
${functions.join('')}`;
}

function lookedUp({ name }: Answer): string {
  return `  // ${lookUpNote}
  const found = filesystem.resolve(path);
  if (!found.isOk) return found.failure();
  log.info('${name} ' + found.value.path.toString());
  return Action.perform();
`;
}

function assemblyScriptLog(answer: Answer): string {
  return `  log.info(${message(answer)});\n  return Action.next();\n`;
}

function message(answer: Answer): string {
  const told = toldParameter(answer);
  switch (told?.kind) {
    case undefined:
      return `'${answer.name}'`;
    case 'call':
      return 'call.syscall';
    case 'path':
      return `'${answer.name} ' + ${camelCase(told.name)}.toString()`;
    case 'optional-path':
      return `${camelCase(told.name)} ? '${answer.name} ' + ${camelCase(told.name)}.toString() : '${answer.name}'`;
  }
}
