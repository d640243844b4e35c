// SPDX-License-Identifier: Apache-2.0
// The audit stream: a JSON object a line for each decision, in a file that may be rotated.
import type { Log } from '../log/log.ts';
import type { ShownArgument } from './argument-bytes.ts';
import { foreignPeer, isUsual } from './decision.ts';
import type { ShownAnswer, ShownDecision, WatchedContainer, Watcher } from './decision.ts';
import { LineFile } from './line-file.ts';
import { LossLines } from './loss-lines.ts';
import { nodeName } from './node-name.ts';
import type { FileBounds } from './rotated-files.ts';
import { SeldomNotice } from '../scheduling/seldom-notice.ts';

export interface AuditOptions {
  /** Or `standardOutput`. */
  readonly path: string;
  /** Whether the decoded arguments are written down, but for what is secret. */
  readonly withArguments: boolean;
  readonly bounds?: FileBounds | undefined;
}

/** Figures of its lines. */
export interface LineCounts {
  readonly written: number;
  readonly lost: number;
}

type Json = string | number | boolean | null | { readonly [key: string]: Json };

const utf8 = new TextDecoder('utf-8', { fatal: true });

/** Paths are bytes: what is no text is there in hexadecimal digits. */
function shownBytes(bytes: Uint8Array): Json {
  try {
    return utf8.decode(bytes);
  } catch {
    return { hex: Buffer.from(bytes).toString('hex') };
  }
}

/** Numbers that JSON cannot hold exactly become strings. */
function shownInteger(value: bigint): Json {
  const number = Number(value);
  return Number.isSafeInteger(number) ? number : value.toString();
}

function shownValue({ value }: ShownArgument): Json {
  switch (value.kind) {
    case 'integer':
      return shownInteger(value.value);
    case 'bytes':
      return shownBytes(value.bytes);
    case 'null':
      return null;
    case 'fault':
      return { fault: value.errno };
    case 'unread':
      return { unread: true };
    case 'secret':
      return { secretBytes: value.length };
  }
}

function shownAnswer(answer: ShownAnswer): Readonly<Record<string, Json>> {
  switch (answer.kind) {
    case 'errno':
      return { answer: 'errno', errno: answer.errno };
    case 'value':
      return { answer: 'value', value: shownInteger(answer.value) };
    case 'continue':
    case 'descriptor':
      return { answer: answer.kind };
  }
}

/** First fields of each line; undefined fields are left out. */
function lineStart(
  at: number,
  node: string,
  container: WatchedContainer,
): Readonly<Record<string, Json | undefined>> {
  const { namespace, pod, container: containerName } = container.workload;
  return {
    time: new Date(at).toISOString(),
    node,
    container: container.containerId,
    namespace,
    pod,
    containerName,
    peerUid: foreignPeer(container),
  };
}

/** One line of the audit log. */
function auditLine(decision: ShownDecision, node: string): string {
  const { container, handler, acts, failure, delayMs } = decision;
  return JSON.stringify({
    ...lineStart(decision.at, node, container),
    pid: decision.tid,
    id: decision.notificationId.toString(),
    syscall: decision.syscall ?? decision.number,
    arch: decision.arch,
    handler: handler?.name,
    bundle: handler?.bundle,
    ...shownAnswer(decision.answer),
    delayMs: delayMs === 0 ? undefined : delayMs,
    failure: failure === 'none' ? undefined : failure,
    performed: acts.length === 0 ? undefined : acts,
    microseconds: decision.microseconds,
    arguments:
      decision.arguments === undefined
        ? undefined
        : Object.fromEntries(
            decision.arguments.map((argument) => [argument.name, shownValue(argument)]),
          ),
  });
}

export class AuditLog implements Watcher {
  readonly #node = nodeName();
  readonly #counts = { written: 0, lost: 0 };
  readonly #lostNotice: SeldomNotice;
  readonly #failedNotice: SeldomNotice;
  readonly #losses: LossLines = new LossLines((container, lost) => this.#addLoss(container, lost));
  #file: LineFile | undefined;

  private constructor(log: Log) {
    this.#lostNotice = new SeldomNotice(log);
    this.#failedNotice = new SeldomNotice(log);
  }

  /** @throws AgentError AGENT_AUDIT */
  static async open({ path, bounds }: AuditOptions, log: Log): Promise<AuditLog> {
    const audit = new AuditLog(log);
    audit.#file = await LineFile.open({
      path,
      bounds,
      code: 'AGENT_AUDIT',
      onWritten: (lines) => {
        audit.#counts.written += lines;
      },
      onLost: (lines) => {
        audit.#lose(lines);
      },
      onRemoved: (bytesRemoved) => {
        audit.#addRemoved(bytesRemoved);
      },
      onFailed: (error) => {
        audit.#failedNotice.tell(1, 'audit-failed', { path, error });
      },
    });
    return audit;
  }

  get counts(): LineCounts {
    return this.#counts;
  }

  /** Whether a thread of Node's is held up by a write that does not end. */
  get isStuck(): boolean {
    return this.#file?.isStuck ?? false;
  }

  take(decision: ShownDecision): void {
    const kind = isUsual(decision) ? 'usual' : 'other';
    const line = auditLine(decision, this.#node);
    if (this.#file?.add(line, kind, decision.container) !== false) return;
    this.#lose(1, decision.container);
    this.lost(decision.container, 1);
  }

  lost(container: WatchedContainer, count: number): void {
    this.#losses.add(container, count);
  }

  taken(): void {
    this.#file?.flush();
  }

  reopen(): void {
    this.#file?.reopen();
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#losses[Symbol.dispose]();
    await this.#file?.[Symbol.asyncDispose]();
    this.#lostNotice[Symbol.dispose]();
    this.#failedNotice[Symbol.dispose]();
  }

  #addLoss(container: WatchedContainer, decisionsLost: number): boolean {
    const line = { ...lineStart(Date.now(), this.#node, container), decisionsLost };
    const hasRoom = this.#file?.addOwn(JSON.stringify(line)) ?? false;
    this.#file?.flush();
    return hasRoom;
  }

  /** It is of the file, and not of a container. */
  #addRemoved(bytesRemoved: number): void {
    const time = new Date().toISOString();
    this.#file?.addOwn(JSON.stringify({ time, node: this.#node, bytesRemoved }));
  }

  #lose(lines: number, container?: WatchedContainer): void {
    this.#counts.lost += lines;
    const whose = container === undefined ? {} : { container: container.containerId };
    this.#lostNotice.tell(lines, 'audit-lines-lost', whose);
  }
}
