// SPDX-License-Identifier: Apache-2.0
// Output of `seccompagent doctor`.
import type { Check } from '../../host/doctor/check.ts';
import { runCommand, seccompagent } from './command.ts';
import { TemporaryFolder } from './temporary-folder.ts';

export interface Seen {
  readonly code: number | null;
  readonly checks: readonly Check[];
  /** The one of a name. */
  readonly of: (name: string) => Check | undefined;
}

/** Its output in places without an agent. */
export async function doctorSees(
  wrapper: readonly string[] = [],
  options: readonly string[] = [],
  environment: Readonly<Record<string, string>> = {},
): Promise<Seen> {
  using folder = new TemporaryFolder();
  const defaults = ['socketfile', 'control-socket'].map((name) => `-${name}=${folder.at(name)}`);
  const [program = seccompagent, ...args] = [
    ...wrapper,
    seccompagent,
    'doctor',
    '-json',
    ...defaults,
    ...options,
  ];
  const { code, stdout, stderr } = await runCommand([program, ...args], { environment });
  if (stdout === '') throw new Error(`doctor says nothing: ${stderr}`);
  const checks: readonly Check[] = JSON.parse(stdout);
  return { code, checks, of: (name) => checks.find((check) => check.name === name) };
}
