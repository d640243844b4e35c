// SPDX-License-Identifier: Apache-2.0
// Why a component is refused, for people.
import { AgentError } from '../errors.ts';

const maxListed = 40;

const maxNameLength = 100;

export function refuse(message: string): never {
  throw new AgentError('AGENT_COMPONENT_REFUSED', message);
}

/** For a message: the component's author has chosen it. */
export function shortName(name: string): string {
  return name.slice(0, maxNameLength).replaceAll(/[^\x20-\x7e]/gu, '?');
}

/** For a message: a component may name whatever it likes, as often as it likes. */
export function listed(names: readonly string[]): string {
  if (names.length === 0) return 'nothing';
  const shown = names.slice(0, maxListed).map((name) => shortName(name));
  const rest = names.length - shown.length;
  return shown.join(', ') + (rest === 0 ? '' : ` and ${rest} more`);
}
