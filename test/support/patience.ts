// SPDX-License-Identifier: Apache-2.0
// Deadlines that only what has gone wrong meets, longer where the processor is a slow one.
const slowness = Number(process.env['SECCOMPAGENT_SLOWNESS'] ?? 1);

/** So many milliseconds of a usual machine. */
export function patient(milliseconds: number): number {
  return milliseconds * slowness;
}
