// SPDX-License-Identifier: Apache-2.0
// Options of the agent from config.yaml.
import { loadConfigText } from '../config/config.ts';
import type { ConfigText } from '../config/config-text.ts';
import { AgentError } from '../errors.ts';
import { agentCommandOf } from './options.ts';

/** The key that a message is about: it names options as the command line has them. */
function keyIn(message: string, keys: Iterable<string>): readonly string[] {
  const [, named] = /(?:^|\s)-(?<name>[a-z][a-z-]*)/u.exec(message) ?? [];
  return [...keys].filter((key) => key === named);
}

/** Their errors and places; undefined: none. */
export function optionsFault({ config: { options }, place }: ConfigText): string | undefined {
  try {
    agentCommandOf(options);
    return undefined;
  } catch (thrown) {
    if (!(thrown instanceof AgentError)) throw thrown;
    return `${place(keyIn(thrown.message, options.keys()))}: ${thrown.message}`;
  }
}

/** @throws AgentError AGENT_CONFIG_INVALID */
export function configuredOptions(file: string | undefined): ReadonlyMap<string, string | true> {
  const text = loadConfigText(file);
  if (text === undefined) return new Map();
  const fault = optionsFault(text);
  if (fault !== undefined) throw new AgentError('AGENT_CONFIG_INVALID', fault);
  return text.config.options;
}
