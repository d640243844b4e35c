// SPDX-License-Identifier: Apache-2.0
// Starts test/support/asked-caller.c, a container that makes the calls it is told to, one by one.
import type { Workload } from '../../host/agent-socket/workload.ts';
import { RunningCommand } from './command.ts';
import { compiled } from './compile.ts';
import { environmentOf } from './workload-environment.ts';

export interface Asked {
  /** The number that the call returned, or the errno's name. */
  readonly answer: string;
  readonly tookMs: number;
}

export interface AskedCallerOptions {
  readonly socket: string;
  /** The bundle's name, for agents whose containers choose. */
  readonly metadata?: string;
  readonly id?: string;
  /** Its Kubernetes workload. */
  readonly workload?: Workload;
  /** An OCI bundle whose profile has SECCOMP_FILTER_FLAG_WAIT_KILLABLE_RECV. */
  readonly killableBundle?: string;
  /** Who runs it, as whom it connects, too; absent: root. */
  readonly user?: number;
  /** A command that executes it: its last arguments. */
  readonly wrapper?: readonly string[];
}

const lifeMs = 100_000;
const nsPerMs = 1e6;

export class AskedCaller implements AsyncDisposable {
  readonly #running: RunningCommand;
  #answered = 0;

  constructor(asking: AskedCallerOptions) {
    const { socket, metadata, id, workload, killableBundle, user, wrapper = [] } = asking;
    const options = [
      ['-s', socket],
      ...(metadata === undefined ? [] : [['-m', metadata]]),
      ...(id === undefined ? [] : [['-i', id]]),
      ...(killableBundle === undefined ? [] : [['-k', killableBundle]]),
      ...(user === undefined ? [] : [['-u', String(user)]]),
    ];
    const [program, ...words] = [...wrapper, compiled('asked-caller')];
    this.#running = new RunningCommand([program, ...words, ...options.flat()], {
      environment: environmentOf(workload),
      deadlineMs: lifeMs,
    });
  }

  get pid(): number {
    return this.#running.pid;
  }

  /**
   * Makes a call, as asked-caller.c has them: `getpgid 0`, `mkdir /x`.
   * @throws Error when the container ends without an answer
   */
  async ask(call: string): Promise<Asked> {
    const asked = this.#ask(call, this.#answered);
    this.#answered += 1;
    // whoever needs it awaits it; nobody else is to fail
    asked.catch(() => undefined);
    return asked;
  }

  async #ask(call: string, index: number): Promise<Asked> {
    this.#running.write(`${call}\n`);
    const lines = `^(?:.*\\n){${index}}(?<answer>\\S+) (?<ns>\\d+)\\n`;
    const { groups } = await this.#running.printed(new RegExp(lines, 'u'));
    return { answer: groups?.['answer'] ?? '', tookMs: Number(groups?.['ns']) / nsPerMs };
  }

  /** Lets the container end. */
  end(): void {
    this.#running.endInput();
  }

  /** Resolves once it has been ended from outside: with the signal that did it. */
  async killed(): Promise<NodeJS.Signals | null> {
    const { signal } = await this.#running.ended;
    return signal;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#running[Symbol.asyncDispose]();
  }
}
