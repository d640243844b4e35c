// SPDX-License-Identifier: Apache-2.0
// The source of a new handler in TypeScript.

import { type Answer, type BindingContract, authorTypes } from './contract.ts';
import {
  type ScaffoldAnswer,
  isLookedUp,
  lookUpNote,
  scaffoldHeader,
  toldParameter,
} from './scaffold-answer.ts';
import { camelCase } from './signature.ts';
import type { WitType } from './wit-syntax.ts';

/** As guest-sdk/typescript/contract.d.ts has it. */
function typeOf(type: WitType): string {
  switch (type.kind) {
    case 'primitive':
      if (type.name === 'bool') return 'boolean';
      return type.name === 'string' ? 'string' : 'number';
    case 'named':
      return type.name.replaceAll(/(?:^|-)(.)/gu, (_, letter: string) => letter.toUpperCase());
    case 'option':
      return `${typeOf(type.of)} | null`;
    case 'list':
      return 'Uint8Array';
    case 'tuple':
    case 'result':
      throw new Error('no parameter of a family is one');
  }
}

const logged = (text: string): string => `  log.log('info', ${text});\n`;

function logLine(answer: Answer): string {
  const told = toldParameter(answer);
  const own = camelCase(told?.name ?? '');
  switch (told?.kind) {
    case undefined:
      return logged(`'${answer.name}'`);
    case 'call':
      return logged('call.syscall');
    case 'path':
      return logged(`\`${answer.name} \${lossyText(${own})}\``);
    case 'optional-path':
      return logged(
        `${own} === null ? '${answer.name}' : \`${answer.name} \${lossyText(${own})}\``,
      );
  }
}

function lookedUp({ name }: Answer): string {
  return `  // ${lookUpNote}
  let found: Located;
  try {
    found = filesystem.resolve(path);
  } catch (thrown) {
    return fail(errnoOf(thrown));
  }
${logged(`\`${name} \${lossyText(found.path)}\``)}  return perform();
`;
}

function listed(before: string, items: readonly string[], after: string): string {
  const line = `${before}${items.join(', ')}${after}`;
  if (line.length <= 100) return line;
  return `${before}\n${items.map((item) => `  ${item},\n`).join('')}${after}`;
}

export function scaffoldTypeScript(_: BindingContract, answers: readonly ScaffoldAnswer[]): string {
  const functions = answers.map((answer) => {
    const parameters = answer.parameters.map(
      ({ name, type }) => `${camelCase(name)}: ${typeOf(type)}`,
    );
    return `
/** ${answer.calls.join(', ')} */
${listed(`export function ${answer.name}(`, parameters, '): Action {')}
${isLookedUp(answer) ? lookedUp(answer) : `${logLine(answer)}  return next();\n`}}
`;
  });
  const text = functions.join('');
  const known = [...authorTypes(), 'Located'].toSorted();
  const types = known.filter((type) => new RegExp(`\\b${type}\\b`, 'u').test(text));
  const values = ['errnoOf', 'fail', 'lossyText', 'next', 'perform'].filter((name) =>
    text.includes(`${name}(`),
  );
  const hosts = answers.some((answer) => isLookedUp(answer)) ? ['filesystem', 'log'] : ['log'];
  const names = [...types.map((type) => `type ${type}`), ...values];
  const imports = hosts.map(
    (name) => `import * as ${name} from 'seccompagent:handler/${name}@0.1.0';\n`,
  );
  return `${scaffoldHeader(answers)}
import { ${names.join(', ')} } from '@seccompagent/guest-sdk/typescript';
${imports.join('')}${text}`;
}
