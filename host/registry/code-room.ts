// SPDX-License-Identifier: Apache-2.0
// How much machine code components may have together: V8 keeps it as long as they are there, and most
// of it comes to be only with the calls.
import { AgentError } from '../errors.ts';
import type { LoadedComponent } from '../handler/direct.ts';
import { memoryLimit } from '../memory-limit.ts';

const mebibyte = 2 ** 20;

/** Of what the agent may have. */
const partOfBundle = 1 / 8;
const partOfAll = 1 / 4;

/** Of a bundle, and of all bundles that one container selects. */
export function mostOfBundle(): number {
  return Math.floor(memoryLimit() * partOfBundle);
}

/** Of all bundles that are known. */
export function mostOfAll(): number {
  return Math.floor(memoryLimit() * partOfAll);
}

/** Each counts once. */
export function codeBytesOf(components: readonly LoadedComponent[]): number {
  const byId = new Map(components.map(({ id, codeBytes }) => [id, codeBytes]));
  return [...byId.values()].reduce((sum, bytes) => sum + bytes, 0);
}

/**
 * @param what it is of, for the message
 * @throws AgentError AGENT_BUNDLE_INVALID
 */
export function checkCodeBytes(
  components: readonly LoadedComponent[],
  what: string,
  most: number = mostOfBundle(),
): void {
  const bytes = codeBytesOf(components);
  if (bytes <= most) return;
  const [has, may] = [bytes, most].map((each) => (each / mebibyte).toFixed(1));
  throw new AgentError(
    'AGENT_BUNDLE_INVALID',
    `${what} have ${has} MiB of machine code together; ${may} MiB are allowed, a part of the memory limit of the agent: raise it, or have smaller components`,
  );
}
