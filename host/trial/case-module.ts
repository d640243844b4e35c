// SPDX-License-Identifier: Apache-2.0
// Test cases that a program makes: handler.cases.ts, whose default export is what handler.test.yaml
// would say. Where there are many of a kind, a loop says it better.
import { statSync } from 'node:fs';
import { pathToFileURL } from 'node:url';

import { stringify } from 'yaml';

import { AgentError } from '../errors.ts';

/** Bytes as YAML has them here. */
function withHex(_key: unknown, value: unknown): unknown {
  return value instanceof Uint8Array ? { hex: Buffer.from(value).toString('hex') } : value;
}

/**
 * Runs the module.
 * @param name begins the messages
 * @returns its cases as YAML
 * @throws AgentError AGENT_CASES_INVALID
 */
export async function casesOfModule(file: string, name: string): Promise<string> {
  const { href } = pathToFileURL(file);
  let module: unknown;
  try {
    // a module is loaded once for each address, and may have changed
    module = await import(`${href}?${statSync(file).mtimeMs}`);
  } catch (cause) {
    throw new AgentError('AGENT_CASES_INVALID', `${name}: failed to run`, { cause });
  }
  if (typeof module === 'object' && module !== null && 'default' in module) {
    return stringify(module.default, withHex, { aliasDuplicateObjects: false });
  }
  throw new AgentError('AGENT_CASES_INVALID', `${name}: has no default export`);
}
