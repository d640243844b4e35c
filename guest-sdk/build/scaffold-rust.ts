// SPDX-License-Identifier: Apache-2.0
// The source of a new handler in Rust.

import { type Answer, type BindingContract, authorTypes, snakeCase } from './contract.ts';
import { rustParameters } from './rust-binding.ts';
import {
  type ScaffoldAnswer,
  isLookedUp,
  lookUpNote,
  scaffoldHeader,
  toldParameter,
} from './scaffold-answer.ts';

const logged = (text: string): string => `    log::log(log::Level::Info, ${text});\n`;

export function scaffoldRust(
  contract: BindingContract,
  answers: readonly ScaffoldAnswer[],
): string {
  const functions = answers.map((answer) => {
    const told = toldParameter(answer)?.name;
    const parameters = rustParameters(contract, answer).map((parameter) =>
      told !== undefined && parameter.startsWith(`${snakeCase(told)}:`)
        ? parameter
        : `_${parameter.replace('r#', '')}`,
    );
    const line = `fn ${answer.name}(${parameters.join(', ')}) -> Action {`;
    const start =
      line.length <= 100
        ? line
        : `fn ${answer.name}(\n${parameters.map((each) => `    ${each},\n`).join('')}) -> Action {`;
    return `
/// ${answer.calls.join(', ')}
${start}
${isLookedUp(answer) ? lookedUp(answer) : `${rustLog(answer)}    Action::Next\n`}}
`;
  });
  const text = functions.join('');
  const used = ['filesystem', 'format', 'log', 'lossy_text', ...authorTypes()];
  const names = used.filter((name) => new RegExp(`\\b${name}\\b`, 'u').test(text));
  return `${scaffoldHeader(answers)}
#![no_std]
use seccompagent::{${names.join(', ')}};

seccompagent::export!(${answers.map(({ name }) => name).join(', ')});
${text}`;
}

function lookedUp({ name }: Answer): string {
  return (
    `    // ${lookUpNote}\n` +
    '    let found = match filesystem::resolve(path) {\n' +
    '        Ok(found) => found,\n' +
    '        Err(errno) => return Action::Fail(errno),\n' +
    '    };\n' +
    logged(`&format!("${name} {}", lossy_text(&found.path))`) +
    '    Action::Perform\n'
  );
}

function rustLog(answer: Answer): string {
  const told = toldParameter(answer);
  switch (told?.kind) {
    case undefined:
      return logged(`"${answer.name}"`);
    case 'call':
      return logged('&call.syscall');
    case 'path':
      return logged(`&format!("${answer.name} {}", lossy_text(${snakeCase(told.name)}))`);
    case 'optional-path':
      return (
        `    match ${snakeCase(told.name)} {\n` +
        `        Some(own) => log::log(log::Level::Info, &format!("${answer.name} {}", lossy_text(own))),\n` +
        `        None => log::log(log::Level::Info, "${answer.name}"),\n` +
        '    }\n'
      );
  }
}
