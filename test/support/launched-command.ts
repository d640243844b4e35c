// SPDX-License-Identifier: Apache-2.0
// A shell command under a notify filter, whose calls the test's own thread receives and answers.
import { eventKind } from '../../host/native.ts';
import type { LaunchHandle, Native, ReceiverHandle, WorkerHandle } from '../../host/native.ts';
import { ReceivedCall } from '../../host/notification/received-call.ts';
import { Syscalls } from '../../host/notification/syscalls.ts';
import { trappedCalls } from '../../host/notification/trapped-calls.ts';

const trapped = ['mkdir', 'mkdirat'] as const;

export class LaunchedCommand implements Disposable {
  readonly call: ReceivedCall = new ReceivedCall();
  readonly launch: LaunchHandle;
  readonly worker: WorkerHandle;
  readonly receiver: ReceiverHandle;
  readonly #native: Native;

  /**
   * @param script for sh, whose mkdir and mkdirat are trapped; it is killed after some time, so that
   *   no test waits for ever
   */
  constructor(native: Native, script: string) {
    this.#native = native;
    const syscalls = new Syscalls();
    const command = ['busybox', 'timeout', '-s', 'KILL', '20', 'busybox', 'sh', '-c', script];
    this.receiver = native.createReceiver(syscalls.readKinds());
    this.worker = native.attachWorker(this.receiver, this.call.bytes);
    this.launch = native.launch(
      command,
      ['PATH=/usr/bin:/bin'],
      ['/usr/bin/busybox', '/bin/busybox'],
      trappedCalls(trapped),
    );
    const reads = syscalls.readSet(() => true);
    native.adoptLaunch(this.receiver, this.launch, Uint8Array.of(1, 2, 3), reads);
  }

  /** The next notification. @throws Error when something else comes */
  next(): ReceivedCall {
    const event = this.#native.receive(this.worker);
    if (event !== eventKind.notification) throw new Error(`the event ${event} came instead`);
    return this.call;
  }

  /** Receives until the command has ended. @returns its exit code */
  end(): number {
    for (;;) {
      const event = this.#native.receive(this.worker);
      if (event === eventKind.exited) return this.#native.launchExit(this.launch)?.code ?? -1;
      if (event !== eventKind.ended) throw new Error(`the event ${event} came instead`);
    }
  }

  [Symbol.dispose](): void {
    this.#native.detachWorker(this.worker);
    this.#native.closeLaunch(this.launch);
    this.#native.closeReceiver(this.receiver);
  }
}
