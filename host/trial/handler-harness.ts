// SPDX-License-Identifier: Apache-2.0
// Drives handlers through the agent's own loader, without root or kernel: calls are made up,
// capabilities record what was asked of them and answer what was prepared.
import type { Action } from '../call/action.ts';
import { readRegularFile } from '../files/regular-file.ts';
import { loadComponent } from '../handler/direct.ts';
import type { LoadedComponent } from '../handler/direct.ts';
import type { HostCall } from '../call/host-call.ts';
import { HandlerInstance } from '../handler/instance.ts';
import { defaultLimits } from '../handler/outline.ts';
import { answerRule } from '../worker/answer-rules.ts';
import type { AnswerRule } from '../worker/answer-rules.ts';
import { limited } from '../worker/limited-host.ts';
import { ReceivedCall } from '../call/received-call.ts';
import { Syscalls } from '../syscalls/syscalls.ts';
import type { Syscall } from '../syscalls/syscalls.ts';
import type { Grants } from '../registry/grants.ts';
import { fillCall, syscallOf } from './made-up-call.ts';
import type { GivenArgument } from './made-up-call.ts';
import { RecordingHost } from './recording-host.ts';

/**
 * One instance of a handler.
 *
 * @example
 * const handler = new HandlerHarness(shippedComponent('errno'), { errno: 'EPERM' });
 * expect(handler.ask('chmod', '/a', 0o755)).toMatchObject({ kind: 'fail', errno: 'EPERM' });
 */
export class HandlerHarness {
  readonly component: LoadedComponent;
  readonly instance: HandlerInstance;
  readonly host: RecordingHost;
  readonly #syscalls = new Syscalls();
  readonly #call = new ReceivedCall();
  readonly #rule: AnswerRule | undefined;
  #current: Syscall | undefined;
  /** Operations that its grants have refused: `filesystem.unlink`. */
  readonly refused: string[] = [];

  /**
   * @param given the component, or its file
   * @param grants limits of what it may do; absent: none
   * @throws AgentError what the agent would say when it loads or configures the handler
   */
  constructor(
    given: string | LoadedComponent,
    settings: Readonly<Record<string, string>> = {},
    grants?: Grants,
  ) {
    this.component =
      typeof given === 'string'
        ? loadComponent(readRegularFile(given, { maxBytes: defaultLimits.maximumBytes }))
        : given;
    this.host = new RecordingHost(() =>
      this.#current === undefined ? [] : this.#call.decode(this.#current),
    );
    this.#rule = grants === undefined ? undefined : answerRule(grants);
    const host =
      grants === undefined
        ? this.host
        : limited(this.host, grants, (what) => this.refused.push(what));
    this.instance = new HandlerInstance(this.component, Object.entries(settings), host);
  }

  /** Host calls of the handler so far. */
  get calls(): readonly HostCall[] {
    return this.host.calls;
  }

  /** @throws AgentError as the agent's worker gets it */
  ask(syscall: string, ...given: readonly GivenArgument[]): Action {
    const found = syscallOf(this.#syscalls, syscall);
    fillCall(this.#call, syscall, given);
    this.#current = found;
    const action = this.instance.ask(this.#call, found);
    this.#rule?.(action, found);
    return action;
  }
}
