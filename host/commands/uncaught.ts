// SPDX-License-Identifier: Apache-2.0
// Uncaught errors end the agent at once: Node would wait for workers that are in a call, while
// the agent socket still takes listeners that nobody answers for. But for errors of file systems, which
// others than the agent's operator may bring about: those cost one piece of work.
import { messageOf } from '../errors.ts';
import type { Logger } from '../log.ts';
import type { Native } from '../native.ts';

const exitCode = 1;

/** As Node makes them of what calls with a path say. */
function isOfFileSystem(thrown: unknown): thrown is Error {
  return thrown instanceof Error && 'syscall' in thrown && 'path' in thrown;
}

export function endingByUncaught({ log, native }: { log: Logger; native: Native }): Disposable {
  const end = (thrown: unknown): void => {
    if (isOfFileSystem(thrown)) {
      log.error({ error: messageOf(thrown), stack: thrown.stack }, 'file operation failed');
      return;
    }
    try {
      const stack = thrown instanceof Error ? { stack: thrown.stack } : {};
      log.fatal({ error: messageOf(thrown), ...stack }, 'internal error: the agent exits');
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
