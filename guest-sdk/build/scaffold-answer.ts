// SPDX-License-Identifier: Apache-2.0
// Answers of a scaffold's handler, and its log lines.

import { canPerform } from '../../host/syscalls/family-table.ts';
import type { Answer } from './contract.ts';
import type { WitType } from './wit-syntax.ts';

export interface ScaffoldAnswer extends Answer {
  /** The system calls, for people and for tests. */
  readonly calls: readonly string[];
}

/** The first lines of a handler's source. */
export function scaffoldHeader(answers: readonly ScaffoldAnswer[]): string {
  const rest = '// Writes each call into the log of the agent and leaves it to the next handler.\n';
  const found = '// Writes each call into the log of the agent, with what its path leads to.\n';
  return answers.some((answer) => isLookedUp(answer)) ? found : rest;
}

/** Above the look-up. */
export const lookUpNote = 'decide by what was found: the path itself is only text';

export interface ToldParameter {
  readonly name: string;
  readonly kind: 'path' | 'optional-path' | 'call';
}

function pathKind(type: WitType): ToldParameter['kind'] | undefined {
  if (type.kind === 'named' && type.name === 'path') return 'path';
  const isOptional = type.kind === 'option' && type.of.kind === 'named' && type.of.name === 'path';
  return isOptional ? 'optional-path' : undefined;
}

/** Whether the host does the call, and on just what its path leads to. */
export function isLookedUp(answer: Answer): boolean {
  return canPerform(answer.name) && toldParameter(answer)?.kind === 'path';
}

/** The parameter that says most about a call. */
export function toldParameter({ name, parameters }: Answer): ToldParameter | undefined {
  if (name === 'any') return { name: 'call', kind: 'call' };
  const paths = parameters.flatMap(({ name: own, type }) => {
    const kind = pathKind(type);
    return kind === undefined ? [] : [{ name: own, kind }];
  });
  return (
    paths.find((path) => path.name === 'path') ??
    paths.find((path) => path.kind === 'path') ??
    paths[0]
  );
}
