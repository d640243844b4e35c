// SPDX-License-Identifier: Apache-2.0
// `seccompagent key generate`: a pair of keys to sign bundles with.
import { writeFileSync } from 'node:fs';

import { parseWords, textOf, usage } from '../text/command-line.ts';
import { AgentError } from '../errors.ts';
import { generateKeyPair } from '../bundles/oci/signing-key.ts';
import { newKeyPassword } from './password.ts';
import type { Tool } from './command.ts';
import { report } from './report.ts';

const defaultPrefix = 'seccompagent';

/** Never over a file that is there: a lost key is lost. */
function writeNew(file: string, text: string, mode: number): void {
  try {
    writeFileSync(file, text, { flag: 'wx', mode });
  } catch (cause) {
    throw new AgentError('AGENT_KEY', `${file}: cannot be written`, { cause });
  }
}

async function run(words: readonly string[]): Promise<number> {
  const { values, rest } = parseWords(words, {
    o: { type: 'string' },
    json: { type: 'boolean' },
  });
  const [verb, ...more] = rest;
  if (verb !== 'generate' || more.length > 0)
    usage('unknown or missing subcommand of key. Subcommands: generate');
  const prefix = textOf(values, 'o') ?? defaultPrefix;
  const files = { privateKey: `${prefix}.key`, publicKey: `${prefix}.pub` };
  const { privatePem, publicPem } = generateKeyPair(await newKeyPassword());
  writeNew(files.privateKey, privatePem, 0o600);
  writeNew(files.publicKey, publicPem, 0o644);
  report(values, files, () => [`private key ${files.privateKey}, public key ${files.publicKey}`]);
  return 0;
}

export const key: Tool = {
  usage: `Usage: seccompagent key generate [options]

Generates a key pair (ECDSA, P-256) to sign bundles with, in the format of cosign. The password is read
from COSIGN_PASSWORD or asked for.

Options:
  -o PREFIX           write PREFIX.key and PREFIX.pub (default ${defaultPrefix})
  -json               print the file names as JSON
  -help
`,
  run,
};
