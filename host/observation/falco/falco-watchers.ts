// SPDX-License-Identifier: Apache-2.0
// Falco events of calls: their contents, and their receivers.
import { messageOf } from '../../errors.ts';
import type { Log } from '../../log/log.ts';
import { isUsual } from '../decision.ts';
import type { ShownDecision, WatchedContainer, Watcher } from '../decision.ts';
import { Delivery } from '../delivery.ts';
import type { DeliveryCounts, DeliveryParts } from '../delivery.ts';
import { LineFile } from '../line-file.ts';
import { nodeName } from '../node-name.ts';
import type { FileBounds } from '../rotated-files.ts';
import { SeldomNotice } from '../../scheduling/seldom-notice.ts';
import { falcoAlert } from './alert.ts';
import type { FalcoPluginClient } from './plugin-client.ts';

/** Destination of alerts as lines of JSON. */
export type FalcoOutput =
  | {
      readonly kind: 'file';
      readonly path: string;
      readonly bounds?: FileBounds | undefined;
    }
  | { readonly kind: 'http'; readonly url: URL };

export interface FalcoOptions {
  /** Of Falco's plugin; absent: nobody listens there. */
  readonly socket?: string;
  readonly output?: FalcoOutput;
}

/** Destination of events: the label of their metrics. */
export type FalcoOutputName = 'grpc' | 'file' | 'http';

export interface FalcoWatcher extends Watcher {
  readonly output: FalcoOutputName;
  readonly counts: DeliveryCounts;
  /** Files are opened anew. */
  reopen?(): void;
}

/** While the plugin says nothing, its events take a second each. */
const grpcRoom = { maxAtOnce: 64, maxWaiting: 8192 } as const;
const httpRoom = { maxAtOnce: 4, maxWaiting: 8192 } as const;

/** A watcher that hands its events on, one at a time. */
class DeliveringWatcher<T> implements FalcoWatcher {
  readonly output: FalcoOutputName;
  readonly #delivery: Delivery<T>;
  readonly #eventOf: (decision: ShownDecision) => T;
  readonly #notice: SeldomNotice;
  readonly #close: () => Promise<void>;

  constructor(parts: {
    readonly output: FalcoOutputName;
    readonly log: Log;
    readonly room: Pick<DeliveryParts<T>, 'maxAtOnce' | 'maxWaiting'>;
    readonly eventOf: (decision: ShownDecision) => T;
    readonly deliver: DeliveryParts<T>['deliver'];
    readonly close: () => Promise<void>;
  }) {
    const { output, log, room, eventOf, deliver, close } = parts;
    this.output = output;
    this.#eventOf = eventOf;
    this.#close = close;
    this.#notice = new SeldomNotice(log);
    this.#delivery = new Delivery({
      ...room,
      deliver,
      onUndelivered: (result, count, thrown) => {
        const error = thrown === undefined ? {} : { error: messageOf(thrown) };
        this.#notice.tell(count, 'falco-undelivered', { output, result, ...error });
      },
    });
  }

  get counts(): DeliveryCounts {
    return this.#delivery.counts;
  }

  take(decision: ShownDecision): void {
    this.#delivery.add(this.#eventOf(decision), decision.container);
  }

  taken(): void {
    this.#delivery.flush();
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#delivery[Symbol.asyncDispose]();
    await this.#close();
    this.#notice[Symbol.dispose]();
  }
}

class FileWatcher implements FalcoWatcher {
  readonly output = 'file';
  readonly #counts = { sent: 0, failed: 0, lost: 0 };
  readonly #node = nodeName();
  readonly #notice: SeldomNotice;
  #file: LineFile | undefined;

  private constructor(log: Log) {
    this.#notice = new SeldomNotice(log);
  }

  /** @throws AgentError AGENT_FALCO */
  static async open(
    { path, bounds }: FalcoOutput & { readonly kind: 'file' },
    log: Log,
  ): Promise<FileWatcher> {
    const watcher = new FileWatcher(log);
    watcher.#file = await LineFile.open({
      path,
      bounds,
      code: 'AGENT_FALCO',
      onWritten: (lines) => {
        watcher.#counts.sent += lines;
      },
      onLost: (lines) => {
        watcher.#lose(lines);
      },
      onFailed: (error) => {
        watcher.#notice.tell(0, 'falco-undelivered', { output: 'file', error });
      },
    });
    return watcher;
  }

  get counts(): DeliveryCounts {
    return this.#counts;
  }

  take(decision: ShownDecision): void {
    const kind = isUsual(decision) ? 'usual' : 'other';
    const line = falcoAlert(decision, this.#node);
    if (this.#file?.add(line, kind, decision.container) === false)
      this.#lose(1, decision.container);
  }

  taken(): void {
    this.#file?.flush();
  }

  reopen(): void {
    this.#file?.reopen();
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#file?.[Symbol.asyncDispose]();
    this.#notice[Symbol.dispose]();
  }

  #lose(lines: number, container?: WatchedContainer): void {
    this.#counts.lost += lines;
    const whose = container === undefined ? {} : { container: container.containerId };
    this.#notice.tell(lines, 'falco-undelivered', { output: 'file', result: 'lost', ...whose });
  }
}

/** The library is loaded with the first event: few have any. */
function pluginWatcher(socket: string, log: Log): FalcoWatcher {
  let client: Promise<FalcoPluginClient> | undefined;
  const connect = async (): Promise<FalcoPluginClient> => {
    const library = await import('./plugin-client.ts');
    return new library.FalcoPluginClient(socket);
  };
  return new DeliveringWatcher({
    output: 'grpc',
    log,
    room: grpcRoom,
    eventOf: (decision) => decision,
    deliver: async (decision) => {
      client ??= connect();
      return (await client).send(decision);
    },
    close: async () => {
      // who could not be made has told so with each event
      const made = await client?.catch(() => undefined);
      made?.[Symbol.dispose]();
    },
  });
}

async function httpWatcher(url: URL, log: Log): Promise<FalcoWatcher> {
  const { HttpOutput } = await import('./http-output.ts');
  const output = new HttpOutput(url);
  const node = nodeName();
  return new DeliveringWatcher({
    output: 'http',
    log,
    room: httpRoom,
    eventOf: (decision) => falcoAlert(decision, node),
    deliver: (alert) => output.send(alert),
    close: () => output[Symbol.asyncDispose](),
  });
}

async function outputWatcher(output: FalcoOutput, log: Log): Promise<FalcoWatcher> {
  switch (output.kind) {
    case 'file':
      return FileWatcher.open(output, log);
    case 'http':
      return httpWatcher(output.url, log);
  }
}

/** @throws AgentError AGENT_FALCO: a file cannot be written */
export async function falcoWatchers(
  { socket, output }: FalcoOptions,
  log: Log,
): Promise<readonly FalcoWatcher[]> {
  return [
    ...(socket === undefined ? [] : [pluginWatcher(socket, log)]),
    ...(output === undefined ? [] : [await outputWatcher(output, log)]),
  ];
}
