// SPDX-License-Identifier: Apache-2.0
// The components of a worker. It gets those that it may need, and ids of those to forget; both wait in
// its port until it has time, and until then all of them are in memory.
import type { LoadedComponent } from '../handler/direct.ts';
import type { CodeSize } from '../bundles/code-room.ts';
import type { ComponentMessage } from './thread-messages.ts';

/** Until then, a worker that handles no call has heard of it. */
const patienceMs = 1000;

interface Forgotten {
  readonly size: CodeSize;
  /** Of the message that says so. */
  readonly number: number;
  readonly toldMs: number;
}

/** In the worker: tells how many messages it has taken from its port. */
export class TakenMessages {
  readonly #count: Int32Array;

  constructor(buffer: SharedArrayBuffer) {
    this.#count = new Int32Array(buffer);
  }

  get count(): number {
    return Atomics.load(this.#count, 0);
  }

  add(): void {
    Atomics.add(this.#count, 0, 1);
  }
}

export interface SentComponentsParts {
  readonly send: (message: ComponentMessage) => void;
  /** Shared with the worker. */
  readonly taken: SharedArrayBuffer;
  readonly now?: () => number;
}

/** On the main thread, of one worker. */
export class SentComponents {
  readonly #send: (message: ComponentMessage) => void;
  readonly #taken: TakenMessages;
  readonly #now: () => number;
  readonly #known: Map<string, CodeSize> = new Map();
  #forgotten: Forgotten[] = [];
  #sent = 0;
  #isLost = false;

  constructor({ send, taken, now = () => performance.now() }: SentComponentsParts) {
    this.#send = send;
    this.#taken = new TakenMessages(taken);
    this.#now = now;
  }

  add(component: LoadedComponent): void {
    if (this.#isLost) return;
    const { id, codeBytes } = component;
    this.#known.set(id, { id, codeBytes });
    this.#tell(component);
  }

  forget(id: string): void {
    const size = this.#known.get(id);
    if (size === undefined) return;
    this.#known.delete(id);
    if (!this.#isLost) this.#tell({ forget: id });
    const number = this.#isLost ? Infinity : this.#sent;
    this.#forgotten.push({ size, number, toldMs: this.#now() });
  }

  /** It takes nothing more, and keeps what it has until it has ended, whenever that is. */
  lose(): void {
    this.#isLost = true;
  }

  /** Forgotten components that it still has. */
  get left(): readonly CodeSize[] {
    const untilMs = this.#isLost ? Infinity : this.#now() - patienceMs;
    return this.#untaken.filter(({ toldMs }) => toldMs <= untilMs).map(({ size }) => size);
  }

  /** As `left`, also of a worker that was told just now. */
  get leftIds(): readonly string[] {
    return this.#untaken.map(({ size }) => size.id);
  }

  get #untaken(): readonly Forgotten[] {
    if (this.#forgotten.length === 0) return [];
    const { count } = this.#taken;
    this.#forgotten = this.#forgotten.filter(({ number }) => number > count);
    return this.#forgotten;
  }

  #tell(message: ComponentMessage): void {
    this.#sent += 1;
    this.#send(message);
  }
}
