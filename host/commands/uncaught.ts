// SPDX-License-Identifier: Apache-2.0
// Uncaught errors end the agent at once: Node would wait for workers that are in a call, while
// the agent socket still takes listeners that nobody answers for. But for errors of file systems, which
// others than the agent's operator may bring about: those cost one piece of work.
import { failureFields } from '../errors.ts';
import type { Log } from '../log/log.ts';
import type { Native } from '../native.ts';

const exitCode = 1;

/** As Node makes them of what calls with a path say. */
function isOfFileSystem(thrown: unknown): thrown is Error {
  return thrown instanceof Error && 'syscall' in thrown && 'path' in thrown;
}

export function endingByUncaught({ log, native }: { log: Log; native: Native }): Disposable {
  const end = (thrown: unknown): void => {
    if (isOfFileSystem(thrown)) {
      log.event('file-operation-failed', { ...failureFields(thrown), stack: thrown.stack });
      return;
    }
    try {
      const stack = thrown instanceof Error ? { stack: thrown.stack } : {};
      log.event('internal-error', { ...failureFields(thrown), ...stack });
    } finally {
      native.exitProcess(exitCode);
    }
  };
  process.on('uncaughtException', end);
  process.on('unhandledRejection', end);
  return {
    [Symbol.dispose]: () => {
      process.off('uncaughtException', end);
      process.off('unhandledRejection', end);
    },
  };
}
