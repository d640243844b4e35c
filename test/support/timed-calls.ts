// SPDX-License-Identifier: Apache-2.0
// Starts test/support/timed-calls.c, a container with many calls, and reads what they gave.
import type { Workload } from '../../host/agent-socket/workload.ts';
import { RunningCommand } from './command.ts';
import type { CommandResult } from './command.ts';
import { compiled } from './compile.ts';
import { environmentOf } from './workload-environment.ts';

export interface TimedCallsOptions {
  readonly socket: string;
  /** `getpgid:NUMBER`, or `mkdir:PREFIX`, each under a name of its own. */
  readonly call: string;
  readonly metadata?: string;
  readonly id?: string;
  /** Its Kubernetes workload. */
  readonly workload?: Workload;
  readonly threads?: number;
  /** Of each thread; 0: until `finish`. */
  readonly calls?: number;
  readonly pauseUs?: number;
  /** How often each thread gets a signal. */
  readonly signalUs?: number;
  /** Its handler asks for no restarts: the program makes a call again that gave EINTR. */
  readonly repeatsItself?: boolean;
  readonly isWaitKillable?: boolean;
  /** A command that executes it: its last arguments. */
  readonly wrapper?: readonly string[];
}

export interface TimedCallsResult {
  /** How many calls gave what: OK, or the errno's name. */
  readonly answers: Readonly<Record<string, number>>;
  readonly calls: number;
  readonly signals: number;
  /** How many calls the program has made again. */
  readonly repeats: number;
  readonly p50Ms: number;
  readonly p99Ms: number;
  readonly maxMs: number;
  /** From the first call to the end of the last one. */
  readonly tookMs: number;
  /** Of each call, where their number was given. */
  readonly eachMs: readonly number[];
}

const lifeMs = 100_000;
const nsPerMs = 1e6;

function parseResult({ code, signal, stdout, stderr }: CommandResult): TimedCallsResult {
  if (code !== 0) throw new Error(`timed-calls ended with ${signal ?? code}: ${stdout}${stderr}`);
  const answers: Record<string, number> = {};
  const numbers = new Map<string, number>();
  const eachMs: number[] = [];
  for (const line of stdout.split('\n')) {
    const [word = '', first = '', second = ''] = line.split(' ');
    if (word === 'answer') answers[first] = Number(second);
    else if (word === 'call') eachMs.push(Number(second) / nsPerMs);
    else numbers.set(word, Number(first));
  }
  const number = (word: string): number => numbers.get(word) ?? Number.NaN;
  return {
    answers,
    calls: number('calls'),
    signals: number('signals'),
    repeats: number('repeats'),
    p50Ms: number('p50') / nsPerMs,
    p99Ms: number('p99') / nsPerMs,
    maxMs: number('max') / nsPerMs,
    tookMs: number('took') / nsPerMs,
    eachMs,
  };
}

export class TimedCalls implements AsyncDisposable {
  readonly #running: RunningCommand;

  constructor(options: TimedCallsOptions) {
    const { socket, call, metadata, id, threads, calls, pauseUs, signalUs, wrapper = [] } = options;
    const chosen: readonly (readonly [letter: string, value: string | number | undefined])[] = [
      ['-s', socket],
      ['-m', metadata],
      ['-i', id],
      ['-t', threads],
      ['-n', calls],
      ['-p', pauseUs],
      ['-S', signalUs],
    ];
    const [first, ...rest] = [
      ...wrapper,
      compiled('timed-calls'),
      ...chosen.flatMap(([letter, value]) => (value === undefined ? [] : [letter, String(value)])),
      ...(options.isWaitKillable === true ? ['-k'] : []),
      ...(options.repeatsItself === true ? ['-e'] : []),
      ...(calls === 0 ? [] : ['-v']),
      '-w',
      call,
    ];
    this.#running = new RunningCommand([first, ...rest], {
      environment: environmentOf(options.workload),
      deadlineMs: lifeMs,
    });
  }

  get pid(): number {
    return this.#running.pid;
  }

  /** Resolves once the container and its threads are there; no call is made before `begin`. */
  async ready(): Promise<void> {
    await this.#running.printed(/^ready$/mu);
  }

  /** Lets the calls begin. */
  begin(): void {
    this.#running.write('\n');
  }

  /** No further call is made by threads that call until then. */
  finish(): void {
    this.#running.endInput();
  }

  /**
   * What the calls gave, once all are made.
   * @throws Error when it ends otherwise
   */
  async result(): Promise<TimedCallsResult> {
    return parseResult(await this.#running.ended);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#running[Symbol.asyncDispose]();
  }
}
