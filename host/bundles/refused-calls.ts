// SPDX-License-Identifier: Apache-2.0
// Calls that a handler cannot guard by answering: profiles for its bundle refuse them.
import { checkAskable } from './askable-calls.ts';
import { invalid, uniqueTexts } from './json-value.ts';

/**
 * The flags by which unshare(2), clone(2) and clone3(2) make namespaces, of <linux/sched.h>; that of
 * time namespaces is none of clone(2).
 */
export const namespaceFlags = {
  CLONE_NEWNS: 0x0002_0000,
  CLONE_NEWCGROUP: 0x0200_0000,
  CLONE_NEWUTS: 0x0400_0000,
  CLONE_NEWIPC: 0x0800_0000,
  CLONE_NEWUSER: 0x1000_0000,
  CLONE_NEWPID: 0x2000_0000,
  CLONE_NEWNET: 0x4000_0000,
} as const;

/** Undefined: the word is none of the flags. */
export function namespaceFlag(word: string): number | undefined {
  return new Map<string, number>(Object.entries(namespaceFlags)).get(word);
}

/**
 * Flags of namespaces beside what can be asked about.
 * @throws AgentError AGENT_BUNDLE_INVALID
 */
export function parseRefuse(json: unknown, place: string): readonly string[] {
  const words = uniqueTexts(json, place);
  for (const word of words) {
    if (namespaceFlag(word) !== undefined) continue;
    if (word.startsWith('CLONE_')) {
      invalid(`${place}: "${word}" must be one of ${Object.keys(namespaceFlags).join(', ')}`);
    }
    checkAskable(word, place);
  }
  return words;
}
