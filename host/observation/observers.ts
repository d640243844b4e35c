// SPDX-License-Identifier: Apache-2.0
// Who watches an agent's decisions, as its options say.
import type { Log } from '../log/log.ts';
import type { UserLines } from '../log/user-lines.ts';
import { Syscalls } from '../syscalls/syscalls.ts';
import { AuditLog } from './audit-log.ts';
import type { AuditOptions, LineCounts } from './audit-log.ts';
import { DecisionLog } from './decision-log.ts';
import type { DeliveryCounts } from './delivery.ts';
import { falcoWatchers } from './falco/falco-watchers.ts';
import type { FalcoOptions, FalcoWatcher, FalcoOutputName } from './falco/falco-watchers.ts';
import { Observation } from './observation.ts';

export interface WatchOptions {
  readonly audit?: AuditOptions;
  /** Told of the containers whose registries have the middleware `falco`. */
  readonly falco?: FalcoOptions;
}

export interface ObserverLogs {
  readonly log: Log;
  /** Lines on single containers. */
  readonly lines: UserLines;
}

/** Figures of the told decisions. */
export interface WatchCounts {
  /** Decisions that came faster than they could be read. */
  readonly lost: number;
  /** Undefined: there is no audit log. */
  readonly audit: LineCounts | undefined;
  readonly falco: readonly { readonly output: FalcoOutputName; readonly counts: DeliveryCounts }[];
}

export class Observers implements AsyncDisposable {
  readonly observation: Observation;
  readonly #audit: AuditLog | undefined;
  readonly #falco: readonly FalcoWatcher[];

  private constructor(
    { log, lines }: ObserverLogs,
    audit: AuditLog | undefined,
    falco: readonly FalcoWatcher[],
    withArguments: boolean,
  ) {
    this.#audit = audit;
    this.#falco = falco;
    const always = audit === undefined ? [] : [audit];
    const withLog = [new DecisionLog(log), ...always];
    this.observation = new Observation({
      log,
      lines,
      syscalls: new Syscalls(),
      // by the present level of the log
      get watchers() {
        return log.hasDecisions ? withLog : always;
      },
      byMiddleware: new Map([['falco', falco]]),
      withArguments,
    });
  }

  /** @throws AgentError AGENT_AUDIT, AGENT_FALCO: a file cannot be written */
  static async open({ audit, falco = {} }: WatchOptions, logs: ObserverLogs): Promise<Observers> {
    const { log } = logs;
    await using unlessOpened = new AsyncDisposableStack();
    const auditLog =
      audit === undefined ? undefined : unlessOpened.use(await AuditLog.open(audit, log));
    const watchers = await falcoWatchers(falco, log);
    unlessOpened.move();
    return new Observers(logs, auditLog, watchers, audit?.withArguments ?? false);
  }

  get counts(): WatchCounts {
    return {
      lost: this.observation.lost,
      audit: this.#audit?.counts,
      falco: this.#falco.map(({ output, counts }) => ({ output, counts })),
    };
  }

  /** Whether a thread of Node's is held up by a write that does not end. */
  get isStuck(): boolean {
    return this.#audit?.isStuck ?? false;
  }

  /** Renamed files are closed from now on. */
  reopen(): void {
    this.#audit?.reopen();
    for (const watcher of this.#falco) watcher.reopen?.();
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.observation[Symbol.asyncDispose]();
  }
}
