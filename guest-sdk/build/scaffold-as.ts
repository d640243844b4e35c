// SPDX-License-Identifier: Apache-2.0
// The source of a new handler in AssemblyScript.

import { BuildError } from './build-error.ts';
import { type Answer, type BindingContract, authorTypes } from './contract.ts';
import { type ScaffoldAnswer, scaffoldHeader, toldParameter } from './scaffold-answer.ts';
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
${assemblyScriptLog(answer)}  return Action.next();
}
`;
  });
  const types = authorTypes().filter((type) =>
    functions.some((text) => new RegExp(`\\b${type}\\b`, 'u').test(text)),
  );
  return `${scaffoldHeader()}
import { ${[...types, 'log'].join(', ')} } from '@seccompagent/guest-sdk';
${functions.join('')}`;
}

function assemblyScriptLog(answer: Answer): string {
  const told = toldParameter(answer);
  switch (told?.kind) {
    case undefined:
      return `  log.info('${answer.name}');\n`;
    case 'call':
      return '  log.info(call.syscall);\n';
    case 'path':
      return `  log.info('${answer.name} ' + ${camelCase(told.name)}.toString());\n`;
    case 'optional-path':
      return `  log.info(${camelCase(told.name)} ? '${answer.name} ' + ${camelCase(told.name)}.toString() : '${answer.name}');\n`;
  }
}
