// SPDX-License-Identifier: Apache-2.0
// Passwords: from the environment, or typed at a terminal that does not show them.
import { createInterface } from 'node:readline/promises';
import { Writable } from 'node:stream';

import { AgentError } from '../errors.ts';

/** The variable that cosign reads as well. */
const variable = 'COSIGN_PASSWORD';

/** @throws AgentError AGENT_KEY when there is nobody to ask */
export async function keyPassword(question: string): Promise<string> {
  const given = process.env[variable];
  if (given !== undefined) return given;
  if (!process.stdin.isTTY) {
    throw new AgentError('AGENT_KEY', `no password: set ${variable}, or type it at a terminal`);
  }
  return typed(question);
}

/** Asks twice, since a password that is mistyped once is lost. */
export async function newKeyPassword(): Promise<string> {
  const password = await keyPassword('Password for the private key: ');
  if (process.env[variable] !== undefined) return password;
  if ((await typed('Repeat the password: ')) === password) return password;
  throw new AgentError('AGENT_KEY', 'the passwords differ');
}

async function typed(question: string): Promise<string> {
  // what is typed is echoed to nowhere
  const nowhere = new Writable({ write: (_chunk, _encoding, done) => done() });
  using lines = createInterface({ input: process.stdin, output: nowhere, terminal: true });
  // not before: until then the terminal shows what is typed
  process.stderr.write(question);
  const answer = await lines.question('');
  process.stderr.write('\n');
  return answer;
}

/** The first line of stdin. */
export async function passwordOnStdin(): Promise<string> {
  let text = '';
  for await (const chunk of process.stdin.setEncoding('utf8')) text += String(chunk);
  return text.replace(/\r?\n[^]*$/u, '');
}
