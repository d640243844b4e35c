// SPDX-License-Identifier: Apache-2.0
// Tells the owners of pods, by Kubernetes events, what is wrong with them. Nobody waits for it, and
// whoever makes pods that are wrong all the time does not flood the API.
import { randomBytes } from 'node:crypto';

import { failureFields } from '../errors.ts';
import type { Log } from '../log/log.ts';
import type { ContainerNote } from '../registry/container-note.ts';
import { escaped } from '../terminal-text.ts';
import type { ApiClient } from './api-client.ts';

export interface PodEvent extends ContainerNote {
  readonly namespace: string;
  readonly pod: string;
  readonly podUid: string;
  readonly container?: string | undefined;
}

export interface EventLimits {
  /** Most events that may come at once. */
  readonly burst: number;
  /** Time until one more may come. */
  readonly refillMs: number;
  /** The same of each namespace: none takes the others' part. */
  readonly namespaceBurst: number;
  readonly namespaceRefillMs: number;
  /** Time for which the same is not said again. */
  readonly silenceMs: number;
  readonly answerMs: number;
}

export interface PodEventsParts {
  readonly client: ApiClient;
  readonly nodeName: string;
  readonly log: Log;
  readonly limits?: Partial<EventLimits>;
}

const defaultLimits: EventLimits = {
  burst: 25,
  refillMs: 10_000,
  namespaceBurst: 5,
  namespaceRefillMs: 60_000,
  silenceMs: 600_000,
  answerMs: 5000,
};

/** Common prefix of reasons, which others do not have. */
const reasonStart = 'SeccompAgent';
const component = 'seccompagent';
const maxQueued = 64;
const maxSaid = 512;
/** Those that have made events last. */
const maxNamespaces = 512;
/** The API takes 1024. */
const maxMessage = 1000;
/** With a dot and 16 digits, the API takes 253. */
const maxNamed = 200;

function nameFor({ pod }: PodEvent): string {
  const stem = pod.slice(0, maxNamed).replace(/[.-]+$/u, '');
  return `${stem}.${randomBytes(8).toString('hex')}`;
}

function eventObject(event: PodEvent, nodeName: string): object {
  const { namespace, pod, podUid, container, reason, message } = event;
  const now = new Date().toISOString().replace(/\.\d+/u, '');
  return {
    apiVersion: 'v1',
    kind: 'Event',
    metadata: { name: nameFor(event), namespace },
    involvedObject: {
      apiVersion: 'v1',
      kind: 'Pod',
      namespace,
      name: pod,
      uid: podUid,
      ...(container === undefined ? {} : { fieldPath: `spec.containers{${container}}` }),
    },
    type: 'Warning',
    reason: `${reasonStart}${reason}`,
    message,
    count: 1,
    firstTimestamp: now,
    lastTimestamp: now,
    source: { component, host: nodeName },
    reportingComponent: component,
    reportingInstance: nodeName,
  };
}

/** So many at once, and one more each time that it has been refilled. */
class Bucket {
  readonly #burst: number;
  readonly #refillMs: number;
  #tokens: number;
  #countedAt = performance.now();

  constructor(burst: number, refillMs: number) {
    this.#burst = burst;
    this.#refillMs = refillMs;
    this.#tokens = burst;
  }

  get hasOne(): boolean {
    const now = performance.now();
    this.#tokens = Math.min(this.#burst, this.#tokens + (now - this.#countedAt) / this.#refillMs);
    this.#countedAt = now;
    return this.#tokens >= 1;
  }

  take(): void {
    this.#tokens -= 1;
  }
}

export class PodEvents {
  readonly #parts: PodEventsParts;
  readonly #limits: EventLimits;
  readonly #ending = new AbortController();
  readonly #queue: PodEvent[] = [];
  /** Sent events, oldest first, with their times. */
  readonly #said: Map<string, number> = new Map();
  readonly #common: Bucket;
  /** That of the namespace that was not told of for the longest time comes first. */
  readonly #byNamespace: Map<string, Bucket> = new Map();
  #isSending = false;
  #isFailing = false;

  constructor(parts: PodEventsParts) {
    this.#parts = parts;
    this.#limits = { ...defaultLimits, ...parts.limits };
    this.#common = new Bucket(this.#limits.burst, this.#limits.refillMs);
  }

  /** It never throws, and never waits. @returns false: there are too many for now */
  report(given: PodEvent): boolean {
    const event = { ...given, message: escaped(given.message).slice(0, maxMessage) };
    const key = keyOf(event);
    if (this.#ending.signal.aborted || this.#wasSaid(key)) return true;
    if (this.#queue.length >= maxQueued || !this.#takeTokens(event)) return false;
    this.#remember(key);
    this.#queue.push(event);
    if (!this.#isSending) void this.#send();
    return true;
  }

  end(): void {
    this.#ending.abort();
  }

  async #send(): Promise<void> {
    const { client, log, nodeName } = this.#parts;
    const { signal } = this.#ending;
    this.#isSending = true;
    for (let event = this.#queue.shift(); event !== undefined; event = this.#queue.shift()) {
      try {
        const { namespace } = event;
        const answer = await client.send({
          method: 'POST',
          path: `/api/v1/namespaces/${encodeURIComponent(namespace)}/events`,
          body: eventObject(event, nodeName),
          answerMs: this.#limits.answerMs,
          signal,
        });
        answer.destroy();
        this.#isFailing = false;
      } catch (thrown) {
        this.#said.delete(keyOf(event));
        if (signal.aborted) break;
        if (this.#isFailing) log.repeated('pod-events-failed', failureFields(thrown));
        else log.event('pod-events-failed', failureFields(thrown));
        this.#isFailing = true;
      }
    }
    this.#isSending = false;
  }

  #wasSaid(key: string): boolean {
    const at = this.#said.get(key);
    return at !== undefined && performance.now() - at < this.#limits.silenceMs;
  }

  #remember(key: string): void {
    this.#said.delete(key);
    this.#said.set(key, performance.now());
    const [oldest] = this.#said.keys();
    if (this.#said.size > maxSaid && oldest !== undefined) this.#said.delete(oldest);
  }

  #takeTokens({ namespace }: PodEvent): boolean {
    const own = this.#bucketOf(namespace);
    if (!own.hasOne || !this.#common.hasOne) return false;
    own.take();
    this.#common.take();
    return true;
  }

  #bucketOf(namespace: string): Bucket {
    const { namespaceBurst, namespaceRefillMs } = this.#limits;
    const bucket =
      this.#byNamespace.get(namespace) ?? new Bucket(namespaceBurst, namespaceRefillMs);
    this.#byNamespace.delete(namespace);
    this.#byNamespace.set(namespace, bucket);
    const [oldest] = this.#byNamespace.keys();
    if (this.#byNamespace.size > maxNamespaces && oldest !== undefined) {
      this.#byNamespace.delete(oldest);
    }
    return bucket;
  }
}

function keyOf({ podUid, container = '', reason, message }: PodEvent): string {
  return [podUid, container, reason, message].join('\n');
}
