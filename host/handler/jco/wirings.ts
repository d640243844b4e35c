// SPDX-License-Identifier: Apache-2.0
// Where the wiring of a composed component comes from: the cache, else jco.
import { AgentError } from '../../errors.ts';
import type { DigestCache } from '../digest-cache.ts';
import { findJco, transpile } from './transpile.ts';
import { parseWiring } from './wiring.ts';
import type { TranspileRequest, Wiring } from './wiring.ts';

export interface WiringQuestion {
  readonly component: Uint8Array;
  /** Hex sha256 of it. */
  readonly digest: string;
  readonly request: TranspileRequest;
}

/** @throws AgentError AGENT_COMPONENT_INVALID, AGENT_COMPONENT_REFUSED */
export type WiringSource = (question: WiringQuestion) => Wiring;

function known(cache: DigestCache, digest: string, version: string): Wiring | undefined {
  const text = cache.read(digest, version);
  if (text === undefined) return undefined;
  try {
    return parseWiring(text);
  } catch (cause) {
    if (cause instanceof AgentError) return undefined;
    throw cause;
  }
}

/** @param from the file whose packages count */
export function wiringsBy(cache: DigestCache, from?: string): WiringSource {
  return ({ component, digest, request }) => {
    const jco = findJco(from);
    const before = known(cache, digest, jco.version);
    if (before !== undefined) return before;
    const wiring = transpile({ component, request, jco });
    cache.write(digest, jco.version, JSON.stringify(wiring));
    return wiring;
  };
}
