// SPDX-License-Identifier: Apache-2.0
// The audit stream: a JSON object a line for each decision, in a file that may be rotated.
import type { Logger } from '../log.ts';
import type { ShownArgument } from './argument-bytes.ts';
import { foreignPeer } from './decision.ts';
import type { ShownAnswer, ShownDecision, Watcher } from './decision.ts';
import { LineFile } from './line-file.ts';
import { nodeName } from './node-name.ts';
import { SeldomNotice } from './seldom-notice.ts';

export interface AuditOptions {
  readonly path: string;
  /** Whether the decoded arguments are written down, but for what is secret. */
  readonly withArguments: boolean;
}

/** What became of its lines. */
export interface LineCounts {
  readonly written: number;
  readonly lost: number;
}

type Json = string | number | boolean | null | { readonly [key: string]: Json };

const text = new TextDecoder('utf-8', { fatal: true });

/** Paths are bytes: what is no text is there in hexadecimal digits. */
function shownBytes(bytes: Uint8Array): Json {
  try {
    return text.decode(bytes);
  } catch {
    return { hex: Buffer.from(bytes).toString('hex') };
  }
}

/** What a number of JSON does not hold exactly is a text. */
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

/** One line of the audit log. */
function auditLine(decision: ShownDecision, node: string): string {
  const { container, handler, acts, failure, delayMs } = decision;
  const { namespace, pod, container: containerName } = container.workload;
  return JSON.stringify({
    time: new Date(decision.at).toISOString(),
    node,
    container: container.containerId,
    // undefined is not written
    namespace,
    pod,
    containerName,
    peerUid: foreignPeer(container),
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
  readonly #file: LineFile;
  readonly #notices: readonly SeldomNotice[];
  readonly #counts: { written: number; lost: number };
  readonly #node = nodeName();

  private constructor(
    file: LineFile,
    notices: readonly SeldomNotice[],
    counts: { written: number; lost: number },
  ) {
    this.#file = file;
    this.#notices = notices;
    this.#counts = counts;
  }

  /** @throws AgentError AGENT_AUDIT */
  static async open({ path }: AuditOptions, log: Logger): Promise<AuditLog> {
    const lost = new SeldomNotice(log);
    const failed = new SeldomNotice(log);
    const counts = { written: 0, lost: 0 };
    const file = await LineFile.open({
      path,
      code: 'AGENT_AUDIT',
      onWritten: (lines) => {
        counts.written += lines;
      },
      onLost: (lines) => {
        counts.lost += lines;
        lost.tell(lines, 'lines of the audit log are lost: they come faster than they are written');
      },
      onFailed: (error) => {
        failed.tell(1, 'the audit log cannot be written; it is tried again', { path, error });
      },
    });
    return new AuditLog(file, [lost, failed], counts);
  }

  get counts(): LineCounts {
    return this.#counts;
  }

  take(decision: ShownDecision): void {
    this.#file.add(auditLine(decision, this.#node));
  }

  taken(): void {
    this.#file.flush();
  }

  reopen(): void {
    this.#file.reopen();
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#file[Symbol.asyncDispose]();
    for (const notice of this.#notices) notice[Symbol.dispose]();
  }
}
