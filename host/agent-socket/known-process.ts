// SPDX-License-Identifier: Apache-2.0
// A process that is told from others which get its number later.

export interface KnownProcess {
  readonly pid: number;
  /** No other process has it until the machine starts anew. */
  readonly identity: string;
}

/** Knowledge of the addon; null: the process has ended. Waits for nobody since Linux 6.9. */
export type IdentityOf = (pid: number) => string | null;

/** Whether it is still there. */
export function isSameProcess(identityOf: IdentityOf, { pid, identity }: KnownProcess): boolean {
  return identityOf(pid) === identity;
}

/** Undefined: it has ended. */
export function knownProcess(identityOf: IdentityOf, pid: number): KnownProcess | undefined {
  const identity = identityOf(pid);
  return identity === null ? undefined : { pid, identity };
}
