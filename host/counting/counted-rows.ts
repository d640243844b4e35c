// SPDX-License-Identifier: Apache-2.0
// Counts by labels, for a limited number of their sets: names come from outside.
import { CallCounts, other } from './counters.ts';

/** A set of labels, and what slots have counted for it that do so no more. */
export interface CountedRow<T extends string> {
  readonly labels: Readonly<Record<T, string>>;
  readonly counts: CallCounts;
}

export class CountedRows<T extends string> {
  readonly #max: number;
  readonly #rows: Map<string, CountedRow<T>> = new Map();

  /** @param most of sets; all others share one more */
  constructor(max: number) {
    this.#max = max;
  }

  get size(): number {
    return this.#rows.size;
  }

  has(labels: Readonly<Record<T, string>>): boolean {
    return this.#rows.has(keyOf(labels));
  }

  get isFull(): boolean {
    return this.#rows.size >= this.#max;
  }

  values(): Iterable<CountedRow<T>> {
    return this.#rows.values();
  }

  /** @param rest the labels of those that have no room */
  rowOf(labels: Readonly<Record<T, string>>, rest: Readonly<Record<T, string>>): CountedRow<T> {
    const known = this.#rows.get(keyOf(labels));
    if (known !== undefined) return known;
    return this.#add(this.isFull ? rest : labels);
  }

  #add(labels: Readonly<Record<T, string>>): CountedRow<T> {
    const key = keyOf(labels);
    const row = this.#rows.get(key) ?? { labels, counts: new CallCounts() };
    this.#rows.set(key, row);
    return row;
  }
}

/** Of labels that are asked for again and again: each slot has its own. */
const knownKeys = new WeakMap<object, string>();

function keyOf(labels: Readonly<Record<string, string>>): string {
  const known = knownKeys.get(labels);
  if (known !== undefined) return known;
  const key = JSON.stringify(Object.values(labels));
  knownKeys.set(labels, key);
  return key;
}

type RequestLabel = 'namespace' | 'syscall' | 'status';
export type RequestRow = CountedRow<RequestLabel>;

/** At a time; more of them are `other`. */
export const maxNamespaces = 100;
const maxRowsOfNamespace = 128;
const maxRequestRows = 1000;
/** As Kubernetes has it. */
const longestNamespace = 63;

interface Namespace {
  readonly rows: CountedRows<RequestLabel>;
  /** Containers that are there. */
  containers: number;
}

/**
 * The calls of namespaces. One whose containers are all gone keeps what it has until another one needs
 * the room: then that which has been without containers for the longest is forgotten. So no sum ever
 * goes down that is still shown.
 */
export class RequestRows {
  /** Those without containers in the order in which they came to have none. */
  readonly #namespaces: Map<string, Namespace> = new Map();
  #rowCount = 0;

  constructor() {
    for (const name of ['', other]) this.#add(name).containers = 1;
  }

  /** A container has come. @returns how its namespace is called here */
  enter(name: string): string {
    const namespace = this.#namespaces.get(name) ?? this.#make(name);
    if (namespace === undefined) return other;
    namespace.containers += 1;
    return name;
  }

  /** A container is gone. @param name what `enter` has returned */
  leave(name: string): void {
    const namespace = this.#namespaces.get(name);
    if (namespace === undefined) return;
    namespace.containers -= 1;
    if (namespace.containers > 0) return;
    this.#namespaces.delete(name);
    this.#namespaces.set(name, namespace);
  }

  rowOf(name: string, syscall: string, status: string): RequestRow {
    const namespace = this.#namespaces.get(name);
    // its last container has been gone for long
    if (namespace === undefined) return this.rowOf(other, syscall, status);
    const labels = { namespace: name, syscall, status };
    const rest = { namespace: name, syscall: other, status: other };
    const hasRoom = namespace.rows.has(labels) || this.#makeRoom(name);
    const before = namespace.rows.size;
    const row = namespace.rows.rowOf(hasRoom ? labels : rest, rest);
    this.#rowCount += namespace.rows.size - before;
    return row;
  }

  *values(): Iterable<RequestRow> {
    for (const { rows } of this.#namespaces.values()) yield* rows.values();
  }

  #make(name: string): Namespace | undefined {
    if (name.length > longestNamespace) return undefined;
    if (this.#namespaces.size < maxNamespaces || this.#forgetOne()) return this.#add(name);
    return undefined;
  }

  #add(name: string): Namespace {
    const made = { rows: new CountedRows<RequestLabel>(maxRowsOfNamespace), containers: 0 };
    this.#namespaces.set(name, made);
    return made;
  }

  #makeRoom(forWhom: string): boolean {
    while (this.#rowCount >= maxRequestRows) if (!this.#forgetOne(forWhom)) return false;
    return true;
  }

  #forgetOne(except?: string): boolean {
    for (const [name, { containers, rows }] of this.#namespaces) {
      if (containers > 0 || name === except) continue;
      this.#namespaces.delete(name);
      this.#rowCount -= rows.size;
      return true;
    }
    return false;
  }
}
