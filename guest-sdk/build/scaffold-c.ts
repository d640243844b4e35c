// SPDX-License-Identifier: Apache-2.0
// The source of a new handler in C.

import { cParameters } from './c-binding.ts';
import { type Answer, type BindingContract, snakeCase } from './contract.ts';
import {
  type ScaffoldAnswer,
  isLookedUp,
  lookUpNote,
  scaffoldHeader,
  toldParameter,
} from './scaffold-answer.ts';

const logged = (text: string): string => `  sca_log_log(SCA_LOG_LEVEL_INFO, ${text});\n`;

export function scaffoldC(contract: BindingContract, answers: readonly ScaffoldAnswer[]): string {
  const functions = answers.map((answer) => {
    const parameters = cParameters(contract, answer).join(', ') || 'void';
    const start = `static sca_action on_${answer.name}(`;
    return `
/** ${answer.calls.join(', ')} */
${start}${wrapped(parameters, start.length)}) {
${isLookedUp(answer) ? lookedUp(answer) : `${cLog(answer)}  return sca_next();\n`}}
SCA_EXPORT_${answer.name.toUpperCase()}(on_${answer.name});
`;
  });
  return `${scaffoldHeader(answers)}
#include <seccompagent.h>
${functions.join('')}`;
}

/** Parameters that would make a line too long go on below each other. */
function wrapped(parameters: string, indent: number): string {
  if (indent + parameters.length < 97) return parameters;
  return parameters.replaceAll(', ', `,\n${' '.repeat(indent)}`);
}

function lookedUp({ name }: Answer): string {
  return (
    `  // ${lookUpNote}\n` +
    '  const sca_located_result found = sca_filesystem_resolve(path);\n' +
    '  if (found.is_error) return sca_fail(found.error);\n' +
    logged(`sca_concat(sca_literal("${name} "), sca_lossy_text(found.value.path))`) +
    '  return sca_perform();\n'
  );
}

function cLog(answer: Answer): string {
  const told = toldParameter(answer);
  const named = `sca_literal("${answer.name} ")`;
  switch (told?.kind) {
    case undefined:
      return logged(`sca_literal("${answer.name}")`);
    case 'call':
      return logged('call.syscall');
    case 'path':
      return logged(`sca_concat(${named}, sca_lossy_text(${snakeCase(told.name)}))`);
    case 'optional-path': {
      const own = snakeCase(told.name);
      return (
        `  const sca_text shown = ${own}.is_some ? sca_concat(${named}, sca_lossy_text(${own}.value))\n` +
        `                                : sca_literal("${answer.name}");\n${logged('shown')}`
      );
    }
  }
}
