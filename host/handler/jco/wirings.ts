// SPDX-License-Identifier: Apache-2.0
// Links within composed components: jco is asked once for each, and its answer is kept.
import { createHash } from 'node:crypto';

import { AgentError } from '../../errors.ts';
import { withinMemory } from '../child-limits.ts';
import type { DigestCache } from '../digest-cache.ts';
import { Findings } from '../finding.ts';
import type { Finding, Inquiry, Subject } from '../finding.ts';
import { findJco, transpilingLimits, transpilingProgram, wiringFound } from './transpile.ts';
import type { Jco } from './transpile.ts';
import { parseWiring } from './wiring.ts';
import type { TranspileRequest, Wiring } from './wiring.ts';

export interface WiringQuestion {
  readonly component: Uint8Array;
  /** Hex sha256 of it. */
  readonly digest: string;
  readonly request: TranspileRequest;
}

/**
 * @throws AgentError AGENT_COMPONENT_INVALID; AGENT_COMPONENT_REFUSED: there is no jco;
 *   AGENT_COMPONENT_UNTRIED: nobody knows
 */
export type WiringSource = (question: WiringQuestion) => Wiring;

/** Each may be as large as what the child may say. */
const maxRemembered = 64;

/** @throws as WiringSource */
function wiringIn(finding: Finding | undefined): Wiring {
  if (finding?.kind === 'good') return parseWiring(finding.text);
  if (finding?.kind === 'bad') {
    const what = `jco cannot link the component: ${finding.reason}`;
    throw new AgentError('AGENT_COMPONENT_INVALID', what);
  }
  const reason = finding?.reason ?? 'jco was not asked yet';
  throw new AgentError(
    'AGENT_COMPONENT_UNTRIED',
    `nobody knows how the component is linked: try it again (${reason})`,
  );
}

export class Wirings {
  readonly #findings: Findings;
  readonly #findJco: () => Jco;

  /** @param from the file whose packages count */
  constructor(cache: DigestCache, from?: string) {
    this.#findings = new Findings(cache, maxRemembered);
    this.#findJco = () => findJco(from);
  }

  /** Waits for the child where nothing is known yet. */
  readonly find: WiringSource = (question) => {
    const jco = this.#findJco();
    const subject = subjectOf(question, jco);
    const inquiry = inquiryFor(question, jco);
    return wiringIn(this.#findings.known(subject) ?? this.#findings.findOut(subject, inquiry));
  };

  /** Waits for nothing. */
  readonly findKnown: WiringSource = (question) =>
    wiringIn(this.#findings.known(subjectOf(question, this.#findJco())));

  /**
   * So that it is known.
   * @returns undefined: it is; else what finds it out, and never rejects
   * @throws AgentError AGENT_COMPONENT_REFUSED: there is no jco
   */
  prepare(question: WiringQuestion): (() => Promise<void>) | undefined {
    const jco = this.#findJco();
    const subject = subjectOf(question, jco);
    if (this.#findings.known(subject) !== undefined) return undefined;
    return async () => {
      // somebody else may have wanted the same
      if (this.#findings.known(subject) !== undefined) return;
      await this.#findings.findOutLater(subject, inquiryFor(question, jco));
    };
  }
}

/** A bad wiring may be good for an agent with other host functions. */
function subjectOf({ digest, request }: WiringQuestion, { version }: Jco): Subject {
  const asked = createHash('sha256')
    .update(JSON.stringify([request, transpilingLimits]))
    .digest('hex');
  return { digest, version: `jco ${version} on Node ${process.version}, asked ${asked}` };
}

function inquiryFor({ component, request }: WiringQuestion, jco: Jco): () => Inquiry {
  return () => {
    const limits = withinMemory(transpilingLimits);
    return {
      programs: [transpilingProgram({ component, request, jco, limits })],
      conclude: ([end]) => wiringFound(end, limits),
    };
  };
}
