// SPDX-License-Identifier: Apache-2.0
// Names of system calls in manifests: families, and calls that belong to none.
import { guessAt } from '../text/did-you-mean.ts';
import { syscallNumbers } from '../syscalls/syscall-numbers.ts';
import { families, familyMembers, syscallTable } from '../syscalls/syscall-table.ts';
import { invalid } from './json-value.ts';

const numbered: ReadonlySet<string> = new Set(syscallNumbers.map(([name]) => name));
const inFamilies: ReadonlyMap<string, string> = new Map(
  syscallTable.map(({ name, family }) => [name, family]),
);
const familyNames: ReadonlySet<string> = new Set(families());

export function askable(): readonly string[] {
  const members = new Set(
    syscallTable.filter(({ name, family }) => name !== family).map(({ name }) => name),
  );
  const names = syscallNumbers.map(([name]) => name).filter((name) => !members.has(name));
  return [...new Set([...families(), ...names])].toSorted();
}

/**
 * Says of a call which family is to be named.
 * @throws AgentError AGENT_BUNDLE_INVALID
 */
export function checkAskable(word: string, place: string): void {
  if (!numbered.has(word) && !familyNames.has(word)) {
    invalid(`${place}: unknown system call "${word}"${guessAt(word, askable())}`);
  }
  const family = inFamilies.get(word);
  if (family === undefined || family === word) return;
  const members = familyMembers(family).join(', ');
  invalid(`${place}: "${word}" belongs to "${family}" (${members}): name that`);
}
