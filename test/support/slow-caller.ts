// SPDX-License-Identifier: Apache-2.0
// Starts test/support/slow-memory.c and test/support/slow-filesystem.c, containers that keep whoever
// answers their calls waiting.
import type { Asked } from './asked-caller.ts';
import { RunningCommand } from './command.ts';
import { compiled } from './compile.ts';

export interface SlowCallerOptions {
  readonly socket: string;
  /** The bundle's name. */
  readonly metadata: string;
  readonly id?: string;
  readonly threads: number;
}

export interface SlowFilesystemOptions extends SlowCallerOptions {
  /** An empty one, where it mounts its root for itself alone. */
  readonly folder: string;
  /** Whether those who wait for the file system can be killed. */
  readonly isKillable: boolean;
  /** It mounts there, in place of making directories. */
  readonly isMounting?: boolean;
  /** It makes device nodes there: the file system makes them, and says nothing of them. */
  readonly isMakingNodes?: boolean;
}

const lifeMs = 50_000;
const nsPerMs = 1e6;

export class SlowCaller implements AsyncDisposable {
  readonly #running: RunningCommand;

  private constructor(program: string, options: SlowCallerOptions, rest: readonly string[]) {
    const { socket, metadata, id, threads } = options;
    const named = ['-s', socket, '-m', metadata, ...(id === undefined ? [] : ['-i', id])];
    this.#running = new RunningCommand(
      [compiled(program), ...named, '-t', String(threads), ...rest],
      { deadlineMs: lifeMs },
    );
  }

  /** One that calls without an end, with paths in memory that never comes. */
  static withSlowMemory(options: SlowCallerOptions): SlowCaller {
    return new SlowCaller('slow-memory', options, []);
  }

  /** One whose threads make a directory each, in a file system that never answers. */
  static withSlowFilesystem(options: SlowFilesystemOptions): SlowCaller {
    const { folder, isKillable, isMounting = false, isMakingNodes = false } = options;
    const letters = [
      ...(isKillable ? ['-u'] : []),
      ...(isMounting ? ['-M'] : []),
      ...(isMakingNodes ? ['-n'] : []),
    ];
    return new SlowCaller('slow-filesystem', options, [...letters, folder]);
  }

  /** Resolves once it is a container; its calls begin. */
  async ready(): Promise<void> {
    await this.#running.printed(/^ready$/mu);
  }

  /** Results of its calls so far. */
  get answers(): readonly Asked[] {
    const lines = this.#running.stdout.matchAll(/^(?<answer>[A-Z]\w*) (?<ns>\d+)$/gmu);
    return [...lines].map(({ groups }) => ({
      answer: groups?.['answer'] ?? '',
      tookMs: Number(groups?.['ns']) / nsPerMs,
    }));
  }

  /**
   * Resolves once all calls on a slow file system are answered: with how many questions that has
   * read and left without an answer.
   */
  async asked(): Promise<number> {
    const { groups } = await this.#running.printed(/^asked (?<count>\d+)$/mu);
    return Number(groups?.['count']);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#running[Symbol.asyncDispose]();
  }
}
