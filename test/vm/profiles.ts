// SPDX-License-Identifier: Apache-2.0
// Profiles of AppArmor, which is in Debian's kernel.
import { spawnSync } from 'node:child_process';
import { readFileSync } from 'node:fs';

/** Loads one into the kernel, where it stays until the machine ends. `rules`: its lines. */
export function loadProfile(name: string, rules: readonly string[], flags = ''): string {
  const text = `profile ${name} ${flags} {\n${rules.join('\n')}\n}\n`;
  const { status, stderr } = spawnSync('apparmor_parser', ['--replace'], {
    encoding: 'utf8',
    input: `abi <abi/4.0>,\n${text}`,
  });
  if (status !== 0) throw new Error(`apparmor_parser refuses ${text}: ${stderr}`);
  return name;
}

/** Expected result. */
export function labelOf(pid: number): string {
  return readFileSync(`/proc/${pid}/attr/apparmor/current`, 'utf8').trim();
}
