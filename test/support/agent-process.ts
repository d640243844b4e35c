// SPDX-License-Identifier: Apache-2.0
// The agent as a process of its own, started by the command that users start.
import { RunningCommand, seccompagent } from './command.ts';
import type { CommandResult } from './command.ts';
import { isRecord, recordsOf, wantedText } from './log-records.ts';
import type { AnyEvent, LogRecord, WantedFields } from './log-records.ts';
import { patient } from './patience.ts';
import { until } from './polling.ts';

/** Tests with many pods take minutes on a busy machine. */
const deadlineMs = 600_000;
const listeningMs = patient(120_000);

interface StartingAgent {
  readonly process: AgentProcess;
  readonly listening: Promise<unknown>;
}

export class AgentProcess implements AsyncDisposable {
  readonly #running: RunningCommand;

  private constructor(running: RunningCommand) {
    this.#running = running;
  }

  /** Resolves once runtimes can connect. */
  static async start(socketFile: string, ...options: readonly string[]): Promise<AgentProcess> {
    return AgentProcess.#once(AgentProcess.starting(socketFile, ...options));
  }

  /** As `start`, by a command that executes its last arguments. */
  static async startBy(
    wrapper: readonly string[],
    socketFile: string,
    ...options: readonly string[]
  ): Promise<AgentProcess> {
    const command = [...wrapper, seccompagent];
    return AgentProcess.#once(AgentProcess.#starting(command, { socketFile, options }));
  }

  /** One that does not listen in time is ended. */
  static async #once({ process, listening }: StartingAgent): Promise<AgentProcess> {
    const late = setTimeout(() => {
      process.signal('SIGKILL');
    }, listeningMs);
    await listening.finally(() => {
      clearTimeout(late);
    });
    return process;
  }

  /** While it starts, too. */
  static starting(socketFile: string, ...options: readonly string[]): StartingAgent {
    return AgentProcess.#starting([seccompagent], { socketFile, options });
  }

  static #starting(
    [program = seccompagent, ...words]: readonly string[],
    { socketFile, options }: { readonly socketFile: string; readonly options: readonly string[] },
  ): StartingAgent {
    // at the default one, an agent of another test or of this machine may be: that is logged
    const sockets = [`-socketfile=${socketFile}`, '-control-socket=none'];
    const running = new RunningCommand([program, ...words, ...sockets, ...options], { deadlineMs });
    const listening = running.printed(/\bagent-listening\b.*\n/u);
    // whoever needs it awaits it; nobody else is to fail
    listening.catch(() => undefined);
    return { process: new AgentProcess(running), listening };
  }

  get pid(): number {
    return this.#running.pid;
  }

  get log(): string {
    return this.#running.stderr;
  }

  get records(): readonly LogRecord[] {
    return recordsOf(this.log);
  }

  /** Resolves with such a record, once there are so many. */
  async logged(event: AnyEvent, fields: WantedFields = {}, times = 1): Promise<LogRecord> {
    const found = (): LogRecord | undefined => {
      const hasEnded = this.#running.hasEnded;
      const record = this.records.filter((each) => isRecord(each, event, fields))[times - 1];
      if (record === undefined && hasEnded) throw new Error('the agent has ended');
      return record;
    };
    return until(wantedText(event, fields), found).catch((cause: unknown) => {
      throw new Error(`this was logged:\n${this.log}`, { cause });
    });
  }

  signal(signal: NodeJS.Signals): void {
    this.#running.kill(signal);
  }

  /** Ends it by a signal. */
  async stop(signal: NodeJS.Signals): Promise<CommandResult> {
    this.#running.kill(signal);
    return this.#running.ended;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#running[Symbol.asyncDispose]();
  }
}
