// SPDX-License-Identifier: Apache-2.0
// How much memory a process has in use, from /proc.
import { readFileSync } from 'node:fs';

const bytesPerKib = 1024;

function statusBytes(pid: number, field: string): number {
  const status = readFileSync(`/proc/${pid}/status`, 'utf8');
  const kib = new RegExp(`^${field}:\\s+(?<kib>\\d+) kB$`, 'mu').exec(status)?.groups?.['kib'];
  return Number(kib) * bytesPerKib;
}

/** Its present bytes in memory. */
export function residentBytes(pid: number): number {
  return statusBytes(pid, 'VmRSS');
}

/** The most that it ever had. */
export function maxResidentBytes(pid: number): number {
  return statusBytes(pid, 'VmHWM');
}
