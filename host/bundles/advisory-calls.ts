// SPDX-License-Identifier: Apache-2.0
// Calls that a handler lets continue after it was given what their pointers say: another thread may
// have changed that before the kernel reads it, so what is decided by it is advice.
import type { LoadedComponent } from '../handler/direct.ts';
import { familyParameters } from '../syscalls/family-table.ts';
import { invalid, uniqueTexts } from './json-value.ts';
import { checkAskable } from './askable-calls.ts';

/** Capabilities that show what a descriptor refers to, and memory behind other arguments. */
const lookers: readonly string[] = ['filesystem', 'descriptors'];
const readers: readonly string[] = ['arguments', 'memory'];

type Handled = Pick<LoadedComponent, 'answers' | 'imports'>;

function canLook(family: string, { imports }: Handled): boolean {
  const parameters = familyParameters(family);
  if (parameters.some(({ kind }) => kind.passed.as === 'list')) return true;
  const isOfDescriptor = parameters.some(({ name }) => name === 'fd');
  return isOfDescriptor && imports.some((name) => lookers.includes(name));
}

/** What the export `any` is asked about. */
function othersOf({ answers, imports }: Handled, asked: readonly string[]): readonly string[] {
  if (!answers.includes('any') || !imports.some((name) => readers.includes(name))) return [];
  return asked.filter((family) => !answers.includes(family));
}

/**
 * Calls whose answers may depend on what the caller can change before the kernel reads it.
 * @param asked families that the handler is asked about; absent: all that its component answers
 */
export function racedAnswers(
  component: Handled,
  asked: readonly string[] = component.answers,
): readonly string[] {
  const typed = component.answers.filter(
    (family) => asked.includes(family) && canLook(family, component),
  );
  return [...typed, ...othersOf(component, asked)];
}

interface AskedHandler {
  readonly component: Handled;
  readonly syscalls?: readonly string[];
  readonly advisory?: readonly string[];
}

/** Such calls of all these handlers that bundle.json does not call advice. */
export function firmAnswers(handlers: readonly AskedHandler[]): readonly string[] {
  const firm = handlers.flatMap(({ component, syscalls, advisory = [] }) =>
    racedAnswers(component, syscalls).filter((family) => !advisory.includes(family)),
  );
  return [...new Set(firm)];
}

/** @throws AgentError AGENT_BUNDLE_INVALID */
export function parseAdvisory(json: unknown, place: string): readonly string[] {
  const words = uniqueTexts(json, place);
  for (const word of words) checkAskable(word, place);
  return words;
}

/**
 * Something that the component does not answer is a mistake: whoever reads the list believes it.
 * @throws AgentError AGENT_BUNDLE_INVALID
 */
export function checkAdvisory({ answers }: Handled, advisory: readonly string[]): void {
  const unanswered = advisory.find((family) => !answers.includes(family));
  if (unanswered === undefined || answers.includes('any')) return;
  invalid(
    `"advisory" names "${unanswered}", and the component answers ${answers.join(', ')}: remove it`,
  );
}
