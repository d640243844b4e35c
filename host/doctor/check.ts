// SPDX-License-Identifier: Apache-2.0
// Findings of the doctor: one line for each check.
import type { ProbeOutcome } from '../native.ts';

/** `fail`: the agent does not work; `warn`: something of it does not. */
export type Status = 'ok' | 'warn' | 'fail';

export interface Check {
  /** Stable: scripts may look for it. */
  readonly name: string;
  readonly status: Status;
  readonly message: string;
  /** Advice; absent where there is nothing to do. */
  readonly advice?: string;
}

export function ok(name: string, message: string): Check {
  return { name, status: 'ok', message };
}

export function warn(name: string, message: string, advice: string): Check {
  return { name, status: 'warn', message, advice };
}

export function fail(name: string, message: string, advice: string): Check {
  return { name, status: 'fail', message, advice };
}

export interface CommandOutput {
  readonly code: number;
  readonly stdout: string;
}

/** Parts of a machine that are checked. */
export interface Machine {
  /** The text of a file; undefined: there is none, or it cannot be read. */
  readonly read: (path: string) => string | undefined;
  /** Of what a path leads to; undefined: there is nothing. */
  readonly inode: (path: string) => number | undefined;
  /** Runs a program of PATH; undefined: there is none. */
  readonly run: (command: string, args: readonly string[]) => CommandOutput | undefined;
  readonly environment: Readonly<Record<string, string | undefined>>;
}

/** Kubelets tell each container where the API is. */
export function isInPod({ environment }: Machine): boolean {
  return environment['KUBERNETES_SERVICE_HOST'] !== undefined;
}

/** Tries what has this name, see `probe` of the addon. */
export type Probe = (name: string) => ProbeOutcome;
