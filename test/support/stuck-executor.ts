// SPDX-License-Identifier: Apache-2.0
// Starts test/support/stuck-executor.c, a container whose process executes a program for as long as it
// likes. While it does, whatever looks through all processes of this machine hangs.
import { RunningCommand } from './command.ts';
import { compiled } from './compile.ts';
import { TemporaryFolder } from './temporary-folder.ts';

export interface StuckExecutorOptions {
  readonly socket: string;
  /** The bundle's name, for agents whose containers choose. */
  readonly metadata?: string;
  readonly id?: string;
  /** Who it is, and connects; absent: root. */
  readonly user?: number;
  /** Its message is completed by `finish`. */
  readonly isLate?: boolean;
  /** The first process that its state says; absent: its own one, 0: none. */
  readonly first?: number;
  /** A command that executes it: its last arguments. */
  readonly wrapper?: readonly string[];
}

const lifeMs = 100_000;

export class StuckExecutor implements AsyncDisposable {
  readonly #folder = new TemporaryFolder();
  readonly #running: RunningCommand;

  constructor(options: StuckExecutorOptions) {
    const { socket, metadata, id, user, isLate, first, wrapper = [] } = options;
    const words = [
      ['-s', socket],
      ...(metadata === undefined ? [] : [['-m', metadata]]),
      ...(id === undefined ? [] : [['-i', id]]),
      ...(user === undefined ? [] : [['-u', String(user)]]),
      ...(isLate === true ? [['-l']] : []),
      ...(first === undefined ? [] : [['-f', String(first)]]),
      [this.#folder.path],
    ];
    const [program, ...rest] = [...wrapper, compiled('stuck-executor')];
    this.#running = new RunningCommand([program, ...rest, ...words.flat()], { deadlineMs: lifeMs });
  }

  /** Of the container's process, once that has sent its state. */
  async pid(): Promise<number> {
    const { groups } = await this.#running.printed(/^(?<pid>\d+)\n/u);
    return Number(groups?.['pid']);
  }

  /** Resolves once it waits in the middle of that. */
  async execute(): Promise<void> {
    await this.pid();
    this.#running.write('execute\n');
    await this.#running.printed(/^stuck\n/mu);
  }

  /** Completes the message. */
  async finish(): Promise<void> {
    this.#running.write('finish\n');
    await this.#running.printed(/^sent\n/mu);
  }

  /** Another process of the container makes a directory. @returns the answer */
  async call(): Promise<string> {
    this.#running.write('call\n');
    const { groups } = await this.#running.printed(/^(?<answer>[A-Z]+)\n/mu);
    return groups?.['answer'] ?? '';
  }

  async [Symbol.asyncDispose](): Promise<void> {
    using _folder = this.#folder;
    this.#running.endInput();
    await this.#running.ended;
  }
}
