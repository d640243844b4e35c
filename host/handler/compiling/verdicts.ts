// SPDX-License-Identifier: Apache-2.0
// Whether the code of components can be compiled: each is compiled once, and what was found is kept.
import { AgentError } from '../../errors.ts';
import { runProgram, runProgramSync } from '../../program.ts';
import type { DigestCache } from '../digest-cache.ts';
import {
  compilers,
  compilingLimits,
  compilingProgram,
  compilingVersion,
  verdictOf,
} from './compiling.ts';
import type { Compiler, CompilingLimits, Verdict } from './compiling.ts';

export interface Code {
  /** As codeDigest says. */
  readonly digest: string;
  readonly modules: readonly Uint8Array[];
}

/** @throws AgentError AGENT_COMPONENT_REFUSED: it cannot be compiled */
export type CodeCheck = (code: Code) => void;

/** Of the package's own components, which whoever changes them could change the agent instead of. */
export const trustedCode: CodeCheck = () => undefined;

/** What was bad may have been so for want of the machine's memory: it is tried again some day. */
const badForMs = 24 * 3_600_000;
/** A container that tries again soon is not to make us try as well. */
const unknownForMs = 30_000;
const mostRemembered = 1024;

interface Remembered {
  readonly verdict: Verdict;
  readonly untilMs: number;
}

type Ended = readonly [compiler: Compiler, verdict: Verdict];

function together(ended: readonly Ended[]): Verdict {
  const [compiler, verdict] = ended.find(([, { kind }]) => kind === 'bad') ??
    ended.find(([, { kind }]) => kind === 'unknown') ?? ['baseline', { kind: 'good' }];
  return verdict.kind === 'good'
    ? verdict
    : { ...verdict, reason: `by the ${compiler} compiler: ${verdict.reason}` };
}

export class Verdicts {
  readonly #cache: DigestCache;
  readonly #limits: CompilingLimits;
  readonly #version: string;
  readonly #remembered: Map<string, Remembered> = new Map();
  readonly #running: Map<string, Promise<void>> = new Map();
  #last: Promise<void> = Promise.resolve();

  constructor(cache: DigestCache, limits: CompilingLimits = compilingLimits) {
    this.#cache = cache;
    this.#limits = limits;
    const { v8 } = process.versions;
    this.#version = `V8 ${v8} on ${process.arch} within ${JSON.stringify(limits)} by ${compilingVersion}`;
  }

  /** Waits for the child where nothing is known yet. @throws AgentError AGENT_COMPONENT_REFUSED */
  readonly check: CodeCheck = (code) => {
    const verdict = this.#known(code) ?? this.#keep(code, this.#compile(code));
    if (verdict.kind === 'good') return;
    const what =
      verdict.kind === 'bad'
        ? 'its code is too dear to compile: make its functions smaller and simpler'
        : 'nobody knows whether its code can be compiled: try it again';
    throw new AgentError('AGENT_COMPONENT_REFUSED', `${what} (${verdict.reason})`);
  };

  /** So that `check` needs not wait. It never rejects. @returns undefined: it need not */
  prepare(code: Code): Promise<void> | undefined {
    if (this.#known(code) !== undefined) return undefined;
    const running = this.#running.get(code.digest) ?? this.#inTurn(code);
    this.#running.set(code.digest, running);
    return running;
  }

  /** One after the other: whoever starts containers may name many. */
  async #inTurn(code: Code): Promise<void> {
    const before = this.#last;
    const mine = before.then(async () => this.#compileLater(code));
    this.#last = mine;
    await mine;
    this.#running.delete(code.digest);
  }

  #known(code: Code): Verdict | undefined {
    const remembered = this.#remembered.get(code.digest);
    if (remembered !== undefined && Date.now() < remembered.untilMs) return remembered.verdict;
    const kept = parse(this.#cache.read(code.digest, this.#version));
    if (kept === undefined || Date.now() >= kept.untilMs) return undefined;
    this.#remember(code, kept);
    return kept.verdict;
  }

  #remember({ digest }: Code, remembered: Remembered): void {
    this.#remembered.set(digest, remembered);
    const [oldest = ''] = this.#remembered.keys();
    if (this.#remembered.size > mostRemembered) this.#remembered.delete(oldest);
  }

  #keep(code: Code, verdict: Verdict): Verdict {
    const forMs = { good: Infinity, bad: badForMs, unknown: unknownForMs }[verdict.kind];
    const untilMs = Math.min(Date.now() + forMs, Number.MAX_SAFE_INTEGER);
    this.#remember(code, { verdict, untilMs });
    if (verdict.kind !== 'unknown') {
      this.#cache.write(code.digest, this.#version, JSON.stringify({ verdict, untilMs }));
    }
    return verdict;
  }

  #compile({ modules }: Code): Verdict {
    return together(
      compilers.map((compiler) => {
        const program = compilingProgram(modules, compiler, this.#limits);
        return [compiler, verdictOf(runProgramSync(program), this.#limits)];
      }),
    );
  }

  async #compileLater(code: Code): Promise<void> {
    const ended: Ended[] = [];
    try {
      for (const compiler of compilers) {
        const program = compilingProgram(code.modules, compiler, this.#limits);
        ended.push([compiler, verdictOf(await runProgram(program), this.#limits)]);
      }
      this.#keep(code, together(ended));
    } catch (thrown) {
      // nothing could be started
      this.#keep(code, { kind: 'unknown', reason: String(thrown) });
    }
  }
}

function parse(text: string | undefined): Remembered | undefined {
  if (text === undefined) return undefined;
  // the cache has compared it with its hash: we have written it
  const { verdict, untilMs }: { verdict: Verdict; untilMs: number } = JSON.parse(text);
  return { verdict, untilMs };
}
