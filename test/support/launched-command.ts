// SPDX-License-Identifier: Apache-2.0
// A shell command under a notify filter, whose calls the test's own thread receives and answers.
import { eventKind } from '../../host/native.ts';
import type {
  LaunchHandle,
  Native,
  ReceiverHandle,
  Token,
  WorkerHandle,
} from '../../host/native.ts';
import { makeCounters } from '../../host/counting/counters.ts';
import { ReceivedCall } from '../../host/call/received-call.ts';
import { Syscalls } from '../../host/syscalls/syscalls.ts';
import { trappedCalls } from '../../host/syscalls/trapped-calls.ts';

const trapped = ['mkdir', 'mkdirat'] as const;

/** How long a command may take to end once all its calls are answered. */
const endMs = 10_000;
const lookMs = 2;

export interface CommandOptions {
  /** Errno of calls that are not answered; 0: the kernel decides. EPERM when it is not given. */
  readonly failureErrno?: number;
}

export class LaunchedCommand implements Disposable {
  readonly call: ReceivedCall = new ReceivedCall();
  readonly counters: BigUint64Array = new BigUint64Array(makeCounters());
  readonly launch: LaunchHandle;
  readonly worker: WorkerHandle;
  readonly receiver: ReceiverHandle;
  readonly listener: Token;
  readonly process: Token;
  /** Sends the answer in `call`, and waits for the next event of the worker. */
  readonly receive: () => number;
  readonly #native: Native;

  /**
   * @param script for sh, whose mkdir and mkdirat are trapped; it is killed after some time, so that
   *   no test waits for ever
   */
  constructor(native: Native, script: string, { failureErrno = 1 }: CommandOptions = {}) {
    this.#native = native;
    const syscalls = new Syscalls();
    const command = ['busybox', 'timeout', '-s', 'KILL', '20', 'busybox', 'sh', '-c', script];
    this.receiver = native.createReceiver(syscalls.readKinds(), 1, 1);
    const counters = new Uint8Array(this.counters.buffer);
    this.worker = native.attachWorker(this.receiver, this.call.bytes, counters, 1);
    this.receive = native.receiveFunction(this.worker);
    this.launch = native.launch(
      command,
      ['PATH=/usr/bin:/bin'],
      ['/usr/bin/busybox', '/bin/busybox'],
      trappedCalls(trapped),
    );
    const adopted = native.adoptLaunch(this.receiver, this.launch, {
      registry: Uint8Array.of(1, 2, 3),
      handlers: Uint8Array.of(4, 5),
      annotations: Uint8Array.of(6),
      chain: new Uint8Array(),
      reads: syscalls.readSet(() => true),
      failureErrno,
      paths: new Uint8Array(),
    });
    this.listener = adopted.listener;
    this.process = adopted.process;
  }

  /** The next notification. @throws Error when something else comes */
  next(): ReceivedCall {
    const event = this.receive();
    if (event !== eventKind.notification) throw new Error(`the event ${event} came instead`);
    return this.call;
  }

  /**
   * Sends the last answer and waits for the command's end: it must make no further call that is
   * trapped, since the worker is gone then.
   * @returns its exit code
   */
  end(): number {
    this.#native.detachWorker(this.worker);
    return this.exitCode();
  }

  /** Waits for the command's end, without an event of any receiver. */
  exitCode(): number {
    const never = new Int32Array(new SharedArrayBuffer(4));
    const last = performance.now() + endMs;
    while (performance.now() < last) {
      const exit = this.#native.launchExit(this.launch);
      if (exit !== null) return exit.code;
      Atomics.wait(never, 0, 0, lookMs);
    }
    throw new Error('the command does not end');
  }

  [Symbol.dispose](): void {
    this.#native.detachWorker(this.worker);
    this.#native.closeLaunch(this.launch);
    this.#native.closeReceiver(this.receiver);
  }
}
