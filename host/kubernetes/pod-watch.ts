// SPDX-License-Identifier: Apache-2.0
// Keeps the known pods by a list and a watch of the pods of one node. The informer of
// @kubernetes/client-node does not do: it keeps whole pods and whole lists, reads lines of any length,
// drops what is no JSON, asks for no bookmarks, and stops at the first error.
import type { IncomingMessage } from 'node:http';
import { setTimeout as pause } from 'node:timers/promises';

import { AgentError, failureFields, messageOf } from '../errors.ts';
import type { Log } from '../log/log.ts';
import { escaped } from '../terminal-text.ts';
import { ApiFailure, httpStatus } from './api-client.ts';
import { MalformedAnswer } from './malformed-answer.ts';
import type { ApiClient } from './api-client.ts';
import { BackOff } from '../scheduling/back-off.ts';
import type { BackOffLimits } from '../scheduling/back-off.ts';
import { JsonSplitter, tooLarge } from './json-splitter.ts';
import { podOf, resourceVersionOf } from './pod.ts';
import type { Pod } from './pod.ts';
import { maxPods } from './known-pods.ts';
import type { KnownPods } from './known-pods.ts';

export interface WatchTimings {
  readonly backOff: BackOffLimits;
  /** For the head of an answer. */
  readonly answerMs: number;
  /** For all of a list. */
  readonly listMs: number;
  /** Longest silence of a watch: bookmarks come about each minute. */
  readonly silenceMs: number;
  /** A failure that lasts so long is reported. */
  readonly steadyMs: number;
  /** After so long, a failure is a new one. */
  readonly calmMs: number;
}

/** A try that hangs and the pause behind it take less than 10 s: so soon is a server that is back found. */
export const defaultTimings: WatchTimings = {
  backOff: { firstMs: 500, maxMs: 4000 },
  answerMs: 5000,
  listMs: 60_000,
  silenceMs: 180_000,
  steadyMs: 1000,
  calmMs: 60_000,
};

export interface PodWatchParts {
  readonly client: ApiClient;
  readonly nodeName: string;
  readonly known: KnownPods;
  readonly log: Log;
  readonly timings?: Partial<WatchTimings>;
}

const path = '/api/v1/pods';
const maxShown = 300;
/** Servers end watches after so long; as informers have it, with as much again by chance. */
const watchSeconds = 300;
const mebibyte = 1024 * 1024;
/**
 * Pods of a large node take some 20 MiB. etcd keeps objects of 1.5 MiB, and API servers write six bytes
 * for some characters: the largest are left out, and a node has room for all of its pods to be such.
 */
const limits = {
  itemBytes: 2 * mebibyte,
  maxItemBytes: 32 * mebibyte,
  frameBytes: mebibyte,
  listBytes: 1024 * mebibyte,
} as const;
/** Those that have ended are kept by the API, and may be very many. */
const unended = 'status.phase!=Succeeded,status.phase!=Failed';

/** Events without a resource version to continue from. */
const passingStatuses: readonly number[] = [401, 403, 429, 500, 503];

/** A resource version that the server has forgotten is no failure. */
function isGone(thrown: unknown): boolean {
  return thrown instanceof ApiFailure && thrown.status === httpStatus.gone;
}

/** Whether the next watch may begin where this one ended: nothing is wrong with what was said. */
function mayGoOn(thrown: unknown): boolean {
  if (thrown instanceof ApiFailure) return passingStatuses.includes(thrown.status);
  return !(thrown instanceof MalformedAnswer);
}

function fieldOf(json: unknown, field: string): unknown {
  return typeof json === 'object' && json !== null
    ? new Map<string, unknown>(Object.entries(json)).get(field)
    : undefined;
}

export class PodWatch {
  readonly #parts: PodWatchParts;
  readonly #timings: WatchTimings;
  readonly #backOff: BackOff;
  readonly #ending = new AbortController();
  /** Version at which a watch goes on; undefined: none, a list is needed. */
  #version: string | undefined;
  /** Whether the server has said that it does not remember. */
  #isGone = false;
  #isSynced = false;
  #failure: string | undefined;
  #hasSucceeded = false;
  #hasTooMany = false;
  #hasTooLarge = false;
  #gonesInRow = 0;

  constructor(parts: PodWatchParts) {
    this.#parts = parts;
    this.#timings = { ...defaultTimings, ...parts.timings };
    this.#backOff = new BackOff(this.#timings.backOff);
  }

  /** Whether all pods of the node were read, once. */
  get isSynced(): boolean {
    return this.#isSynced;
  }

  /** Why it does not work now. */
  get failure(): string | undefined {
    return this.#failure;
  }

  /** Resolves when it was ended. It never rejects. */
  async run(): Promise<void> {
    const { signal } = this.#ending;
    while (!signal.aborted) {
      try {
        await this.#follow(signal);
      } catch (thrown) {
        if (this.#hasEnded()) return;
        if (this.#mayListAtOnce(thrown)) continue;
        this.#fail(thrown);
        await pause(this.#backOff.next(), undefined, { signal }).catch(() => undefined);
      }
    }
  }

  end(): void {
    this.#ending.abort();
  }

  #hasEnded(): boolean {
    return this.#ending.signal.aborted;
  }

  async #follow(ending: AbortSignal): Promise<void> {
    this.#version ??= await this.#list(ending);
    const began = performance.now();
    try {
      await this.#watch(ending, this.#version);
    } finally {
      if (performance.now() - began >= this.#timings.calmMs) this.#backOff.reset();
    }
    // or it would be asked again and again
    if (performance.now() - began < this.#timings.steadyMs) {
      throw new AgentError('AGENT_KUBERNETES', 'the API server ends watches at once');
    }
  }

  /** @returns the resource version of the list */
  async #list(ending: AbortSignal): Promise<string> {
    const { client, known, nodeName } = this.#parts;
    const signal = AbortSignal.any([ending, AbortSignal.timeout(this.#timings.listMs)]);
    const answer = await client.send({
      method: 'GET',
      path,
      query: {
        ...this.#selector(),
        // what the server has in memory, but for when that is too old
        ...(this.#isGone ? {} : { resourceVersion: '0' }),
      },
      answerMs: this.#timings.answerMs,
      signal,
    });
    const splitter = new JsonSplitter('list', limits);
    const pods: Pod[] = [];
    for await (const json of itemsOf(answer, splitter)) {
      if (json === tooLarge) this.#tellTooLarge();
      const pod = json === tooLarge ? undefined : podOf(json, nodeName);
      if (pod === undefined) continue;
      if (pods.length < maxPods) pods.push(pod);
      else this.#tellTooMany();
    }
    const version = resourceVersionOf(splitter.end());
    known.replace(pods);
    this.#isGone = false;
    this.#isSynced = true;
    return version;
  }

  async #watch(ending: AbortSignal, resourceVersion: string): Promise<void> {
    const { silenceMs, steadyMs, answerMs } = this.#timings;
    const silent = new AbortController();
    const silence = setTimeout(() => silent.abort(), silenceMs);
    const steady = setTimeout(() => this.#succeed(), steadyMs);
    let hasMissed = false;
    try {
      const answer = await this.#parts.client.send({
        method: 'GET',
        path,
        query: {
          ...this.#selector(),
          watch: 'true',
          allowWatchBookmarks: 'true',
          timeoutSeconds: String(Math.round(watchSeconds * (1 + Math.random()))),
          resourceVersion,
        },
        answerMs,
        signal: AbortSignal.any([ending, silent.signal]),
      });
      steady.refresh();
      const splitter = new JsonSplitter('sequence', limits);
      for await (const event of itemsOf(answer, splitter)) {
        silence.refresh();
        if (event === tooLarge) {
          this.#tellTooLarge();
          hasMissed = true;
        } else this.#take(event);
      }
      splitter.end();
    } catch (thrown) {
      // a connection that nobody may be at the other end of is made anew
      if (!silent.signal.aborted) throw thrown;
    } finally {
      clearTimeout(silence);
      clearTimeout(steady);
      // a pod may have gone that is still known
      if (hasMissed) this.#version = undefined;
    }
  }

  #take(event: unknown): void {
    const { known, nodeName } = this.#parts;
    const [type, object] = [fieldOf(event, 'type'), fieldOf(event, 'object')];
    switch (type) {
      case 'ADDED':
      case 'MODIFIED':
      case 'DELETED': {
        const pod = podOf(object, nodeName);
        if (pod === undefined) break;
        if (type === 'DELETED') known.delete(pod.uid);
        else if (!known.set(pod)) this.#tellTooMany();
        break;
      }
      case 'BOOKMARK':
        break;
      case 'ERROR':
        throw failureIn(object);
      default:
        throw new MalformedAnswer('an event of a watch is of no known type');
    }
    this.#version = resourceVersionOf(object);
  }

  #selector(): Readonly<Record<string, string>> {
    return { fieldSelector: `spec.nodeName=${this.#parts.nodeName},${unended}` };
  }

  #succeed(): void {
    const { log, client, nodeName, known } = this.#parts;
    this.#gonesInRow = 0;
    const fields = { api: client.name, node: nodeName, pods: known.size };
    if (this.#failure !== undefined) log.event('kubernetes-available', fields);
    else if (!this.#hasSucceeded) log.event('pods-watched', fields);
    this.#hasSucceeded = true;
    this.#failure = undefined;
  }

  /** Once if the server has forgotten the version: it may forget again and again. */
  #mayListAtOnce(thrown: unknown): boolean {
    if (!isGone(thrown)) return false;
    this.#version = undefined;
    this.#isGone = true;
    this.#gonesInRow += 1;
    return this.#gonesInRow === 1;
  }

  #fail(thrown: unknown): void {
    const { log, client, known } = this.#parts;
    if (!mayGoOn(thrown)) this.#version = undefined;
    const error = messageOf(thrown);
    const isNews = this.#failure === undefined;
    this.#failure = error;
    if (isNews) log.event('kubernetes-unavailable', { api: client.name, ...failureFields(thrown) });
    else log.repeated('kubernetes-unavailable', { api: client.name, ...failureFields(thrown) });
    known.tell();
  }

  #tellTooMany(): void {
    if (this.#hasTooMany) return;
    this.#hasTooMany = true;
    this.#parts.log.event('pods-too-many', { max: maxPods });
  }

  #tellTooLarge(): void {
    if (this.#hasTooLarge) return;
    this.#hasTooLarge = true;
    this.#parts.log.event('pod-too-large', { maxBytes: limits.itemBytes });
  }
}

async function* itemsOf(
  answer: IncomingMessage,
  splitter: JsonSplitter,
): AsyncGenerator<unknown, void> {
  for await (const chunk of answer) yield* splitter.push(Buffer.from(chunk));
}

/** A `Status` object in a watch. */
function failureIn(object: unknown): Error {
  const [code, message] = [fieldOf(object, 'code'), fieldOf(object, 'message')];
  if (typeof code !== 'number' || typeof message !== 'string') {
    return new MalformedAnswer('an event of a watch is an error that says nothing');
  }
  return new ApiFailure(
    code,
    `the API server ends the watch: ${escaped(message.slice(0, maxShown))}`,
  );
}
