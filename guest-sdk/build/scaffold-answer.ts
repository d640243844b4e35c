// SPDX-License-Identifier: Apache-2.0
// Answers of a scaffold's handler, and its log lines.

import type { Answer } from './contract.ts';
import type { WitType } from './wit-syntax.ts';

export interface ScaffoldAnswer extends Answer {
  /** The system calls, for people and for tests. */
  readonly calls: readonly string[];
}

/** The first lines of a handler's source, behind a mark of comments. */
export function scaffoldHeader(): string {
  return '// Writes each call into the log of the agent and leaves it to the next handler.\n';
}

export interface ToldParameter {
  readonly name: string;
  readonly kind: 'path' | 'optional-path' | 'call';
}

function pathKind(type: WitType): ToldParameter['kind'] | undefined {
  if (type.kind === 'named' && type.name === 'path') return 'path';
  const isOptional = type.kind === 'option' && type.of.kind === 'named' && type.of.name === 'path';
  return isOptional ? 'optional-path' : undefined;
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
