// SPDX-License-Identifier: Apache-2.0
// Whether the code of components can be compiled: each is compiled once, and what was found is kept.
import { AgentError } from '../../errors.ts';
import { withinMemory } from '../child-limits.ts';
import type { DigestCache } from '../digest-cache.ts';
import { Findings } from '../finding.ts';
import type { Finding, Inquiry, Subject } from '../finding.ts';
import {
  compilers,
  compilingLimits,
  compilingProgram,
  compilingVersion,
  notValid,
  verdictOf,
} from './compiling.ts';
import type { CompilingLimits } from './compiling.ts';

export interface Code {
  /** As codeDigest says. */
  readonly digest: string;
  /** Exactly those that are compiled once they are known to be good. */
  readonly modules: readonly Uint8Array[];
}

/**
 * @returns the most that its machine code takes, in bytes
 * @throws AgentError AGENT_COMPONENT_INVALID: it is not valid; AGENT_COMPONENT_REFUSED: it is too dear;
 *   AGENT_COMPONENT_UNTRIED: nobody knows
 */
export type CodeCheck = (code: Code) => number;

/** Of the package's own components, which whoever changes them could change the agent instead of. */
export const trustedCode: CodeCheck = () => 0;

const maxRemembered = 1024;

function codeBytesOf(verdict: Finding): number {
  return verdict.kind === 'good' ? Number(verdict.text) : 0;
}

/** V8 gives the code of the one compiler up where there is that of the other one. */
function together(verdicts: readonly Finding[]): Finding {
  const worst = ['bad', 'unknown'].flatMap((kind) =>
    verdicts.findIndex((verdict) => verdict.kind === kind),
  );
  const index = worst.find((each) => each >= 0) ?? -1;
  const verdict = verdicts[index];
  if (verdict === undefined || verdict.kind === 'good') {
    return { kind: 'good', text: String(Math.max(...verdicts.map(codeBytesOf))) };
  }
  if (verdict.reason === notValid) return verdict;
  return { ...verdict, reason: `by the ${compilers[index]} compiler: ${verdict.reason}` };
}

export function invalidCode(cause?: unknown): AgentError {
  return new AgentError('AGENT_COMPONENT_INVALID', 'core module does not compile', { cause });
}

/** @throws as CodeCheck */
function judge(verdict: Finding | undefined): number {
  if (verdict?.kind === 'good') return codeBytesOf(verdict);
  if (verdict?.kind === 'bad' && verdict.reason === notValid) throw invalidCode();
  if (verdict?.kind === 'bad') {
    throw new AgentError(
      'AGENT_COMPONENT_REFUSED',
      `its code is too expensive to compile: make its functions smaller and simpler (${verdict.reason})`,
    );
  }
  const reason = verdict?.reason ?? 'it was not compiled yet';
  throw new AgentError(
    'AGENT_COMPONENT_UNTRIED',
    `cannot determine whether its code compiles: try again (${reason})`,
  );
}

export class Verdicts {
  readonly #findings: Findings;
  readonly #limits: CompilingLimits;
  readonly #version: string;

  constructor(cache: DigestCache, limits: CompilingLimits = compilingLimits) {
    this.#findings = new Findings(cache, maxRemembered);
    this.#limits = limits;
    const { v8 } = process.versions;
    this.#version = `V8 ${v8} on ${process.arch} within ${JSON.stringify(limits)} by ${compilingVersion}`;
  }

  /** Waits for the child where nothing is known yet. */
  readonly check: CodeCheck = (code) => {
    const subject = this.#subject(code);
    return judge(
      this.#findings.known(subject) ?? this.#findings.findOut(subject, this.#inquiry(code)),
    );
  };

  /** Waits for nothing. */
  readonly checkKnown: CodeCheck = (code) => {
    return judge(this.#findings.known(this.#subject(code)));
  };

  /** So that it is known. @returns undefined: it is; else what finds it out, and never rejects */
  prepare(code: Code): (() => Promise<void>) | undefined {
    const subject = this.#subject(code);
    if (this.#findings.known(subject) !== undefined) return undefined;
    return async () => {
      // somebody else may have wanted the same
      if (this.#findings.known(subject) !== undefined) return;
      await this.#findings.findOutLater(subject, this.#inquiry(code));
    };
  }

  #subject({ digest }: Code): Subject {
    return { digest, version: this.#version };
  }

  #inquiry({ modules }: Code): () => Inquiry {
    return () => {
      const given = withinMemory(this.#limits);
      return {
        programs: compilers.map((compiler) => compilingProgram(modules, compiler, given)),
        conclude: (ends) => together(ends.map((end) => verdictOf(end, this.#limits, given))),
      };
    };
  }
}
