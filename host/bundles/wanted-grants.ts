// SPDX-License-Identifier: Apache-2.0
// The grants that a bundle.json asks for: capabilities, why, and within which limits.
import { complaint, grantsOf, namedKeys, parseGrant } from './grant-parser.ts';
import type { Complain, ParsedLimits } from './grant-parser.ts';
import type { Grants } from '../registry/grants.ts';
import { entriesOf, invalid, proseOf } from './json-value.ts';

export interface WantedGrant {
  /** The name of one of the host's interfaces, or `errnos` or `perform`. */
  readonly capability: string;
  /** For people: what the bundle does with it. */
  readonly reason: string;
  /** A limit that is absent does not limit. */
  readonly limits: ParsedLimits;
}

/** @throws AgentError AGENT_BUNDLE_INVALID */
export function parseGrants(json: unknown, place: string): readonly WantedGrant[] {
  const complain: Complain = (keys, what) =>
    invalid(complaint(`${place}.${namedKeys(keys)}`, what));
  return entriesOf(json, place).map(([capability, grant]) => {
    const limits = parseGrant(capability, grant, { complain, others: ['reason'] });
    const [, reason] = entriesOf(grant, place).find(([key]) => key === 'reason') ?? [];
    return { capability, reason: proseOf(reason, `${place}.${capability}.reason`), limits };
  });
}

/** As operators have them. */
export function askedGrants(wanted: readonly WantedGrant[]): Grants {
  return grantsOf(new Map(wanted.map(({ capability, limits }) => [capability, limits])));
}
