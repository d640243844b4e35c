// SPDX-License-Identifier: Apache-2.0
// How many descriptors a running process may still open.
import { execFileSync } from 'node:child_process';
import { readdirSync, readFileSync } from 'node:fs';

/** Limits a running process so that it can open so many descriptors more. */
export function leaveFds(pid: number, count: number): void {
  const open = new Set(readdirSync(`/proc/${pid}/fd`).map(Number));
  let limit = 0;
  for (let free = 0; free < count || open.has(limit); limit += 1) {
    if (!open.has(limit)) free += 1;
  }
  execFileSync('prlimit', ['--pid', String(pid), `--nofile=${limit}:`]);
}

export function leaveManyFds(pid: number): void {
  const line = /^Max open files +\d+ +(?<hard>\d+)/mu.exec(
    readFileSync(`/proc/${pid}/limits`, 'utf8'),
  );
  execFileSync('prlimit', ['--pid', String(pid), `--nofile=${line?.groups?.['hard']}:`]);
}
