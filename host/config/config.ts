// SPDX-License-Identifier: Apache-2.0
// The operator's configuration file, which only root may write.
import type { Stats } from 'node:fs';

import { AgentError, systemCodeOf } from '../errors.ts';
import { readRegularFile } from '../files/regular-file.ts';
import { parseConfig } from './config-text.ts';
import type { ConfigText } from './config-text.ts';
import { emptyConfig } from './settings.ts';
import type { Config } from './settings.ts';

export const defaultConfigFile = '/etc/seccompagent/config.yaml';

const maxFileBytes = 2 ** 20;

function invalid(what: string, cause?: unknown): never {
  throw new AgentError('AGENT_CONFIG_INVALID', what, cause === undefined ? {} : { cause });
}

/** Why nobody should go by what a file says; undefined: only root can have written it. */
export function ownershipFault({ uid, mode }: Pick<Stats, 'uid' | 'mode'>): string | undefined {
  const writableByOthers = 0o022;
  if (uid !== 0) return `belongs to user ${uid}: chown it to root`;
  if ((mode & writableByOthers) === 0) return undefined;
  return 'is writable by others than its owner: chmod go-w';
}

/** Owner and contents are those of the same file. */
function readOwnFile(file: string): string {
  const check = (status: Stats): void => {
    const fault = ownershipFault(status);
    if (fault !== undefined) invalid(`${file}: ${fault}`);
  };
  return readRegularFile(file, { maxBytes: maxFileBytes, check }).toString();
}

/** @throws AgentError AGENT_CONFIG_INVALID */
export function readConfig(file: string): ConfigText {
  let text: string;
  try {
    text = readOwnFile(file);
  } catch (cause) {
    if (cause instanceof AgentError) throw cause;
    return invalid(`${file}: cannot be read`, cause);
  }
  return parseConfig(text, file);
}

/**
 * Reads the configuration. The default file may be absent.
 * @throws AgentError AGENT_CONFIG_INVALID
 */
export function loadConfigText(file: string | undefined): ConfigText | undefined {
  try {
    return readConfig(file ?? defaultConfigFile);
  } catch (thrown) {
    const isMissing = thrown instanceof AgentError && systemCodeOf(thrown.cause) === 'ENOENT';
    if (file === undefined && isMissing) return undefined;
    throw thrown;
  }
}

/** @throws AgentError AGENT_CONFIG_INVALID */
export function loadConfig(file: string | undefined): Config {
  return loadConfigText(file)?.config ?? emptyConfig;
}
